"""The parts of a view that surround what was compared: nodes, tables, waivers, settings, the way back."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FindingView", "NodeView", "RollbackView", "Setting", "Step", "WaiverView", "WindowView"]


@dataclass(frozen=True)
class WaiverView:
    """An accepted change, and what became of it. ``tone`` is bad where somebody should do something about it."""

    of: str
    reason: str
    owner: str
    expires: str
    state: str
    said: str
    tone: str


@dataclass(frozen=True)
class RollbackView:
    """How long the way back took when it was good last: the upgrade's rollback time."""

    seconds: float
    real: bool  # gone in earnest, and not rehearsed
    ring: str
    node: str
    at: str
    by: str
    said: str  # all of it in words


@dataclass(frozen=True)
class FindingView:
    """What the support tables say of a cell."""

    cell: str
    arm: str
    rule: str
    status: str
    reason: str
    source: str


@dataclass(frozen=True)
class NodeView:
    """A node that was measured on; what could not be read is a dash."""

    id: str
    cpu: str
    memory: str
    kernel: str
    driver: str
    gpus: str


@dataclass(frozen=True)
class WindowView:
    """Until when a value of an axis is supported: ``ends`` and the days that are left, None where it is not known.

    ``over``: on the day that the last ring would end. With no days it is over already, and nobody knows since when.
    Both are of the verdict, and ``days_now`` and ``over_now``, as what is said, of when the view was made.
    """

    axis: str
    value: str
    arms: str  # that have it
    ends: str | None
    days_left: int | None
    over: bool
    days_now: int | None
    over_now: bool
    said: str
    source: str


@dataclass(frozen=True)
class Setting:
    """A name with its value: a threshold that was used, a digest, a fact."""

    name: str
    value: str
    meaning: str = ""


@dataclass(frozen=True)
class Step:
    """Something a reader can do to repeat the verdict."""

    text: str
    command: str

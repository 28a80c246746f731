"""The nouns of a way back: what ``compat rollback plan`` says, for people and as a document."""

from __future__ import annotations

from dataclasses import dataclass

from compat.model import Stack

__all__ = ["ArtifactBack", "AxisBack", "NodeBack", "RehearsedBack", "RuntimeBack", "WayBack"]


@dataclass(frozen=True)
class AxisBack:
    """An axis that changes. ``undoable``: whether it can be undone at all; None where nobody says."""

    axis: str
    now: str
    back_to: str
    undoable: bool | None = True


@dataclass(frozen=True)
class RuntimeBack:
    """A runtime, with what was read of it: ``digests`` by which registries give its image, ``ids`` on engines.

    ``variables`` are names alone. ``kind`` is ``image``, ``requirements`` or ``in_place``.
    """

    name: str
    kind: str
    image: str | None
    base: str | None
    requirements: tuple[str, ...]
    python: str | None
    variables: tuple[str, ...]
    digests: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArtifactBack:
    """A file that the known-good stack was measured with."""

    workload: str
    package: str
    path: str
    sha256: str


@dataclass(frozen=True)
class NodeBack:
    """A node that had the candidate. ``state``: ``candidate``, or ``back`` where it was verified since.

    ``driver_now`` and ``driver_back`` are what the arms saw on it; None where there was none to see.
    """

    id: str
    hostname: str
    ring: str
    state: str
    driver_now: str | None
    driver_back: str | None
    last_seen: str  # when the candidate ran there last


@dataclass(frozen=True)
class RehearsedBack:
    """The newest way back that was tried and was good."""

    ring: str
    node: str
    at: str
    real: bool
    seconds: float
    phases: dict[str, float]


@dataclass(frozen=True)
class WayBack:
    """All of it. ``source`` says in words where the known-good stack is from, ``promotion`` by the entry's number."""

    schema_version: int
    matrix: str
    plan: str
    source: str
    promotion: int | None
    candidate: Stack
    known_good: Stack
    axes: tuple[AxisBack, ...]
    runtime_now: RuntimeBack | None
    runtime: RuntimeBack | None
    artifacts: tuple[ArtifactBack, ...]
    nodes: tuple[NodeBack, ...]  # in the order in which they go back
    steps: tuple[str, ...]  # on each of them
    rehearsed: RehearsedBack | None

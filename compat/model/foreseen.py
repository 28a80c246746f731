"""What is known before anything runs: what is left out, what the tables say, and how long something is supported."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from compat.model.moments import Day
from compat.model.words import Arm

__all__ = ["Finding", "Rejection", "Window"]


@dataclass(frozen=True)
class Rejection:
    """A point or a workload that will not be measured, and why.

    ``blocking`` ones keep ``ring`` (every ring when it is None) from GO.
    """

    what: str
    reason: str
    blocking: bool = False
    ring: str | None = None


@dataclass(frozen=True)
class Finding:
    """What the tables say of a cell before anything runs (tier ``static``).

    ``status`` is ``ok``, ``fail`` or ``unknown``; unknown is never taken for ok. ``source`` says where the rule's
    facts come from, with the date they were last checked. ``level``: how well it goes together (``native``,
    ``minor_compat``, ``forward_compat``, ``conditional``, ``fail``), where the rule says so. ``remedy``: what would be
    ok.
    """

    cell: str
    arm: Arm
    rule: str
    status: str
    reason: str
    source: str
    level: str = field(default="", metadata={"later": True})
    remedy: str = field(default="", metadata={"later": True})


@dataclass(frozen=True)
class Window:
    """Until when a value of an axis is supported. ``ends``: the last day (ISO 8601), None where it is not known.

    ``ended``: it is over, and nobody says since when.
    """

    axis: str
    value: str
    ends: Day | None
    ended: bool
    source: str

    def days_left(self, day: str) -> int | None:
        """Days from ``day`` (ISO 8601) to the last one, negative once it is over; None where the end is not known."""
        if self.ends is None:
            return None
        return (datetime.date.fromisoformat(self.ends) - datetime.date.fromisoformat(day[:10])).days

    def is_over(self, day: str) -> bool:
        """Whether support has ended on ``day``. An unknown end is not over."""
        left = self.days_left(day)
        return self.ended or (left is not None and left < 0)

    def in_words(self, day: str) -> str:
        """``driver 570.172.08: supported until 2026-02-28, which was 274 days ago``."""
        what, left = f"{self.axis} {self.value}", self.days_left(day)
        if left is None:
            return f"{what}: its support has ended" if self.ended else f"{what}: the end of its support is not known"
        when = f"{left} days left" if left >= 0 else f"which was {-left} days ago"
        return f"{what}: supported until {self.ends}, {when}"

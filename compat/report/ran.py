"""The evidence of a verdict, read item by item, and what is to be known of all of it: what ran where."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from compat.judge.evidence import by_item
from compat.model.moments import LONGEST, zoned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from compat.judge.evidence import ByItem
    from compat.model import Arm, Evidence

__all__ = ["Ran"]


class Ran:
    """Reads evidence, and keeps none of it."""

    def __init__(self, evidence: ByItem | Iterable[Evidence]) -> None:
        self._records = by_item(evidence)
        self._unread = set(self._records)
        self._first = ""  # when a run began
        self._last = "", 0.0  # and how many seconds it took
        self._identities: dict[tuple[Arm, str], str] = {}  # and when it was first seen
        self._places: dict[tuple[str, str], tuple[int, str]] = {}  # node and identity: and when that was first

    def read(self, item: str) -> Sequence[Evidence]:
        """The evidence of an item."""
        own = self._records.get(item, ())
        for record in own if item in self._unread else ():
            self._first = min(record.started, self._first or record.started)
            self._last = max((record.started, record.seconds), self._last)
            arm, place = (record.arm, record.identity), (record.node, record.identity)
            at = record.generation, record.started
            self._identities[arm] = min(record.started, self._identities.get(arm, record.started))
            self._places[place] = min(at, self._places.get(place, at))
        self._unread.discard(item)
        return own

    def read_the_rest(self) -> None:
        """Read what nothing was compared of, for what is to be known of all."""
        for item in sorted(self._unread):
            self.read(item)

    @property
    def began(self) -> str:
        """When the first run began, UTC; empty where there is none, or where it does not say."""
        at = zoned(self._first)
        return "" if at is None else at.isoformat()

    @property
    def ended(self) -> str:
        """When the run ended that began last."""
        at = zoned(self._last[0])
        took = self._last[1] if 0 <= self._last[1] <= LONGEST else 0.0  # who reads a run has not looked at it
        return "" if at is None else (at + datetime.timedelta(seconds=took)).isoformat()

    @property
    def identities(self) -> list[tuple[Arm, str]]:
        """The identities that each arm had, in the order in which they were first seen."""
        return sorted(self._identities, key=lambda one: (self._identities[one], one))

    @property
    def places(self) -> list[tuple[str, str]]:
        """Nodes with the identities that were seen there, in the order of their generations."""
        return sorted(self._places, key=lambda one: (self._places[one], one))

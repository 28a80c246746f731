"""The evidence of a verdict, read item by item, and what is to be known of all of it: what ran where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.judge.evidence import by_item

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
        self._identities: dict[tuple[Arm, str], str] = {}  # and when it was first seen
        self._places: dict[tuple[str, str], tuple[int, str]] = {}  # node and identity: and when that was first

    def read(self, item: str) -> Sequence[Evidence]:
        """The evidence of an item."""
        own = self._records.get(item, ())
        for record in own if item in self._unread else ():
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
    def identities(self) -> list[tuple[Arm, str]]:
        """The identities that each arm had, in the order in which they were first seen."""
        return sorted(self._identities, key=lambda one: (self._identities[one], one))

    @property
    def places(self) -> list[tuple[str, str]]:
        """Nodes with the identities that were seen there, in the order of their generations."""
        return sorted(self._places, key=lambda one: (self._places[one], one))

"""Evidence by item, as the judge is given it: it may be read item by item, since there may be a million records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from compat.model import Evidence

__all__ = ["ByItem", "by_item"]

ByItem = Mapping[str, Sequence[Evidence]]


def by_item(evidence: ByItem | Iterable[Evidence]) -> ByItem:
    """Records by their item; a mapping is that already, and may read an item's each time that it is asked for them."""
    if isinstance(evidence, Mapping):
        return evidence
    found: dict[str, list[Evidence]] = {}
    for record in evidence:
        found.setdefault(record.item, []).append(record)
    return found

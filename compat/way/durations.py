"""How long cases took in an earlier run: what a plan costs, and which shards are even."""

from __future__ import annotations

from collections import defaultdict
from statistics import mean
from typing import TYPE_CHECKING

from compat.model import digest

if TYPE_CHECKING:
    from compat.store.place import Where

__all__ = ["Durations", "stored_durations"]

Durations = dict[tuple[str, str], float]


def stored_durations(store: Where | None) -> Durations:
    """Seconds of a run by workload and case, over both arms, of the newest plan in ``store``; nothing without a store.

    Runs that faulted say nothing of it. Who plans shards and who measures them name the same store: other durations are
    other shards.
    """
    if store is None:
        return {}
    from compat.store import Store

    opened = Store(store)
    plan = opened.plan()
    cases = {item.key: (item.case.workload, item.case.id) for item in plan.items}
    took: dict[tuple[str, str], list[float]] = defaultdict(list)
    for record in opened.runs(digest(plan)).each():
        if record.fault is None and record.item in cases:
            took[cases[record.item]].append(record.seconds)
    return {case: mean(seconds) for case, seconds in took.items()}

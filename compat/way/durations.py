"""How long cases took when they were measured before, so that shards are even."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import median

__all__ = ["stored_durations"]


def stored_durations(store: Path | None) -> dict[str, float]:
    """By item's key: the median seconds of a run in ``store``, over all of its plans. Nothing without a store.

    Who measures a shard, and who plans the shards, name the same store: other durations are other shards.
    """
    if store is None:
        return {}
    from compat.store import LocalStore

    opened = LocalStore(store)
    seconds: dict[str, list[float]] = defaultdict(list)
    for plan in opened.plan_digests():
        for record in opened.evidence(plan):
            if record.fault is None:
                seconds[record.item].append(record.seconds)
    return {key: median(taken) for key, taken in sorted(seconds.items())}

"""Looking ahead: what a plan would take, what it could tell, and whether it can reach GO."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from compat.model import Plan, digest
from compat.way.calibrate import calibrated_spreads
from compat.way.conclude import open_store

if TYPE_CHECKING:
    from compat.judge.forecast import Forecast

__all__ = ["built_bytes", "look_ahead"]


def look_ahead(plan: Plan, ring: str | None, like: Path | None, calibration: Path | None) -> tuple[Forecast, ...]:
    """A forecast of each ring, or of one.

    ``like``: a store with earlier evidence of the same cases, whose durations are taken. ``calibration``: the store
    that ``compat calibrate`` left. StoreError or UsageError where one is not what it has to be.
    """
    from compat.judge.forecast import forecast

    durations = {} if like is None else _durations(like)
    spreads = {}
    if calibration is not None:
        store = open_store(calibration)
        spreads = calibrated_spreads(store, plan, store.nodes())
    return tuple(forecast(plan, one, durations, spreads) for one in plan.rings if ring in (None, one.name))


def _durations(folder: Path) -> dict[tuple[str, str], float]:
    """Seconds of a run by workload and case, over both arms; runs that faulted say nothing of it."""
    store = open_store(folder)
    plan = store.plan()
    cases = {item.key: (item.case.workload, item.case.id) for item in plan.items}
    took: dict[tuple[str, str], list[float]] = defaultdict(list)
    for record in store.evidence(digest(plan)):
        if record.fault is None and record.item in cases:
            took[cases[record.item]].append(record.seconds)
    return {case: mean(seconds) for case, seconds in took.items()}


def built_bytes(plan: Plan, cache: Path) -> dict[str, int]:
    """Runtime -> bytes on disk, of those that are built as virtual environments already."""
    from compat.run.venv import size_of

    found = {name: size_of(runtime, cache) for name, runtime in plan.runtimes.items() if runtime.kind == "requirements"}
    return {name: size for name, size in found.items() if size is not None}

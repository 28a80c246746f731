"""Looking ahead: what a plan would take, what it could tell, and whether it can reach GO."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compat.model import Plan
from compat.way.calibrate import calibrated_spreads
from compat.way.conclude import open_store
from compat.way.durations import stored_durations

if TYPE_CHECKING:
    from compat.judge.forecast import Forecast
    from compat.store.place import Where

__all__ = ["built_bytes", "look_ahead"]


def look_ahead(plan: Plan, ring: str | None, like: Where | None, calibration: Where | None) -> tuple[Forecast, ...]:
    """A forecast of each ring, or of one.

    ``like``: a store with earlier evidence of the same cases, whose durations are taken. ``calibration``: the store
    that ``compat calibrate`` left. StoreError or UsageError where one is not what it has to be.
    """
    from compat.judge.forecast import forecast

    durations = stored_durations(like)
    spreads = {}
    if calibration is not None:
        store = open_store(calibration)
        spreads = calibrated_spreads(store, plan, store.nodes())
    return tuple(forecast(plan, one, durations, spreads) for one in plan.rings if ring in (None, one.name))


def built_bytes(plan: Plan, cache: Path) -> dict[str, int]:
    """Runtime -> bytes on disk, of those that are built as virtual environments already."""
    from compat.run.venv import size_of

    found = {name: size_of(runtime, cache) for name, runtime in plan.runtimes.items() if runtime.kind == "requirements"}
    return {name: size for name, size in found.items() if size is not None}

"""The support window, judged on the day of the verdict: an upgrade is no way into what nobody mends any more."""

from __future__ import annotations

from compat.judge.tables import table_comparison
from compat.model import Comparison, Plan, Ring, Status, Tier, Window

__all__ = ["judge_windows"]

METRIC = "static:support-window"


def judge_windows(plan: Plan, ring: Ring, judged_at: str) -> list[Comparison]:
    """One comparison per required cell and axis whose value the upgrade changes, in rings that ask for tier static.

    A value whose support is over on the day ``judged_at`` (ISO 8601) is not gone into unnoticed: it is open until
    somebody waives it. Where the known-good's own is over as well, the upgrade is no worse. An unknown end is shown and
    judged by nobody: most values have none.
    """
    if Tier.STATIC not in ring.tiers:
        return []
    found = []
    for axis in sorted({window.axis for window in plan.windows}):
        good, new = _of(plan, axis, plan.known_good.get(axis)), _of(plan, axis, plan.candidate.get(axis))
        if new is None or plan.known_good.get(axis) == plan.candidate.get(axis):
            continue
        was_over = good is not None and good.is_over(judged_at)
        status = Status.INCONCLUSIVE if new.is_over(judged_at) and not was_over else Status.PASS
        said = f"{new.in_words(judged_at)} ({new.source})"
        cells = [cell.id for cell in plan.every_cell().values() if cell.required and not cell.rollback]
        found += [table_comparison(cell, METRIC, status, said, required=True) for cell in sorted(cells)]
    return found


def _of(plan: Plan, axis: str, value: str | None) -> Window | None:
    return next((window for window in plan.windows if (window.axis, window.value) == (axis, value)), None)

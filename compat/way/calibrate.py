"""The known-good stack beside itself: what its measurements can tell on this node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from compat.errors import UsageError
from compat.model import Plan, digest
from compat.way.job import Job
from compat.way.options import Options, ring_of

if TYPE_CHECKING:
    from compat.judge.calibration import Calibrated, Spread
    from compat.model import Node
    from compat.run.measure import Progress
    from compat.store import Store

__all__ = ["calibrate", "calibrated_spreads"]


def calibrate(
    plan: Plan, options: Options, pairs: int, say: Callable[[str], None], report: Callable[[Progress], None]
) -> tuple[Calibrated, ...]:
    """Measure the known-good stack beside itself on this node, ``pairs`` of each case, and what it says of each metric.

    The evidence stays in ``options.store`` (default: out/NAME.calibration), for ``conclude``.
    """
    from compat.judge import calibrated
    from compat.plan.unchanged import unchanged

    ring = ring_of(plan, options.ring)
    alike = unchanged(plan, ring, pairs)
    job = Job(alike, replace(options, ring=ring, store=options.store or Path("out") / f"{plan.name}.calibration"))
    store = job.measure(job.items, say, report)
    return calibrated(plan, ring, alike, store.runs(digest(alike)))


def calibrated_spreads(store: Store, plan: Plan, nodes: Mapping[str, Node]) -> dict[tuple[str, str], Spread]:
    """What a calibration says of the items of ``plan``, on the nodes that it is judged on."""
    from compat.judge import spreads

    alike = store.plan()
    if alike.known_good != plan.known_good or alike.candidate != alike.known_good:
        what = "is no calibration of the known-good stack of this plan"
        raise UsageError(store.where, what, "make one with compat calibrate")
    content = {item.key: item.case.content for item in plan.items}
    same = replace(alike, items=tuple(i for i in alike.items if content.get(i.key) == i.case.content))
    return spreads(same, store.runs(digest(alike)), nodes)

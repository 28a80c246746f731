"""What a plan will cost and what it can tell, as text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from compat.model import Plan, Ring
from compat.report.text import count, quantity

if TYPE_CHECKING:
    from compat.judge.forecast import Forecast

__all__ = ["disk_lines", "forecast_lines"]

_SHOWN = 5


def forecast_lines(found: Forecast, ring: Ring) -> Iterator[str]:
    """Of one ring: cost, the least slowdowns, the chance of GO, and what stands against it."""
    pairs = count(round(found.pairs), "pair")
    yield f"  ring {found.ring}: {count(found.items, 'case')}, about {pairs} if nothing changed"
    if found.known:
        of = "" if found.known == found.items else f" for the {found.known} of {found.items} cases that were timed"
        gpus = f", {found.gpu_hours:.1f} GPU-hours on {count(ring.minimum_nodes, 'node')}" if found.gpu_hours else ""
        yield f"    takes about {found.seconds / 60:.0f} of {ring.budget / 60:g} min on a node{gpus}{of}"
    elif found.items:
        budget = f"{ring.budget / 60:g} min"
        yield f"    how long that takes is not known (budget {budget}): say --like STORE of an earlier run"
    groups: dict[tuple[str, float, bool], list[str]] = defaultdict(list)
    for one in found.least:
        groups[f"{100 * one.least:.1f}", one.margin, one.assumed].append(f"{one.item} {one.metric}")
    for (least, margin, assumed), names in list(groups.items())[:_SHOWN]:
        basis = "if pairs differ by 2 %, which is assumed" if assumed else "by calibration"
        told = f"{count(len(names), 'measurement')} can tell {least} % or more {basis}, margin {100 * margin:g} %"
        yield f"    {told}: {names[0]}{' and others' if len(names) > 1 else ''}"
    if len(groups) > _SHOWN:
        yield f"    and {count(sum(map(len, list(groups.values())[_SHOWN:])), 'more measurement')}, which tell more"
    if found.obstacles:
        yield "    cannot reach GO:"
        yield from (f"      {obstacle}" for obstacle in found.obstacles)
        yield from (f"      it could with {remedy}" for remedy in found.remedies)
    else:
        yield f"    chance of GO if nothing changed: {min(99.9, 100 * found.go):.1f} %"


def disk_lines(plan: Plan, built: Mapping[str, int]) -> Iterator[str]:
    """Images to pull, environments to build, and the disk that those which are built take."""
    images = sorted({runtime.image or runtime.base or "" for runtime in plan.runtimes.values()} - {""})
    if images:
        yield f"  {count(len(images), 'image')} to pull where an engine runs them: {', '.join(images)}"
    made = [name for name, runtime in plan.runtimes.items() if runtime.kind == "requirements"]
    if made:
        sizes = ", ".join(f"{name} {quantity(size, 'B')}" for name, size in sorted(built.items()))
        left = len(made) - len(built)
        yield f"  {count(len(made), 'environment')} to build, {left} of them not yet here; disk: {sizes or 'not known'}"

"""A plan as text: stacks, runtimes, cells with their cases, what the tables say, and what is left out and why."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from compat.judge.budget import measured
from compat.model import Arm, Design, Item, Kind, MetricPolicy, Plan, Ring, Runtime, Stack, Tier
from compat.model.coverage import tuples_of
from compat.plan.words import number
from compat.report.forecast_text import disk_lines, forecast_lines
from compat.report.text import count

if TYPE_CHECKING:
    from compat.judge.forecast import Forecast
    from compat.plan.batches import Batch
    from compat.report.plan_formats import Asked

__all__ = ["print_plan"]


def print_plan(
    plan: Plan,
    ring: str | None,
    console: Console,
    ahead: Sequence[Forecast] = (),
    built: Mapping[str, int] | None = None,
    asked: Asked | None = None,
) -> None:
    """Print the plan; with ``ring`` only what that ring measures.

    ``ahead``: forecasts of its rings. ``built``: bytes on disk of the runtimes that are there already. ``asked`` says
    also where, and in which shards.
    """
    say = _Printer(console)
    say(f"{plan.name}: {_stack(plan.known_good)} -> {_stack(plan.candidate)}")
    for one in plan.rings:
        if ring in (None, one.name):
            number = len(plan.for_ring(one.name))
            tiers = ", ".join(tier.value for tier in one.tiers)
            say(f"ring {one.name}: {number} cases, tiers {tiers}, budget {one.budget / 60:g} min a node{_gpus(one)}")
            say(f"  coverage: {_coverage(plan, one)}")
            if any(item.cell.phased for item in plan.for_ring(one.name)):
                say(f"  where a node's driver changes: {_design(plan, one)}")
    say.title("Runtimes")
    for runtime in plan.runtimes.values():
        say(f"  {runtime.name}: {_runtime(runtime)}")
    _cells(plan.items if ring is None else plan.for_ring(ring), say)
    if plan.routes:
        say.title("Reached over edges")
    phased = {item.cell.id: item.cell.phased for item in plan.items}
    for route in plan.routes:
        edges = (f"{edge} (in {'phases' if phased.get(edge) else 'pairs'})" for edge in route.edges)
        say(f"  {route.cell.id}: {', then '.join(edges)}; and what they add up to")
    say.title("Tables (tier static)")
    for finding in plan.findings:
        arm = "known-good" if finding.arm is Arm.KNOWN_GOOD else "candidate"
        say(f"  {finding.status:8}{finding.cell}, {arm}, {finding.rule}: {finding.reason}")
        if finding.remedy and finding.status != "ok":
            say(f"          ok would be: {finding.remedy}")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    for window in plan.windows:
        say(f"  {'over' if window.is_over(today) else 'until':8}{window.in_words(today)}")
    short = () if asked is None or asked.placement is None else asked.placement.rejections
    if asked is not None:
        _places(asked, say)
    say.title("Not measured")
    for rejection in (*plan.rejections, *short):
        say(f"  {rejection.what}: {rejection.reason}{' (keeps the ring from GO)' if rejection.blocking else ''}")
    if not (plan.rejections or short):
        say("  nothing was left out")
    if ahead:
        say.title("Ahead")
        for line in disk_lines(plan, built or {}):
            say(line)
    for forecast in ahead:
        for line in forecast_lines(forecast, plan.ring(forecast.ring)):
            say(line)


class _Printer:
    """Prints text as it is: names come from matrix files, and nothing in them is markup."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)

    def title(self, line: str) -> None:
        self._console.print(Text(f"\n{line}", style="bold"))


def _gpus(ring: Ring) -> str:
    if Tier.GPU not in ring.tiers:
        return ""
    return ", on every GPU" if ring.gpus is None else f", on {count(ring.gpus, 'GPU')} of each node"


def _coverage(plan: Plan, ring: Ring) -> str:
    """Which points and cells a ring takes, and how many tuples of values they cover."""
    cells = {item.cell.id for item in plan.items}
    own = sum(1 for cell in cells if ring.has(cell))
    taken = ring.coverage
    if taken is None:
        return f"full, {count(own, 'cell')}: every point of the matrix"
    of = "" if taken.of is None else f" of {number(taken.of)}"
    said = f"{taken.name}, {own} of the plan's {count(len(cells), 'cell')}, {taken.points}{of} points"
    if taken.tuples is None:
        return said
    return f"{said}, {taken.covered} of {taken.tuples} {tuples_of(taken.strength)}"


def _design(plan: Plan, ring: Ring) -> str:
    """How cells are compared whose stacks cannot share a node, and what that can tell."""
    policy = plan.policy
    if ring.design is Design.ABA:
        least = f"{100 * policy.design.least:g} %"
        return f"each node before it, after it and back again, which decides changes of {least} or more"
    if ring.design is Design.STORED:
        rules = policy.stored
        return (
            f"sessions of each node, {rules.passes} of the known-good stack to pass and {rules.fresh} of the candidate "
            f"to find a regression, {rules.apart / 60:g} min apart"
        )
    from compat.judge.control import reach  # which imports scipy

    share = measured(plan, ring)
    limits = min(
        (
            policy.of(item.case.workload).metric(metric.name)
            for item in plan.for_ring(ring.name)
            for metric in item.case.metrics
            if item.cell.phased and item.required and metric.gated and metric.kind is Kind.SAMPLED
        ),
        key=lambda one: one.margin,
        default=MetricPolicy(),
    )
    groups = reach(ring.minimum_nodes, ring.minimum_controls, policy.design.deviation, limits, policy, share)
    said = f"if a node's change varies by {100 * policy.design.deviation:g} %"
    return f"before and after, beside a control group; {said}, {groups.in_words(share)}"


def _cells(items: Iterable[Item], say: _Printer) -> None:
    """Each cell with its workloads, and each workload's cases on one line: a terminal wraps it, grep finds it."""
    items = list(items)
    phased = {item.cell.id: item.cell.phased for item in items}
    groups: dict[tuple[str, bool], dict[tuple[str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        groups[item.cell.id, item.required][item.case.workload, item.case.tier.value].append(item.case.id)
    say.title("Cells and their cases")
    for (cell, required), workloads in groups.items():
        how = " (in phases)" if phased[cell] else ""
        say(f"  {cell}{how}{'' if required else ' (on the way: measured and shown, the verdict does not rest on it)'}")
        for (workload, tier), cases in workloads.items():
            say(f"    {workload} ({tier}): {', '.join(cases)}")


def _places(asked: Asked, say: _Printer) -> None:
    """On which nodes each cell can run, and how its cases are shared."""
    if asked.placement is not None:
        say.title("Placement")
        for cell, hosts in asked.placement.cells.items():
            controls = asked.placement.controls.get(cell, ())
            beside = f"; controls {', '.join(controls)}" if controls else ""
            say(f"  {cell}: {', '.join(hosts) or 'no node'}{beside}")
        for batch in asked.batches:
            say(f"  {_batch(batch)}")
    if asked.shards > 1:
        say.title("Shards")
        for number, (part, seconds) in enumerate(zip(asked.parts, asked.seconds, strict=True), 1):
            cost = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
            say(f"  {number}/{asked.shards}: {count(len(part), 'case')}, about {cost} if nothing stays open")


def _batch(batch: Batch) -> str:
    who = "controls" if batch.control else "nodes"
    what = f"{who} with driver {batch.driver}" if batch.driver else who
    when = f", {batch.phase.value} the upgrade" if batch.phase else ""
    of = f" of {len(batch.hosts)}" if batch.nodes < len(batch.hosts) else ""
    gpus = f", {count(batch.gpus, 'GPU')} of each" if batch.gpus else ""
    return f"{what}{when}: each case on {batch.nodes}{of} ({', '.join(batch.hosts)}){gpus}"


def _stack(stack: Stack) -> str:
    return ", ".join(f"{axis} {value}" for axis, value in stack.items())


def _runtime(runtime: Runtime) -> str:
    if runtime.image is not None:
        return f"image {runtime.image}"
    if runtime.requirements is None:
        return f"in place, {runtime.python or 'this interpreter'}"
    base = f"on {runtime.base}" if runtime.base else "as a virtual environment"
    return f"{' '.join(runtime.requirements) or 'nothing'}, {base}"

"""The items of a view: comparisons grouped by item, worst first, with the evidence they rest on."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compat.model import Arm, Cell, Comparison, Evidence, Fault, Kind, Policy, Status, Tier
from compat.report.ahead_of_time import aot_figures, with_aot
from compat.report.conditions import health
from compat.report.courses import course
from compat.report.elements import with_worst_elements
from compat.report.figures import closeness_views, observed, paths
from compat.report.measured import measured
from compat.report.pair_table import pair_table
from compat.report.parts import Change, FaultView, ItemView, Row, Series
from compat.report.plots import plot
from compat.report.spreads import spreads
from compat.report.statuses import ARMS, WORST_FIRST, worst
from compat.report.text import NOTHING, anchor, difference, percent, quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from compat.model import Node, Plan
    from compat.report.ahead_of_time import Figures

__all__ = ["Beside", "item_anchor", "items", "repeat_command", "versions"]

_DRAWN = 500  # items, the worst first, that have plots: of ten thousand nobody looks at more, and each is a kilobyte
_GRAVEST = ("execution", "outputs")
_OUTPUT = 4_000  # characters of a fault's output that are shown: its end


@dataclass(frozen=True)
class Beside:
    """What items are shown with, beside their evidence."""

    policy: Policy
    plan: str  # its digest
    keys: frozenset[str]  # of the plan's items, which can be repeated
    cells: Mapping[str, Cell]  # those of the plan, by id
    nodes: Mapping[str, Node]  # by id
    store: str = "STORE"  # where the evidence is, as it was said; STORE where that is not known
    blob: Callable[[str], bytes] | None = None  # reads an output; None: there is no store to read

    @classmethod
    def of(
        cls,
        plan: Plan,
        name: str,
        policy: Policy,
        nodes: Sequence[Node],
        store: str = "STORE",
        blob: Callable[[str], bytes] | None = None,
    ) -> Beside:
        """What the items of ``plan``, whose digest is ``name``, are shown with."""
        cells = plan.every_cell() | {route.cell.id: route.cell for route in plan.routes}
        keys = frozenset(item.key for item in plan.items)
        return cls(policy, name, keys, cells, {node.id: node for node in nodes}, store, blob)


def item_anchor(key: str) -> str:
    """Name an item's deep link, without ``#``."""
    return anchor("case", key)


def repeat_command(key: str, plan: str, store: str = "STORE") -> str:
    """Write the command that repeats one item of the plan with the digest ``plan``; its evidence is in ``store``."""
    return f"compat case {shlex.quote(store)} {shlex.quote(key)} --plan {plan[:12]} --repeat 20"


def _numbers_command(key: str, beside: Beside) -> str:
    return f"compat show {shlex.quote(beside.store)} {shlex.quote(key)} --plan {beside.plan[:12]} --pairs"


def versions(comparisons: Sequence[Comparison]) -> tuple[Change, ...]:
    """List the components whose versions differ between the arms of ``comparisons``, sorted by name.

    Where cells have different versions of a component, each is named.
    """
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for comparison in comparisons:
        for component, known_good, candidate in comparison.versions:
            if known_good != candidate:
                sides = found.setdefault(component, ({}, {}))
                sides[0][known_good] = None
                sides[1][candidate] = None
    return tuple(Change(name, ", ".join(sides[0]), ", ".join(sides[1])) for name, sides in sorted(found.items()))


def items(
    comparisons: Sequence[Comparison], read: Callable[[str], Sequence[Evidence]], beside: Beside
) -> tuple[ItemView, ...]:
    """Make one ``ItemView`` per item that was compared, what the verdict rests on before the rest, worst first.

    ``read`` gives the evidence of an item, by its key. What is drawn, is drawn of the first of them.
    """
    grouped: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        grouped.setdefault(comparison.item, []).append(comparison)
    ranks = sorted((_rank(group), key) for key, group in grouped.items())
    axes = {name: _axes(cell) for name, cell in beside.cells.items()}
    compiled: dict[str, Figures] = {}
    views = [
        _item(key, grouped[key], read(key), beside, axes.get(grouped[key][0].cell, ()), compiled, drawn=number < _DRAWN)
        for number, (_, key) in enumerate(ranks)
    ]
    if compiled:
        views = with_aot(views, compiled)
    if beside.blob is not None:
        views = with_worst_elements(views, grouped, read, beside.blob)
    return tuple(views)


def _rank(group: Sequence[Comparison]) -> tuple[bool, int, int]:
    """Where an item comes: after those that the verdict rests on, if it does not, and after worse ones.

    Of one status what does not run is worse than what returns something else, and that than any other measurement.
    """
    of = [comparison for comparison in group if comparison.required] or group
    status = worst([comparison.status for comparison in of])
    metrics = {comparison.metric for comparison in of if comparison.status is status}
    graver = next((number for number, metric in enumerate(_GRAVEST) if metric in metrics), len(_GRAVEST))
    return (of is group, WORST_FIRST.index(status), 0 if status is Status.PASS else graver)


def _item(
    key: str,
    group: Sequence[Comparison],
    evidence: Sequence[Evidence],
    beside: Beside,
    axes: tuple[Change, ...],
    compiled: dict[str, Figures],
    *,
    drawn: bool,
) -> ItemView:
    ranked = sorted(group, key=lambda comparison: (not comparison.required, WORST_FIRST.index(comparison.status)))
    spare, rank, _ = _rank(group)
    status = WORST_FIRST[rank]
    first = next(comparison for comparison in ranked if comparison.status is status)
    metrics = measured(evidence)
    judged = {comparison.metric: comparison for comparison in group}
    shown = {metric: runs for metric, runs in metrics.items() if metric in judged}
    series = tuple(Series(metric, runs.first.unit, runs.pairs()) for metric, runs in shown.items())
    phased = any(record.phase is not None for record in evidence)
    plots, courses = [], []
    for one in series if drawn else ():
        runs, comparison = shown[one.metric], judged[one.metric]
        plots.append(plot(runs.first, one.pairs, comparison, beside.policy.metric(one.metric)))
        if first.tier is not Tier.AOT:
            courses.append(course(one, runs, comparison, phased=phased))
    if first.tier is Tier.AOT and metrics:
        compiled[key] = aot_figures(metrics)
    hosts = {name: node.hostname for name, node in beside.nodes.items()}
    passed = all(comparison.status is Status.PASS for comparison in group)
    return ItemView(
        key=key,
        anchor=item_anchor(key),
        title=f"{first.workload}[{first.case}]" if key != first.cell else "the stack as a whole",
        workload=first.workload,
        case=first.case,
        cell=first.cell,
        axes=axes,
        tier=first.tier.value,
        status=status,
        required=not spare,
        headline=first.reason,
        rows=tuple(_row(comparison) for comparison in ranked),
        versions=versions(group),
        series=series,
        plots=tuple(made for made in plots if made is not None),
        courses=tuple(made for made in courses if made is not None),
        spreads=spreads(shown) if drawn else (),
        pairs=None if passed or phased or first.tier is Tier.AOT else pair_table(series, hosts),
        aot=None,
        worst=(),
        health=health(evidence, beside.nodes),
        closeness=closeness_views(figure for comparison in group for figure in comparison.closeness),
        observed=observed(metrics, judged),
        seconds=sum(record.seconds for record in evidence),
        took=paths(evidence),
        faults=_faults(evidence, hosts),
        notes=tuple(dict.fromkeys(note for record in evidence for note in record.notes)),
        repeat=repeat_command(key, beside.plan, beside.store) if key in beside.keys else "",
        numbers=_numbers_command(key, beside) if series and first.tier is not Tier.AOT else "",
    )


def _axes(cell: Cell) -> tuple[Change, ...]:
    names = dict.fromkeys([*cell.known_good, *cell.stack])
    return tuple(Change(axis, cell.known_good.get(axis, NOTHING), cell.stack.get(axis, NOTHING)) for axis in names)


def _row(comparison: Comparison) -> Row:
    unit = comparison.unit
    sampled = comparison.kind is Kind.SAMPLED
    if sampled:
        change = NOTHING if comparison.effect is None else percent(comparison.effect)
        limit = NOTHING if comparison.limit is None else percent(comparison.limit)
    else:
        change = difference(comparison.known_good, comparison.candidate, unit)
        limit = quantity(comparison.limit, unit)
    interval = comparison.interval
    return Row(
        metric=comparison.metric,
        status=comparison.status,
        required=comparison.required,
        reason=comparison.reason,
        known_good=quantity(comparison.known_good, unit),
        candidate=quantity(comparison.candidate, unit),
        change=change,
        interval=NOTHING if interval is None else " to ".join(map(percent if sampled else str, interval)),
        limit=limit,
        pairs=comparison.pairs,
    )


def _faults(evidence: Sequence[Evidence], hosts: Mapping[str, str]) -> tuple[FaultView, ...]:
    grouped: dict[tuple[Arm, str], tuple[Fault, list[str]]] = {}
    for record in evidence:
        if record.fault is not None:
            seen = grouped.setdefault((record.arm, record.fault.signature), (record.fault, []))
            seen[1].append(" ".join((hosts.get(record.node, record.node), *record.devices)))
    views = []
    for (arm, _), (fault, nodes) in grouped.items():
        end = fault.output[-_OUTPUT:]
        views.append(
            FaultView(
                arm=ARMS[arm],
                kind=fault.kind.value,
                stage=fault.stage,
                signal=fault.signal or "",
                detail=fault.detail,
                output=end if len(end) == len(fault.output) else f"(the end of it)\n{end}",
                times=len(nodes),
                nodes=tuple(sorted(set(nodes))),
            )
        )
    return tuple(sorted(views, key=lambda view: (view.arm, -view.times)))

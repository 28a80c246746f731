"""The items of a view: comparisons grouped by item, worst first, with the evidence they rest on."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from compat.model import Arm, Cell, Comparison, Evidence, Fault, Kind, Measurement, Policy
from compat.report.figures import closeness_views, observed, paths
from compat.report.parts import Change, FaultView, ItemView, Row, Series
from compat.report.plots import pairs_of, plot
from compat.report.statuses import ARMS, WORST_FIRST, worst
from compat.report.text import NOTHING, anchor, difference, percent, quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["item_anchor", "items", "repeat_command", "versions"]

_OUTPUT = 4_000  # characters of a fault's output that are shown: its end


def item_anchor(key: str) -> str:
    """Name an item's deep link, without ``#``."""
    return anchor("case", key)


def repeat_command(key: str, plan: str) -> str:
    """Write the command that repeats one item of the plan with the digest ``plan``; STORE is where its evidence is."""
    return f"compat case STORE {shlex.quote(key)} --plan {plan[:12]} --repeat 20"


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
    comparisons: Sequence[Comparison],
    read: Callable[[str], Sequence[Evidence]],
    policy: Policy,
    repeats: Mapping[str, str],
    cells: Mapping[str, Cell],
) -> tuple[ItemView, ...]:
    """Make one ``ItemView`` per item that was compared, what the verdict rests on before the rest, worst first.

    ``read`` gives the evidence of an item, by its key; ``repeats`` has the command that repeats an item, by key;
    ``cells`` are those of the plan.
    """
    grouped: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        grouped.setdefault(comparison.item, []).append(comparison)
    axes = {name: _axes(cell) for name, cell in cells.items()}
    views = [
        _item(key, group, read(key), policy, repeats.get(key, ""), axes.get(group[0].cell, ()))
        for key, group in grouped.items()
    ]
    return tuple(sorted(views, key=lambda item: (not item.required, WORST_FIRST.index(item.status), item.key)))


def _item(
    key: str,
    group: Sequence[Comparison],
    evidence: Sequence[Evidence],
    policy: Policy,
    repeat: str,
    axes: tuple[Change, ...],
) -> ItemView:
    ranked = sorted(group, key=lambda comparison: (not comparison.required, WORST_FIRST.index(comparison.status)))
    required = [comparison.status for comparison in ranked if comparison.required]
    status = worst(required or [comparison.status for comparison in ranked])
    first = next(comparison for comparison in ranked if comparison.status is status)
    measured: dict[str, Measurement] = {}
    for record in evidence:
        for measurement in record.measurements:
            measured.setdefault(measurement.metric, measurement)
    judged = {comparison.metric: comparison for comparison in group}
    series = tuple(
        Series(metric, measurement.unit, pairs_of(evidence, metric))
        for metric, measurement in sorted(measured.items())
        if metric in judged
    )
    plots = (plot(measured[one.metric], one.pairs, judged[one.metric], policy.metric(one.metric)) for one in series)
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
        required=bool(required),
        headline=first.reason,
        rows=tuple(_row(comparison) for comparison in ranked),
        versions=versions(group),
        series=series,
        plots=tuple(drawn for drawn in plots if drawn is not None),
        closeness=closeness_views(figure for comparison in group for figure in comparison.closeness),
        observed=observed(evidence, judged),
        took=paths(evidence),
        faults=_faults(evidence),
        notes=tuple(dict.fromkeys(note for record in evidence for note in record.notes)),
        repeat=repeat,
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


def _faults(evidence: Sequence[Evidence]) -> tuple[FaultView, ...]:
    grouped: dict[tuple[Arm, str], tuple[Fault, list[str]]] = {}
    for record in evidence:
        if record.fault is not None:
            seen = grouped.setdefault((record.arm, record.fault.signature), (record.fault, []))
            seen[1].append(str(record.place))
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

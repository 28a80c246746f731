"""What came of repeating one case, as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from compat.model import Arm, Kind
from compat.report.statuses import ARMS
from compat.report.text import NOTHING, clean, clip, count, difference, percent, quantity

if TYPE_CHECKING:
    from compat.run.repeated import Change, Failure, MetricRow, Repeated

__all__ = ["repeated_text"]

_HEAD = ("metric", "arm", "runs", "median", "spread", "min", "max", "effect")
_OUTPUT = 2_000  # characters of what a faulting case printed: the end of it
_LONGEST = 300  # characters of the words for one change


def repeated_text(repeated: Repeated) -> str:
    """The report of one repeated case: metrics, outputs, faults and notes. It has no line that it does not need."""
    return clean("\n".join(_lines(repeated)))


def _lines(repeated: Repeated) -> Iterator[str]:
    runs = ", ".join(f"{ARMS[arm]} {_times(number)}" for arm, number in repeated.runs.items())
    ended = "stopped early: " if repeated.stopped else ""
    yield f"{repeated.item.key}: {ended}{runs}, in {count(repeated.generations, 'generation')}"
    yield from _metrics(repeated)
    tolerance = f" (the case tolerates a relative L2 difference of {repeated.item.case.tolerance:g})"
    if repeated.changes:
        yield f"outputs that changed: {len(repeated.changes)} of {repeated.outputs}{tolerance}"
        yield from (f"  {_change(change)}" for change in repeated.changes)
    elif repeated.outputs:
        yield f"outputs: {repeated.outputs}, the same in every run"
    else:
        yield "outputs: none"
    for failure in repeated.failures:
        yield from _failure(failure, repeated.runs[failure.arm])
    if not repeated.failures:
        yield "faults: none"
    yield from (f"GPU: {said}" for said in repeated.events)
    yield from (f"note: {note}" for note in repeated.notes)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _metrics(repeated: Repeated) -> Iterator[str]:
    if not repeated.metrics:
        yield "metrics: none"
        return
    rows = [_HEAD, *(cells for row in repeated.metrics for cells in _row(row))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
    yield "  a run counts with its median; spread is the distance between the quartiles; an effect of + is worse"


def _row(row: MetricRow) -> Iterator[tuple[str, ...]]:
    name, effect = row.metric, _effect(row)
    for arm, spread in row.arms.items():
        values = (spread.median, spread.quartiles, spread.least, spread.most)
        yield (name, ARMS[arm], str(spread.runs), *(quantity(value, row.unit) for value in values), effect)
        name = effect = ""


def _effect(row: MetricRow) -> str:
    if row.kind is Kind.SAMPLED:
        if row.effect is None:
            return NOTHING
        interval = "" if row.interval is None else f" ({' to '.join(map(percent, row.interval))})"
        return f"{percent(row.effect)}{interval}"
    if len(row.arms) < 2:
        return NOTHING
    known_good, candidate = row.arms[Arm.KNOWN_GOOD].median, row.arms[Arm.CANDIDATE].median
    if row.direction.value == "higher":
        known_good, candidate = -known_good, -candidate
    return difference(known_good, candidate, row.unit)


def _change(change: Change) -> str:
    where = change.output + (f" (seed {change.seed})" if change.seed else "")
    several = [f"{number} values in {ARMS[arm]}" for arm, number in change.values.items() if number > 1]
    said = [*(["differs between the arms"] if change.between else []), *several]
    return f"{where}: {', '.join(said) or 'differs in some runs'}: {clip(change.detail, _LONGEST)}"


def _failure(failure: Failure, runs: int) -> Iterator[str]:
    fault = failure.fault
    kind = " ".join(filter(None, (fault.kind.value, fault.signal)))
    yield f"fault in {failure.runs} of {count(runs, 'run')} of {ARMS[failure.arm]}: {kind} in {fault.stage}"
    yield f"  {clip(fault.detail, _LONGEST)}"
    yield from (f"  | {line}" for line in fault.output[-_OUTPUT:].strip().splitlines())

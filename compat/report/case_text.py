"""What a terminal says of a case: how it came out and why, what was measured, its faults, and how to repeat it.

All of it is text, as long as it is; a terminal gets colours and nothing else. Many cases are a line each.
"""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING

from compat.judge.ratios import log_ratio
from compat.model import Kind, Status
from compat.report.interval_text import LEGEND, interval_bar
from compat.report.progress_text import fitted
from compat.report.screen import plain_text
from compat.report.statuses import TONES, WORDS
from compat.report.terminal import STYLES, bare_reason, say
from compat.report.text import NOTHING, count, percent, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import Console

    from compat.model import Comparison
    from compat.report.case_parts import WorstTable
    from compat.report.parts import FaultView, ItemView, Row, Series

__all__ = ["print_case", "print_cases"]

_PAIRS = 10  # of a metric, that are printed; --pairs has all
_OUTPUT = 20  # lines of a fault's output: its end
_MOST = 50  # cases on a terminal, whose first lines are gone where there are more; a pipe gets all
_LEAST = 12  # columns of a reason: fewer say nothing
_BAR = 60  # columns of an interval, where there are so many


def print_cases(views: Sequence[ItemView], console: Console, store: str, *, judged: bool) -> None:
    """One line for each case, the worst first, and how to see one of them."""
    titles = Counter(view.title for view in views)
    lines = [
        (
            WORDS[view.status] if judged else "not judged",
            view.title if titles[view.title] == 1 else view.key,
            _why(view),
        )
        for view in (views[:_MOST] if console.is_terminal else views)
    ]
    widths = [max(map(len, texts)) for texts in list(zip(*lines, strict=True))[:2]]
    room = not console.is_terminal or console.width - sum(widths) - 5 >= _LEAST
    for view, (status, name, why) in zip(views, lines, strict=False):
        whole = f"{status.ljust(widths[0])}  {name.ljust(widths[1])}  {why if judged and room else ''}".rstrip()
        line = plain_text(console, fitted(whole, console.width - 1) if console.is_terminal else whole)
        line.stylize(STYLES.get(TONES[view.status], "") if judged else STYLES["hold"], 0, len(status))
        console.print(line, soft_wrap=True)
    if len(views) > len(lines):
        say(console, f"... and {len(views) - len(lines):,} more; a pipe gets them all")
    example = f"compat show {shlex.quote(store)} {shlex.quote(lines[0][1])}"
    say(console, f"{count(len(views), 'case')}; * and ? narrow them, and one has it all: {example}")


def _why(view: ItemView) -> str:
    """What keeps a case from a pass; of one that passed how much was compared."""
    return count(len(view.rows), "comparison") if view.status is Status.PASS else view.headline


def print_case(
    view: ItemView,
    comparisons: Iterable[Comparison],
    console: Console,
    store: str,
    hostnames: Mapping[str, str],
    *,
    later: int = 0,
    judged: str = "",
) -> None:
    """All that is known of one case. ``comparisons`` are its own; ``judged``: when, empty where it is not.

    ``later`` runs of it began after that.
    """
    status = WORDS[view.status] if judged else "not judged"
    say(console, f"{status}: {view.title}", STYLES.get(TONES[view.status], "") if judged else STYLES["hold"])
    say(
        console,
        f"  {view.key}, tier {view.tier}{'' if view.required else ', shown only: the ring does not rest on it'}",
    )
    for change in (*(axis for axis in view.axes if axis.known_good != axis.candidate), *view.versions):
        say(console, f"  {change.what}: {change.known_good} -> {change.candidate}")
    again = f"compat judge {shlex.quote(store)}"
    if not judged:
        say(console, f"  There is evidence, and no verdict on it: {again}")
    elif later:
        say(console, f"  {count(later, 'run')} came after the verdict of {judged}: {again}", STYLES["hold"])
    if judged:
        _rows(view.rows, {one.metric: one for one in comparisons}, console)
    _shown(view, console)
    for fault in view.faults:
        _fault(fault, console, hostnames)
    for series in view.series:
        _pairs(series, console, hostnames)
    for line in view.health:
        say(console, f"Node {line.node}: {line.said}", "" if line.quiet else STYLES["hold"])
    for note in view.notes:
        say(console, f"Note: {note}")
    if view.repeat:
        say(console, f"Repeat it: {view.repeat}")
    if judged:
        say(console, f"In the report: report.html#{view.anchor}")


def _rows(rows: Sequence[Row], comparisons: Mapping[str, Comparison], console: Console) -> None:
    """Each metric: status, both values, the change with its interval, the limit; then the reason in full."""
    legend = False
    for row in rows:
        parts = [] if row.known_good == row.candidate == NOTHING else [f"{row.known_good} -> {row.candidate}"]
        parts += [f"{row.change} ({row.interval})" if row.interval != NOTHING else row.change] * (row.change != NOTHING)
        parts += [f"limit {row.limit}"] * (row.limit != NOTHING) + [count(row.pairs, "pair")] * bool(row.pairs)
        said = f": {', '.join(parts)}" if parts else ""
        line = plain_text(console, f"{WORDS[row.status]}  {row.metric}{said}")
        line.stylize(STYLES.get(TONES[row.status], ""), 0, len(WORDS[row.status]))
        console.print(line, soft_wrap=True)
        found = comparisons.get(row.metric)
        if found is not None and found.kind is Kind.SAMPLED:
            bar = interval_bar(found.effect, found.interval, found.limit, min(_BAR, console.width - 5))
            if bar:
                say(console, f"    {bar}")
                legend = True
        say(console, f"    {bare_reason(row)}")
    if legend:
        say(console, f"    ({LEGEND})")


def _shown(view: ItemView, console: Console) -> None:
    """What was measured and is not judged."""
    for one in view.closeness:
        figures = (("max error", one.max_error), ("relative L2", one.relative_l2), ("ULP", one.ulps))
        said = ", ".join(f"{name} {value}" for name, value in figures if value != NOTHING)
        wrong = "" if one.wrong == "none" else f", {one.wrong}"
        say(console, f"Against the reference: {one.output} of the {one.arm} arm: {said or 'no figure'}{wrong}")
    for worst in view.worst:
        _worst(worst, console)
    for seen in view.observed:
        change = "" if seen.change == NOTHING else f", {seen.change}"
        say(console, f"Shown, not judged: {seen.metric} {seen.known_good} -> {seen.candidate}{change}")
    for path in view.took:
        both = path.known_good if path.known_good == path.candidate else f"{path.known_good} -> {path.candidate}"
        say(console, f"Path of {path.what}: {both}")


def _worst(worst: WorstTable, console: Console) -> None:
    """The elements of an output that are farthest from what they should be."""
    say(console, f"Worst elements of {worst.output}: {worst.said}")
    heads = ("element", "known-good", "candidate", "reference" if worst.with_reference else "", "difference")
    rows = [heads, *((row.place, row.known_good, row.candidate, row.reference, row.apart) for row in worst.elements)]
    for line in _aligned(rows) if worst.elements else ():
        say(console, f"    {line}")


def _fault(fault: FaultView, console: Console, hostnames: Mapping[str, str]) -> None:
    signal = f" ({fault.signal})" if fault.signal else ""
    where = ", ".join(sorted({hostnames.get(node, node) for node in fault.nodes}))
    what = f"{fault.kind}{signal} at stage {fault.stage}: {fault.detail}"
    say(console, f"Fault of the {fault.arm} arm, {count(fault.times, 'time')} on {where}: {what}", STYLES["bad"])
    lines = fault.output.splitlines()
    if len(lines) > _OUTPUT:
        say(console, f"    | ... ({count(len(lines) - _OUTPUT, 'line')} before)")
    for line in lines[-_OUTPUT:]:
        say(console, f"    | {line}")


def _pairs(series: Series, console: Console, hostnames: Mapping[str, str]) -> None:
    """The last pairs of a metric, both arms beside each other."""
    if not series.pairs:
        return
    values = {value for pair in series.pairs for value in (pair.known_good, pair.candidate)}
    if len(values) == 1 and None not in values:
        said = f"{quantity(values.pop(), series.unit)} in both arms"
        say(console, f"{series.metric}: {count(len(series.pairs), 'pair')}, {said}")
        return
    several = len({pair.node for pair in series.pairs}) > 1
    on_gpus = any(pair.gpu for pair in series.pairs)
    head = ["round", "generation", "pair", "known-good", "candidate", "change"]
    head += ["node"] * several + ["gpu"] * on_gpus
    table = [head]
    for pair in series.pairs[-_PAIRS:]:
        known, new = (quantity(value, series.unit) for value in (pair.known_good, pair.candidate))
        row = [
            str(pair.round),
            str(pair.generation),
            str(pair.pair),
            known,
            new,
            _change(pair.known_good, pair.candidate),
        ]
        table.append(row + [hostnames.get(pair.node, pair.node)] * several + [pair.gpu] * on_gpus)
    where = "" if several else f" on {hostnames.get(series.pairs[0].node, series.pairs[0].node)}"
    more = len(series.pairs) - len(table) + 1
    left = f", the last {len(table) - 1}; --pairs has the {more:,} before" if more else ""
    say(console, f"{series.metric}: {count(len(series.pairs), 'pair')}{where}{left}")
    for line in _aligned(table):
        say(console, f"    {line}")


def _aligned(table: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _change(known_good: float | None, candidate: float | None) -> str:
    ratio = log_ratio(known_good, candidate)
    return NOTHING if ratio is None else percent(ratio)

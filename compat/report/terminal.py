"""The verdict in a terminal: a table of what is not a pass with the reasons, the five measures, and the decision last.

Piped, it is plain text: one comparison and one reason a line, as long as they are, so that nothing is cut and a search
finds it. No text from outside is read as the terminal's own markup.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from compat.model import Decision, Status
from compat.report.screen import plain_text
from compat.report.statuses import TONES, WORDS
from compat.report.text import NOTHING, count

if TYPE_CHECKING:
    from rich.console import Console

    from compat.report.parts import ItemView, Row
    from compat.report.view import View

__all__ = ["MOST", "STYLES", "bare_reason", "print_verdict", "say"]

MOST = 20  # comparisons and reasons that a terminal gets; the report has them all

STYLES = {"bad": "bold red", "hold": "yellow", "good": "cyan", "info": "blue"}
_DECISIONS = {Decision.GO: "bold cyan", Decision.NO_GO: "bold red", Decision.HOLD: "bold yellow"}
_WIDE, _WIDEST = 110, 150  # columns from which a table has the metric, and the values, in columns of their own

_Line = tuple["ItemView", "Row", str]  # and what the item is called


def print_verdict(
    view: View, console: Console, most: int | None = None, *, head: bool = True, report: str | None = None
) -> None:
    """Print ``view``; the last line is the verdict, such as ``VERDICT: NO-GO for ring canary (3 reasons)``.

    Of comparisons, of reasons and of whatever else there may be many ``most`` are printed, the worst first, and it is
    said how many more the report has. ``head``: whether it begins with the names of matrix and ring. ``report``: where
    that is, if it should be said.
    """
    if head:
        say(console, f"{view.matrix}, ring {view.ring}")
    changes = [f"  {change.what}: {change.known_good} -> {change.candidate}" for change in view.axes + view.components]
    _some(console, changes, most, "more change")
    lines = _lines(view)
    shown = lines if most is None else lines[:most]
    if shown and console.is_terminal:
        _table(console, shown)
    elif shown:
        _plain(console, shown)
    if len(lines) > len(shown):
        say(console, f"... and {len(lines) - len(shown):,} more, which the report has")
    _grounds(view, console, most)
    # On a terminal the table has the reasons of the items.
    told = [(n, one) for n, one in enumerate(view.reasons, 1) if not (console.is_terminal and one.anchor)]
    _some(console, [f"{number}. {reason.full}" for number, reason in told], most, "more reason")
    _measures(view, console)
    say(console, view.sentence)
    if report is not None:
        say(console, f"report: {report}")
    found = count(len(view.reasons), "reason")
    say(console, f"VERDICT: {view.decision.value} for ring {view.ring} ({found})", _DECISIONS[view.decision])


def _lines(view: View) -> list[_Line]:
    """Every comparison that is not a pass, the worst first."""
    titles = Counter(item.title for item in view.items)
    return [
        (item, row, item.title if titles[item.title] == 1 else item.key)
        for item in view.items
        for row in item.rows
        if row.status is not Status.PASS
    ]


def _values(row: Row) -> str:
    return NOTHING if row.known_good == row.candidate == NOTHING else f"{row.known_good} -> {row.candidate}"


def _plain(console: Console, lines: list[_Line]) -> None:
    cells = [(WORDS[row.status], name, row.metric, _values(row), row.change) for _, row, name in lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        say(console, "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _table(console: Console, lines: list[_Line]) -> None:
    """The lines with their reasons, in as many columns as there is room for; what is long goes on below itself."""
    from rich.table import Table
    from rich.text import Text

    wide, widest = console.width >= _WIDE, console.width >= _WIDEST
    head = ["Status", "Item"] + ["Metric"] * wide + ["Known-good -> candidate", "Change"] * widest + ["Reason"]
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in head:
        table.add_column(name, overflow="fold", no_wrap=name == "Status", ratio=None)
    for item, row, name in lines:
        cells = [name] + [row.metric] * wide + [_values(row), row.change] * widest + [_reason(item, row, told=wide)]
        status = plain_text(console, WORDS[row.status], STYLES.get(TONES[row.status], ""))
        texts = [plain_text(console, cell) for cell in cells]
        cut = texts[0].plain.find("[")
        if not wide and cut > 0:  # where a name is broken it is before the case, and not in a word of it
            texts[0] = Text("\n").join(texts[0].divide([cut]))
        table.add_row(status, *texts)
    console.print(table)


def _reason(item: ItemView, row: Row, *, told: bool) -> str:
    """The reason with the versions that changed; it begins with the metric, unless that is ``told`` beside it."""
    reason = bare_reason(row)
    changed = ", ".join(f"{one.what} {one.known_good} -> {one.candidate}" for one in item.versions)
    said = f"{reason} ({changed})" if changed else reason
    return said if told else f"{row.metric}: {said}"


def bare_reason(row: Row) -> str:
    """The reason without its metric, for where that stands beside it."""
    rest = row.reason.removeprefix(row.metric)
    return rest.lstrip(": ") if rest[:1] in (":", " ") else row.reason


def _grounds(view: View, console: Console, most: int | None) -> None:
    """What the verdict rests on, what was not covered, what nobody declared, what was accepted."""
    tallies = ", ".join(f"{tally.count} {WORDS[tally.status]}" for tally in view.tallies)
    say(console, f"Comparisons: {tallies or 'none'}")
    tiers = ", ".join(f"{tier.name} ({tier.value})" for tier in view.tiers)
    say(console, f"Rests on tier: {tiers or 'none'}")
    missing = [
        f"{'Not covered, blocks GO' if entry.blocking else 'Not covered'}: {entry.what}{': ' * bool(entry.what)}"
        f"{entry.reason}"
        for entry in sorted(view.missing, key=lambda entry: not entry.blocking)
    ]
    _some(console, missing, most, "more not covered", "more not covered")
    undeclared = [
        f"Undeclared difference: {one.what} {one.known_good} -> {one.candidate}"
        for one in view.differences
        if not one.declared
    ]
    _some(console, undeclared, most, "more undeclared difference", style=STYLES["hold"])
    for waiver in view.waivers[:most]:
        said = f"Waiver {waiver.state}: {waiver.of}: {waiver.said} ({waiver.owner}, {waiver.expires})"
        say(console, said, STYLES.get(waiver.tone, ""))
    _rest(console, len(view.waivers), most, "more waiver")


def _some(
    console: Console, lines: list[str], most: int | None, noun: str, plural: str | None = None, style: str = ""
) -> None:
    """The first ``most`` of ``lines``, and how many more there are."""
    for line in lines[:most]:
        say(console, line, style)
    _rest(console, len(lines), most, noun, plural)


def _rest(console: Console, number: int, most: int | None, noun: str, plural: str | None = None) -> None:
    if most is not None and number > most:
        say(console, f"... and {count(number - most, noun, plural)}, which the report has")


def _measures(view: View, console: Console) -> None:
    """The five measures of an upgrade, a line each."""
    names, values = (
        max(map(len, texts), default=0) for texts in zip(*((m.name, m.value) for m in view.measures), strict=True)
    )
    for one in view.measures:
        line = plain_text(console, f"{one.name.ljust(names)}  ")
        line.append_text(plain_text(console, one.value, STYLES.get(one.tone, "")))
        line.append_text(plain_text(console, f"{' ' * (values - len(one.value))}  {one.said}"))
        console.print(line, soft_wrap=True)


def say(console: Console, line: str, style: str = "") -> None:
    """One line, whole: wrapped by the terminal itself, never cut by us."""
    console.print(plain_text(console, line, style), soft_wrap=True)

"""The verdict in a terminal: a table of what is not a pass, the reasons in full, and the verdict in words at the end.

Piped, it is plain text: one comparison and one reason a line, as long as they are, so that nothing is cut and a search
finds it. No text from outside is read as the terminal's own markup.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compat.model import Decision, Status
from compat.report.statuses import TONES, WORDS
from compat.report.text import NOTHING, count

if TYPE_CHECKING:
    from compat.report.view import View

__all__ = ["print_verdict"]

_STYLES = {"bad": "bold red", "hold": "yellow", "good": "cyan", "info": "blue"}
_DECISIONS = {Decision.GO: "bold cyan", Decision.NO_GO: "bold red", Decision.HOLD: "bold yellow"}
_HEAD = ("Status", "Item", "Metric", "Known-good -> candidate", "Change")

_Line = tuple[Status, tuple[str, ...]]


def print_verdict(view: View, console: Console, most: int | None = None) -> None:
    """Print ``view``; the last line is the verdict, such as ``VERDICT: NO-GO for ring canary (3 reasons)``.

    Of comparisons and of reasons ``most`` are printed, the worst first, and it is said how many more the report has.
    """
    _say(console, f"{view.matrix}, ring {view.ring}")
    for change in view.axes + view.components:
        _say(console, f"  {change.what}: {change.known_good} -> {change.candidate}")
    titles = [item.title for item in view.items]
    rows: list[_Line] = [
        (
            row.status,
            (
                WORDS[row.status],
                item.title if titles.count(item.title) == 1 else item.key,
                row.metric,
                NOTHING if row.known_good == row.candidate == NOTHING else f"{row.known_good} -> {row.candidate}",
                row.change,
            ),
        )
        for item in view.items
        for row in item.rows
        if row.status is not Status.PASS
    ]
    left_out = len(rows[most:]) if most is not None else 0
    rows = rows[:most]
    if rows and console.is_terminal:
        _table(console, rows)
    elif rows:
        widths = [max(map(len, column)) for column in zip(*(cells for _, cells in rows), strict=True)]
        for _, cells in rows:
            _say(console, "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
    if left_out:
        _say(console, f"... and {left_out} more, which the report has")
    tallies = ", ".join(f"{tally.count} {WORDS[tally.status]}" for tally in view.tallies)
    _say(console, f"Comparisons: {tallies or 'none'}")
    tiers = ", ".join(f"{tier.name} ({tier.value})" for tier in view.tiers)
    _say(console, f"Rests on tier: {tiers or 'none'}")
    for entry in view.missing:
        what = f"{entry.what}: " if entry.what else ""
        _say(console, f"{'Not covered, blocks GO' if entry.blocking else 'Not covered'}: {what}{entry.reason}")
    for difference in view.differences:
        if not difference.declared:
            what = f"{difference.what} {difference.known_good} -> {difference.candidate}"
            _say(console, f"Undeclared difference: {what}", _STYLES["hold"])
    for waiver in view.waivers:
        said = f"Waiver {waiver.state}: {waiver.of}: {waiver.said} ({waiver.owner}, {waiver.expires})"
        _say(console, said, _STYLES.get(waiver.tone, ""))
    for number, reason in enumerate(view.reasons[:most], 1):
        _say(console, f"{number}. {reason.full}")
    if most is not None and len(view.reasons) > most:
        _say(console, f"... and {count(len(view.reasons) - most, 'more reason')}, which the report has")
    reasons = count(len(view.reasons), "reason")
    _say(console, f"VERDICT: {view.decision.value} for ring {view.ring} ({reasons})", _DECISIONS[view.decision])


def _say(console: Console, line: str, style: str = "") -> None:
    """One line, whole: wrapped by the terminal itself, never cut by us."""
    console.print(_text(console, " ".join(line.split("\n")), style), soft_wrap=True, highlight=False)


def _table(console: Console, rows: list[_Line]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in _HEAD:
        table.add_column(name, overflow="fold", no_wrap=name == "Status")
    for status, cells in rows:
        first, *others = cells
        table.add_row(_text(console, first, _STYLES[TONES[status]]), *(_text(console, cell, "") for cell in others))
    console.print(table)


def _text(console: Console, text: str, style: str) -> Text:
    """``text`` without markup, in characters that the console's encoding has."""
    return Text(text.encode(console.encoding, "backslashreplace").decode(console.encoding), style=style)

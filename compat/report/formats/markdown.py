"""The Markdown report: a CI job's summary, which is limited in size and rendered by others.

Untrusted text is escaped so that it stays text in GitHub's and GitLab's dialects: no markup, no link, no mention, one
line. What does not fit is left out from the end of the longest sections, where the least matters, and the report says
so: what is short is never crowded out by ten thousand rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compat.escape import clip, escape, escape_entry
from compat.model import Decision, Status
from compat.report.formats import Format
from compat.report.statuses import GLYPHS, WORDS, WORST_FIRST
from compat.report.text import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from compat.report.history import HistoryView
    from compat.report.view import View

__all__ = ["FORMAT", "escape", "render_markdown"]

_SUMMARY = 1_048_576  # bytes of GITHUB_STEP_SUMMARY (docs.github.com, "Workflow commands")
_SMALLEST = 16_384  # bytes: the headline and the sentence that says what is left out always fit
_NOTE = 200  # bytes that are kept for such a sentence, at most
_MARKS = {Decision.GO: "✅", Decision.NO_GO: "❌", Decision.HOLD: "⏸️"}


def render_markdown(view: View, limit_bytes: int = _SUMMARY) -> str:
    """Write the report of ``view`` in at most ``limit_bytes`` bytes of UTF-8; ValueError if that is under 16 KiB."""
    if limit_bytes < _SMALLEST:
        raise ValueError(f"a report needs {_SMALLEST} bytes at least, not {limit_bytes}")
    sections = [_Written(section, limit_bytes) for section in _sections(view)]
    if sum(section.size for section in sections) > limit_bytes or any(section.left for section in sections):
        room = limit_bytes - _NOTE
        for number, section in enumerate(sorted(sections, key=lambda section: section.size)):
            section.shorten(room // (len(sections) - number))
            room -= section.size
    lines = [line for section in sections for line in section.lines]
    left = sum(section.left for section in sections)
    if left:
        lines += ["", f"**{count(left, 'line')} of this report are left out here: the HTML report has them.**"]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Section:
    """A part of the report: what is before its rows, which are never shown without it, the rows, and how to write one.

    The first rows matter most.
    """

    head: tuple[str, ...]
    rows: Sequence[Any] = ()
    write: Callable[[Any], str] = str


class _Written:
    """The lines of a section, no more than fit into ``limit`` bytes, and how many rows that leaves out."""

    def __init__(self, section: _Section, limit: int) -> None:
        self._head, self._total = section.head, len(section.rows)
        self._rows: list[str] = []
        self._sizes = [_size(section.head)]  # without rows, with the first, with the first two ...
        for row in section.rows:
            line = section.write(row)
            size = self._sizes[-1] + _size((line,))
            if size > limit:
                break
            self._rows.append(line)
            self._sizes.append(size)

    @property
    def left(self) -> int:
        """Rows that are not shown."""
        return self._total - len(self._rows)

    @property
    def lines(self) -> list[str]:
        """What is shown."""
        note = ("", f"({count(self.left, 'more row')})") if self.left else ()
        return [*self._head, *self._rows, *note]

    @property
    def size(self) -> int:
        """Bytes of the lines."""
        return self._sizes[-1] + (_NOTE if self.left else 0)

    def shorten(self, limit: int) -> None:
        """Leave out rows from the end until it fits; the head stays."""
        while self._rows and self.size > limit:
            self._rows.pop()
            self._sizes.pop()


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _sections(view: View) -> Iterator[_Section]:
    yield _Section(
        (
            f"## {_MARKS[view.decision]} {view.decision.value}: {_name(view.matrix)}, ring {_name(view.ring)}",
            "",
            f"**{escape(clip(view.sentence, 300))}** {escape(view.summary)}",
            "",
        )
    )
    reasons = list(enumerate(view.reasons, 1))
    yield _Section((), reasons, lambda entry: f"{entry[0]}. {escape_entry(entry[1].full)}")
    yield from _table(
        "The five measures",
        ("Measure", "Value", "What it rests on"),
        ((measure.name, measure.value, measure.said) for measure in view.measures),
    )
    yield from _table(
        "From what to what",
        ("What", "Known-good", "Candidate"),
        ((change.what, change.known_good, change.candidate) for change in view.axes + view.components),
    )
    yield from _table(
        "Comparisons",
        ("Status", "Count", "Required"),
        ((_status(tally.status), str(tally.count), str(tally.required)) for tally in view.tallies),
    )
    tiers = ", ".join(f"{tier.name} ({tier.value})" for tier in view.tiers)
    said = ["", escape(f"The verdict rests on tier {tiers}." if tiers else "The verdict rests on no comparison.")]
    if view.tiers_absent:
        said.append(
            escape(f"The ring asks for tier {', '.join(view.tiers_absent)} too, and no comparison rests on it.")
        )
    yield _Section((), said)
    rows = [(item, row) for item in view.items for row in item.rows if row.status is not Status.PASS]
    rows.sort(key=lambda entry: (not entry[1].required, WORST_FIRST.index(entry[1].status)))
    yield from _table(
        "What is not a pass",
        ("Status", "Item", "Metric", "Known-good", "Candidate", "Change", "Reason"),
        (
            (_status(row.status), item.key, row.metric, row.known_good, row.candidate, row.change, row.reason)
            for item, row in rows
        ),
    )
    yield from _list(
        "Not covered",
        (
            f"{'(blocks GO) ' if entry.blocking else ''}{entry.what}{': ' if entry.what else ''}{entry.reason}"
            for entry in view.missing
        ),
    )
    yield from _list("Version skew", (f"{entry.name}: {entry.value} ({entry.meaning})" for entry in view.skew))
    yield from _list("Rollback", (view.rollback.said if view.rollback else "No way back was rehearsed yet.",))
    yield from _list(
        "Support window",
        (f"{entry.axis} {entry.value} ({entry.arms}): {entry.said} ({entry.source})" for entry in view.windows),
    )
    yield from _history(view.history, view.ring)
    yield from _table(
        "Differences between the arms",
        ("What", "Known-good", "Candidate", "Declared"),
        (
            (entry.what, entry.known_good, entry.candidate, "yes" if entry.declared else "no")
            for entry in view.differences
        ),
    )
    yield from _table(
        "Accepted changes",
        ("State", "What", "Reason", "Owner", "Until", "Use"),
        ((entry.state, entry.of, entry.reason, entry.owner, entry.expires, entry.said) for entry in view.waivers),
    )
    yield from _list("Policy", (f"{entry.name}: {entry.value}" for entry in view.policy))
    yield from _list("Provenance", (f"{entry.name}: {entry.value}" for entry in view.provenance))
    yield from _list("How to repeat it", (f"{step.text} {step.command}" for step in view.steps))


def _history(past: HistoryView, ring: str) -> Iterator[_Section]:
    """Where the upgrade stands, and the earlier verdicts of this ring; a job's summary has no room for the rest."""
    yield from _list(
        "Rings and history",
        (
            *past.said,
            *(f"ring {one.ring}: {'; '.join((one.state, *one.lines, *one.why))}" for one in past.rings),
            *past.promoted,
            *((f"looks while it soaked: {past.looks_said}",) if past.looks_said else ()),
        ),
    )
    yield from _table(
        f"Verdicts of ring {_name(ring)}",
        ("Judged", "Verdict", "Required comparisons", "Since the one before", "Digest"),
        (
            (row.judged_at, row.decision.value, row.counts, row.said, row.digest[:12])
            for own in past.verdicts
            if own.ring == ring
            for row in own.rows
        ),
    )


def _name(text: str) -> str:
    return escape(clip(text, 200))


def _status(status: Status) -> str:
    return f"{GLYPHS[status]} {WORDS[status]}"


def _table(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[_Section]:
    """A heading with a table, or nothing if there is no row."""
    above = ("", f"### {title}", "", f"| {' | '.join(head)} |", "|" + " --- |" * len(head))
    found = list(rows)
    if found:
        yield _Section(above, found, lambda row: "| " + " | ".join(map(escape, row)) + " |")


def _list(title: str, entries: Iterable[str]) -> Iterator[_Section]:
    """A heading with a list, or nothing if there is no entry."""
    found = list(entries)
    if found:
        yield _Section(("", f"### {title}", ""), found, lambda entry: f"- {escape_entry(entry)}")


FORMAT = Format("markdown", ".md", "a CI job's summary, in at most 1 MiB", render_markdown, default=True)

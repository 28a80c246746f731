"""The Markdown report: a CI job's summary, which is limited in size and rendered by others.

Untrusted text is escaped so that it stays text in GitHub's and GitLab's dialects: no markup, no link, no mention, one
line. What does not fit is left out from the end, and the report says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.escape import clip, escape, escape_entry
from compat.model import Decision, Status
from compat.report.formats import Format
from compat.report.statuses import GLYPHS, WORDS
from compat.report.text import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from compat.report.history import HistoryView
    from compat.report.view import View

__all__ = ["FORMAT", "escape", "render_markdown"]

_SMALLEST = 16_384  # bytes: the headline and the sentence that says what is left out always fit
_MARKS = {Decision.GO: "✅", Decision.NO_GO: "❌", Decision.HOLD: "⏸️"}


def render_markdown(view: View, limit_bytes: int = 1_048_576) -> str:
    """Write the report of ``view`` in at most ``limit_bytes`` bytes of UTF-8; ValueError if that is under 16 KiB."""
    if limit_bytes < _SMALLEST:
        raise ValueError(f"a report needs {_SMALLEST} bytes at least, not {limit_bytes}")
    lines = list(_lines(view))
    size = 0
    for index, line in enumerate(lines):
        size += len(line.encode()) + 1
        rest = count(len(lines) - index, "line")
        note = f"\n\n**{rest} of this report are left out here: the HTML report has them.**\n"
        if size + (len(note.encode()) if index + 1 < len(lines) else 0) > limit_bytes:
            return "\n".join(lines[:index]) + note
    return "\n".join(lines) + "\n"


def _lines(view: View) -> Iterator[str]:
    yield f"## {_MARKS[view.decision]} {view.decision.value}: {_name(view.matrix)}, ring {_name(view.ring)}"
    yield ""
    yield f"**{escape(view.sentence)}** {escape(view.summary)}"
    yield ""
    yield from (f"{number}. {escape_entry(reason.full)}" for number, reason in enumerate(view.reasons, 1))
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
    yield ""
    yield escape(f"The verdict rests on tier {tiers}." if tiers else "The verdict rests on no comparison.")
    if view.tiers_absent:
        yield escape(f"The ring asks for tier {', '.join(view.tiers_absent)} too, and no comparison rests on it.")
    yield from _table(
        "What is not a pass",
        ("Status", "Item", "Metric", "Known-good", "Candidate", "Change", "Reason"),
        (
            (_status(row.status), item.key, row.metric, row.known_good, row.candidate, row.change, row.reason)
            for item in view.items
            for row in item.rows
            if row.status is not Status.PASS
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


def _history(past: HistoryView, ring: str) -> Iterator[str]:
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


def _table(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A heading with a table, or nothing if there is no row."""
    for index, row in enumerate(rows):
        if index == 0:
            yield from ("", f"### {title}", "", f"| {' | '.join(head)} |", "|" + " --- |" * len(head))
        yield "| " + " | ".join(map(escape, row)) + " |"


def _list(title: str, entries: Iterable[str]) -> Iterator[str]:
    """A heading with a list, or nothing if there is no entry."""
    for index, entry in enumerate(entries):
        if index == 0:
            yield from ("", f"### {title}", "")
        yield f"- {escape_entry(entry)}"


FORMAT = Format("markdown", ".md", render_markdown)

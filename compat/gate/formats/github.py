"""An answer for a step of GitHub Actions: its summary, its annotations and its outputs.

A summary may have 1 MiB a step, and GitHub drops the whole of one that has more; it shows ten annotations of a kind a
step (docs.github.com, "Workflow commands for GitHub Actions" and "Usage limits"). Commands are escaped as
actions/toolkit does it (packages/core/src/command.ts): ``%``, carriage return and newline; in properties ``:`` and
``,`` too. An output of several lines ends at a delimiter that nobody can know before.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from compat.escape import clean, clip, escape, escape_entry
from compat.gate import exit_code
from compat.gate.answer import Answer
from compat.gate.formats import GateFormat, Part, Wanted
from compat.model import Decision

__all__ = ["FORMAT"]

SUMMARY, OUTPUT = "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"
_SUMMARY_BYTES = 1_048_576
_REPORT_BYTES = 16_384  # the least that a report needs
_ANNOTATIONS = 10
_ANNOTATION = 4_096  # characters of one
_OUTPUT_BYTES = 65_536  # of the reasons: all outputs of a job together may have 1 MiB
_LEVELS = {Decision.GO: "notice", Decision.HOLD: "warning", Decision.NO_GO: "error"}
_MARKS = {Decision.GO: "✅", Decision.NO_GO: "❌", Decision.HOLD: "⏸️"}
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}


def _parts(answer: Answer, wanted: Wanted) -> Sequence[Part]:
    parts = [Part("".join(f"{line}\n" for line in _annotations(answer, wanted)))]
    for name, text in ((SUMMARY, _summary), (OUTPUT, _outputs)):
        place = wanted.variables.get(name)
        if place:
            parts.append(Part(text(answer, Path(place)), Path(place), add=True))
        else:
            parts.append(Part(f"compat: {name} is not set: this is no step of GitHub's\n", error=True))
    return parts


def _annotations(answer: Answer, wanted: Wanted) -> Iterator[str]:
    """Ten at most, the last of which says how many more there are. Each is one line."""
    title = f"{answer.decision.value} for {answer.matrix}, ring {answer.stand.ring}"
    worse = 0 if answer.entering else answer.worse
    said = [
        (text, _LEVELS[Decision.HOLD if answer.decision is Decision.NO_GO and number >= worse else answer.decision])
        for number, text in enumerate(answer.reasons or ("nothing is in the way",))
    ]
    if len(said) > _ANNOTATIONS:
        left = len(said) - _ANNOTATIONS + 1
        said[_ANNOTATIONS - 1 :] = [(f"{left} more reasons: see the summary of this job", _LEVELS[answer.decision])]
    place = _place(answer, wanted.matrix)
    for text, level in said:
        message = clip(clean(text), _ANNOTATION)
        yield f"::{level} {place}title={_escaped(title, _PROPERTY)}::{_escaped(message, _DATA)}"


def _place(answer: Answer, matrix: Path | None) -> str:
    """``file=upgrade.yaml,line=12,``: where the matrix says what the ring is; nothing where no file was named."""
    if matrix is None:
        return ""
    from compat.plan.yaml_file import read_yaml

    found = read_yaml(matrix)
    rings = found.values.get("rings") if isinstance(found.values, dict) else None
    names = [ring.get("name") if isinstance(ring, dict) else None for ring in rings] if isinstance(rings, list) else []
    path = ("rings", names.index(answer.stand.ring)) if answer.stand.ring in names else ("rings",)
    line = found.where(*path).rpartition(":")[2]
    return f"file={_escaped(str(matrix), _PROPERTY)},line={line},"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)


def _summary(answer: Answer, place: Path) -> str:
    """Markdown, as much as the step's summary has room for, cut at a line. What is left out is said."""
    try:
        room = _SUMMARY_BYTES - place.stat().st_size
    except OSError:  # it is not there yet; whatever else it is, writing says so
        room = _SUMMARY_BYTES
    lines = list(_head(answer))
    size = sum(len(line.encode()) + 1 for line in lines)
    if answer.report is not None and room - size >= _REPORT_BYTES:
        return "\n".join([*lines, "", answer.report(room - size - 2)])
    return _cut(lines, room)


def _head(answer: Answer) -> Iterator[str]:
    stand = answer.stand
    yield f"# {_MARKS[answer.decision]} {escape(clean(answer.line))}"
    yield ""
    yield from (f"{number}. {escape_entry(clean(text))}" for number, text in enumerate(answer.reasons, 1))
    yield ""
    if stand.since:
        yield f"Its own verdict has been GO since {escape(stand.since)}; its soak is over at {escape(stand.soaked)}."
        yield ""
    yield "| Digest | sha256 |"
    yield "| --- | --- |"
    yield from (f"| {name} | {escape(value)} |" for name, value in answer.document()["digests"].items() if value)


def _cut(lines: Sequence[str], room: int) -> str:
    size = 0
    for index, line in enumerate(lines):
        size += len(line.encode()) + 1
        note = f"\n**{len(lines) - index} lines are left out here: compat report has them.**\n"
        if size + (len(note.encode()) if index + 1 < len(lines) else 0) > room:
            return "\n".join(lines[:index]) + note if len(note.encode()) <= room else ""
    return "\n".join(lines) + "\n"


def _outputs(answer: Answer, _place: Path) -> str:
    """Outputs of the step, by name. Reasons are cut where they are too long."""
    reasons, size = [], 0
    for text in (clean(" ".join(reason.split())) for reason in answer.reasons):
        size += len(text.encode("utf-8", "replace")) + 1
        if size > _OUTPUT_BYTES:
            break
        reasons.append(text)
    values = {
        "decision": answer.decision.value,
        "exit-code": str(exit_code(answer.decision)),
        "matrix": answer.matrix,
        "ring": answer.stand.ring,
        "reasons": "\n".join(reasons),
        **{f"{name}-digest": value or "" for name, value in answer.document()["digests"].items()},
    }
    return "".join(_output(name, value) for name, value in values.items())


def _output(name: str, value: str) -> str:
    end = f"end-{secrets.token_hex(16)}"
    return f"{name}<<{end}\n{value}\n{end}\n"


FORMAT = GateFormat("github", "annotations, and the summary and the outputs of a step of GitHub Actions", _parts)

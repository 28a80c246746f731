"""What the support tables say, as text and as documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from compat.model import SCHEMA_VERSION
from compat.report.text import count

if TYPE_CHECKING:
    from compat.plan.support.check import Check, Said
    from compat.plan.support.lookup import Fact
    from compat.plan.support.subject import Opinion

__all__ = ["check_document", "check_text", "facts_document", "facts_text"]


def facts_text(what: str, facts: Sequence[Fact], opinions: dict[str, Opinion]) -> str:
    """The answer to ``compat support``: what was asked of a driver or a card first, then every row."""
    lines = [what]
    for rule, opinion in opinions.items():
        lines.append(f"  {opinion.level or opinion.status}: {opinion.reason} ({rule})")
        if opinion.remedy and opinion.status != "ok":
            lines.append(f"      ok would be: {opinion.remedy}")
        lines += [f"      {row.cited}" for row in opinion.rows]
    if all(fact.issue for fact in facts):
        lines.append("  unknown: no table has it")
    for fact in facts:
        lines.append(f"  {fact.said}{'' if fact.sure else ' (unconfirmed)'}")
        lines.append(f"      {fact.source}")
    return "\n".join(lines)


def facts_document(what: str, facts: Sequence[Fact], opinions: dict[str, Opinion]) -> dict[str, Any]:
    """The same as a document."""
    said = {
        rule: {
            "status": opinion.status,
            "level": opinion.level,
            "reason": opinion.reason,
            "remedy": opinion.remedy,
            "sources": [row.cited for row in opinion.rows],
        }
        for rule, opinion in opinions.items()
    }
    facts_ = [asdict(fact) for fact in facts]
    return {"schema_version": SCHEMA_VERSION, "asked": what, "verdicts": said, "facts": facts_}


def check_text(found: Check, on: str) -> str:
    """The answer to ``compat check``: the decision first, then why, then what staying costs."""
    lines = [f"{found.answer.upper()} on {on}"]
    lines += [f"  {name}: {old or 'not there'} -> {new or 'not there'}" for name, (old, new) in found.changes.items()]
    if not found.changes:
        lines.append("  nothing changes")
    for title, told in (
        ("Blocked by", found.blocked),
        ("Not known, which is not taken for safe", found.unknown),
        ("On condition", found.conditions),
        ("Looked up, and fine", found.fine),
        ("Staying behind hurts", found.behind),
    ):
        lines += ["", title, *_told(told)] if told else []
    if not found.behind:
        lines += ["", "Staying behind: the tables know of nothing that it costs"]
    if found.windows:
        lines += ["", "Support windows", *(f"  {window.in_words(on)} ({window.source})" for window in found.windows)]
    sizes = [(len(found.blocked), "reason against it"), (len(found.unknown), "open question")]
    said = ", ".join(count(number, name) for number, name in sizes if number)
    return "\n".join([*lines, "", f"{found.answer}{f': {said}' if said else ''}"])


def _told(told: Sequence[Said]) -> Iterator[str]:
    for one in told:
        yield f"  {one.rule}: {one.reason}"
        if one.remedy:
            yield f"      what helps: {one.remedy}"
        yield f"      {one.source}"


def check_document(found: Check, on: str) -> dict[str, Any]:
    """The same as a document, with the days that are left of each support window."""
    return {
        "schema_version": SCHEMA_VERSION,
        "answer": found.answer,
        "on": on,
        "changes": {name: {"from": old, "to": new} for name, (old, new) in found.changes.items()},
        **{
            name: [asdict(one) for one in getattr(found, name)]
            for name in ("blocked", "unknown", "conditions", "fine", "behind")
        },
        "support_windows": [{**asdict(window), "days_left": window.days_left(on)} for window in found.windows],
    }

"""Is this jump safe, and does staying behind hurt? Answered from tables and records, without a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from compat.plan.support.pins import as_version
from compat.plan.support.rules import RULES
from compat.plan.support.rules.known_issues import issues_of
from compat.plan.support.stated import subject_of
from compat.plan.support.subject import components, within
from compat.plan.support.window import windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from compat.model import Window
    from compat.plan.support.rows import Issue
    from compat.plan.support.subject import Opinion, Subject
    from compat.plan.support.tables import Tables

__all__ = ["Answer", "Check", "Said", "check"]

Answer = Literal["safe", "conditional", "blocked", "unknown"]


@dataclass(frozen=True)
class Said:
    """One thing that the tables say: by which rule, what, what would help, and where that is from."""

    rule: str
    reason: str
    remedy: str
    source: str


@dataclass(frozen=True)
class Check:
    """What is known of a jump. ``blocked`` and ``unknown`` decide in this order; then ``conditions``; else it is safe.

    ``changes``: component -> versions before and after, also of what comes along (``None``: not there). ``fine``: what
    was looked up and speaks for it. ``behind``: what staying costs.
    """

    answer: Answer
    changes: dict[str, tuple[str | None, str | None]]
    blocked: tuple[Said, ...]
    unknown: tuple[Said, ...]
    conditions: tuple[Said, ...]
    fine: tuple[Said, ...]
    behind: tuple[Said, ...]
    windows: tuple[Window, ...]


def check(
    old: Mapping[str, str],
    new: Mapping[str, str],
    tables: Tables,
    *,
    on: str,
    gpus: Sequence[str] = (),
    cuda_compat: bool | None = None,
    ptx: bool = False,
) -> Check:
    """Compare two stacks (component -> version) on the day ``on`` (ISO 8601); ``new`` need only name what changes.

    Nothing is safe because nothing is known of it: each component that changes has to be in a table.
    """
    old, new = dict(old), {**old, **new}
    before = subject_of(old, gpus, cuda_compat=cuda_compat, ptx=ptx)
    after = subject_of(new, gpus, cuda_compat=cuda_compat, ptx=ptx)
    had, has = components(before, tables), components(after, tables)
    changes = {
        name: (old.get(name, _text(had.get(name))), new.get(name, _text(has.get(name))))
        for name in sorted(had.keys() | has.keys())
        if had.get(name) != has.get(name)
    }
    was, now = _opinions(before, tables), _opinions(after, tables)
    blocked = [_said(rule, found) for rule, found in now.items() if found.status == "fail"]
    unknown = [_said(rule, found) for rule, found in now.items() if found.status == "unknown"]
    unknown += [_unlisted(name, change[1]) for name, change in changes.items() if not _listed(name, change[1], tables)]
    unknown += [_said_issue(issue) for issue in _arrived(had, has, gpus, tables) if issue.unconfirmed]
    conditions = [_said_issue(i) for i in _arrived(had, has, gpus, tables) if not (i.unconfirmed or i.always)]
    conditions += [
        _said(rule, found)
        for rule, found in now.items()
        if found.status == "ok"
        and found.level in ("minor_compat", "forward_compat")
        and (rule not in was or was[rule].level != found.level)
    ]
    ends = windows(new, tables)
    conditions += [
        Said("support-window", window.in_words(on), "a version that is still supported", window.source)
        for window in ends
        if window.is_over(on) and window.value != old.get(window.axis)
    ]
    fine = [_said(rule, found) for rule, found in now.items() if found.status == "ok" and found.level != "conditional"]
    answer: Answer = "blocked" if blocked else "unknown" if unknown else "conditional" if conditions else "safe"
    return Check(
        answer,
        changes,
        tuple(blocked),
        tuple(unknown),
        tuple(conditions),
        tuple(fine),
        tuple(_behind(old, new, had, has, was, gpus, tables, on)),
        tuple(dict.fromkeys((*windows(old, tables), *ends))),
    )


def _opinions(subject: Subject, tables: Tables) -> dict[str, Opinion]:
    asked = {name: rule for name, rule in sorted(RULES.items()) if subject.pins.versions or name != "known-conflicts"}
    found = {name: rule(subject, tables) for name, rule in asked.items()}
    return {name: opinion for name, opinion in found.items() if opinion is not None}


def _arrived(
    had: Mapping[str, Version], has: Mapping[str, Version], gpus: Sequence[str], tables: Tables
) -> list[Issue]:
    """Known issues that the new stack has and the old one had not."""
    there = issues_of(had, gpus, tables)
    return [issue for issue in issues_of(has, gpus, tables) if issue not in there]


def _behind(
    old: Mapping[str, str],
    new: Mapping[str, str],
    had: Mapping[str, Version],
    has: Mapping[str, Version],
    was: Mapping[str, Opinion],
    gpus: Sequence[str],
    tables: Tables,
    on: str,
) -> list[Said]:
    """What staying costs: issues that the jump leaves behind, rules that the old stack breaks, support that is over."""
    left = [_said_issue(issue) for issue in _arrived(has, had, gpus, tables)]
    broken = [_said(rule, found) for rule, found in was.items() if found.status == "fail"]
    over = [
        Said("support-window", window.in_words(on), "", window.source)
        for window in windows(old, tables)
        if window.is_over(on) and window.value != new.get(window.axis)
    ]
    return [*broken, *left, *over]


def _said(rule: str, opinion: Opinion) -> Said:
    source = "; ".join(dict.fromkeys(row.cited for row in opinion.rows)) or "the tables have no row for it"
    return Said(rule, opinion.reason, opinion.remedy, source)


def _said_issue(issue: Issue) -> Said:
    sure = " (unconfirmed)" if issue.unconfirmed else ""
    gone = f"; gone in {issue.gone}" if issue.gone else ""
    reason = f"{issue.component} {issue.affected}{sure}: {issue.symptom} ({issue.when}){gone}"
    return Said(f"known-issue {issue.id}", reason, issue.remedy, issue.cited)


def _unlisted(name: str, version: str | None) -> Said:
    what = f"{name} {version}" if version else f"a stack without {name}"
    return Said("tables", f"no table has {what}: nothing is known of it", "measure it", "the tables have no row for it")


def _listed(name: str, text: str | None, tables: Tables) -> bool:
    """Whether a table has a confirmed row for the version, so that it was looked at."""
    version = as_version(text or "")
    if version is None:
        return False
    rows = {
        "cuda": any(within(Version(row.cuda), version) and not row.unconfirmed for row in tables.cuda_ships),
        "driver": any(row.branch == str(version.major) and not row.unconfirmed for row in tables.branches),
        "onnxruntime": _between(version, [Version(row.onnxruntime) for row in tables.onnxruntime]),
        "python": any(within(Version(row.python), version) and not row.unconfirmed for row in tables.pythons),
        "torch": any(Version(row.torch) == version and not row.unconfirmed for row in tables.torch),
        "triton": any(version in SpecifierSet(row.triton) and not row.unconfirmed for row in tables.triton),
    }
    if name in ("cudnn", "nccl", "cublas"):
        return any(getattr(row, name) == str(version) for row in tables.torch)
    return rows.get(name, False)


def _between(version: Version, known: Sequence[Version]) -> bool:
    return bool(known) and min(known) <= version <= max(known)


def _text(version: Version | None) -> str | None:
    return None if version is None else str(version)

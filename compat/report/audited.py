"""An audit, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

from compat.model import Audited, plain
from compat.report.text import clean, count

__all__ = ["audit_json", "audit_text"]

_VERSION = 1  # of the document
_MARKS = {True: "ok", False: "WRONG", None: "-"}


def audit_text(found: Audited) -> str:
    """The account of one verdict: what it rested on, each thing with what was found, and whether it stands."""
    return clean("\n".join(_lines(found)))


def _lines(found: Audited) -> Iterator[str]:
    verdict = found.verdict
    yield f"{verdict.decision.value} for ring {verdict.ring} of {verdict.matrix}, judged at {verdict.judged_at}"
    for axis in sorted(verdict.known_good.keys() | verdict.candidate.keys()):
        yield f"  {axis}: {verdict.known_good.get(axis, 'none')} -> {verdict.candidate.get(axis, 'none')}"
    tiers = ", ".join(f"{name} ({count(number, 'comparison')})" for name, number in verdict.tiers.items())
    yield f"  on {count(len(verdict.nodes), 'node')}; rests on {tiers or 'nothing'}"
    yield from (f"  because {reason}" for reason in verdict.reasons)
    width = max(len(check.what) for check in found.checks)
    for check in found.checks:
        yield f"{_MARKS[check.stands]:5} {check.what:{width}}  {check.said}"
    wrong = sum(check.stands is False for check in found.checks)
    if found.stands:
        yield f"It stands: {verdict.decision.value}"
    elif wrong:
        yield f"It does not stand: {count(wrong, 'check')} failed"
    else:
        yield "It does not stand: it could not be judged again"


def audit_json(found: Audited) -> str:
    """The same as a document."""
    verdict, again = found.verdict, found.again
    document = {
        "schema_version": _VERSION,
        "stands": found.stands,
        "verdict": found.digest,
        "decision": verdict.decision,
        "again": None if again is None else again.decision,
        "ring": verdict.ring,
        "matrix": verdict.matrix,
        "judged_at": verdict.judged_at,
        "judge": verdict.judge,
        "judge_now": None if again is None else again.judge,
        "reasons": verdict.reasons,
        "checks": found.checks,
    }
    return json.dumps(plain(document), indent=2, allow_nan=False)

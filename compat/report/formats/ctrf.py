"""CTRF, the Common Test Report Format (ctrf.io): one JSON for whoever shows test runs, a test an item.

The fields are those of its specification 0.0 as the npm package ``ctrf`` 0.3.0 has it (``src/ctrf-schema-0.0.json``,
read 2026-11): times in milliseconds, the epoch's where they are moments. It knows no errors: whatever keeps the ring
from GO has failed, and ``rawStatus`` has the verdict's word for it.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from compat.errors import MomentError
from compat.escape import clean
from compat.model import Decision
from compat.model.moments import moment
from compat.report.formats import Format
from compat.report.outcomes import Outcome, Tested, tested

if TYPE_CHECKING:
    from compat.report.view import View

__all__ = ["FORMAT", "SPECIFICATION"]

SPECIFICATION = "0.0.0"
_STATUSES = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.OPEN: "failed",
    Outcome.ASIDE: "other",
    Outcome.ABSENT: "skipped",
}
_WORDS = ("passed", "failed", "skipped", "pending", "other")


def render_ctrf(view: View) -> str:
    """Write the document."""
    tests = [_test(view, one) for one in tested(view)]
    found = Counter(test["status"] for test in tests)
    start, stop = (_milliseconds(at or view.judged_at) for at in (view.began, view.ended))
    document = {
        "reportFormat": "CTRF",
        "specVersion": SPECIFICATION,
        "timestamp": view.judged_at,
        "generatedBy": "gpu-compat",
        "results": {
            "tool": {"name": "gpu-compat", "version": clean(view.verdict.compat_version)},
            "summary": {
                "tests": len(tests),
                **{word: found[word] for word in _WORDS},
                "suites": len({tuple(test["suite"]) for test in tests}),
                "start": start,
                "stop": max(start, stop),
            },
            "tests": tests,
            "environment": {
                "reportName": f"{view.matrix}, ring {view.ring}",
                "appName": view.matrix,
                "testEnvironment": view.ring,
                "healthy": view.decision is Decision.GO,
                "extra": {
                    "decision": view.decision.value,
                    "reasons": [reason.full for reason in view.reasons],
                    "axes": {
                        change.what: {"known_good": change.known_good, "candidate": change.candidate}
                        for change in view.axes
                    },
                },
            },
        },
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _test(view: View, one: Tested) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": one.name or "(no name)",
        "status": _STATUSES[one.outcome],
        "duration": round(one.seconds * 1000),
        "suite": [view.matrix] if one.group == view.matrix else [view.matrix, one.group],
        "rawStatus": one.status,
    }
    if one.said:
        found["message"] = one.said
    if one.detail and one.outcome is Outcome.PASSED:
        found["extra"] = {"detail": one.detail.splitlines()}
    elif one.detail:
        found["trace"] = one.detail
    if one.facts:
        found["labels"] = dict(one.facts)
    return found


def _milliseconds(text: str) -> int:
    """Of the epoch; 0 for what is no moment, which only a document that was tampered with has."""
    try:
        return round(moment(text).timestamp() * 1000)
    except MomentError:
        return 0


FORMAT = Format("ctrf", ".ctrf.json", "CTRF, a JSON that tools for test reports read", render_ctrf)

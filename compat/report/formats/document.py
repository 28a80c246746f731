"""The verdict as a JSON document for pipelines, by the published schema ``reports/verdict.schema.json``.

It carries the numbers that a pipeline decides by and the digests that bind them; a number that is not finite is null.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from compat.model import FINE, Comparison, Status, Verdict, WaiverUse, digest, plain
from compat.report.formats import Format

if TYPE_CHECKING:
    from compat.report.view import View

__all__ = ["FORMAT", "verdict_json"]


def verdict_json(verdict: Verdict, view: View, report: str | None = None) -> str:
    """Write the verdict's document. ``report`` is the sha256 of the HTML report that goes with it, if there is one."""
    document = {
        "schema_version": verdict.schema_version,
        "decision": verdict.decision,
        "ring": verdict.ring,
        "matrix": verdict.matrix,
        "judged_at": verdict.judged_at,
        "compat_version": verdict.compat_version,
        "from": {
            "axes": verdict.known_good,
            "components": {change.what: change.known_good for change in view.components},
        },
        "to": {
            "axes": verdict.candidate,
            "components": {change.what: change.candidate for change in view.components},
        },
        "reasons": verdict.reasons,
        "measures": {measure.key: measure.number for measure in view.measures},
        "counts": {status.value: _count(verdict, status) for status in Status},
        "failed": [_failed(found) for found in verdict.comparisons if found.required and found.status not in FINE],
        "waived": [_failed(found) for found in verdict.comparisons if found.waived is not None],
        "waivers": [_waiver(use) for use in verdict.waivers],
        "tiers": verdict.tiers,
        "nodes": verdict.nodes,
        "not_covered": verdict.not_covered,
        "differences": [
            {"what": what, "known_good": known_good, "candidate": candidate, "declared": declared}
            for what, known_good, candidate, declared in verdict.differences
        ],
        "skew": [
            {"kind": found.kind, "what": found.what, "values": found.values, "new": found.new} for found in verdict.skew
        ],
        "rollback": None if view.rollback is None else plain(view.rollback),
        "support_window": [
            {
                "axis": window.axis,
                "value": window.value,
                "arms": window.arms,
                "ends": window.ends,
                "days_left": window.days_left,
                "over": window.over,
            }
            for window in view.windows
        ],
        "digests": {
            "matrix": verdict.matrix_digest,
            "plan": verdict.plan,
            "policy": digest(verdict.policy),
            "content": view.content,
            "judge": verdict.judge or None,
            "verdict": _own(verdict),
            "evidence": verdict.evidence,
            "report": report,
        },
    }
    return json.dumps(_finite(plain(document)), indent=2, allow_nan=False) + "\n"


def _own(verdict: Verdict) -> str | None:
    """The verdict's digest; None for one with a number that is not finite, which no store has."""
    try:
        return digest(verdict)
    except ValueError:
        return None


def _count(verdict: Verdict, status: Status) -> int:
    return sum(found.status is status for found in verdict.comparisons)


def _failed(found: Comparison) -> dict[str, Any]:
    """A required comparison that is not fine; its versions by component."""
    document: dict[str, Any] = plain(found)
    del document["required"]
    document["versions"] = {
        component: {"known_good": known_good, "candidate": candidate}
        for component, known_good, candidate in found.versions
    }
    return document


def _waiver(use: WaiverUse) -> dict[str, Any]:
    return {**plain(use.waiver), "state": use.state, "comparisons": use.comparisons, "said": use.said}


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value


FORMAT = Format(
    "json",
    ".json",
    "the verdict as a document with a published schema, for pipelines",
    lambda view: verdict_json(view.verdict, view),
    default=True,
)

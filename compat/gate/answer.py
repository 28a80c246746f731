"""What a gate answers, with all that whoever acts on it needs; and the same as a document with a published schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from compat.gate import exit_code
from compat.gate.standing import Stand
from compat.model import Decision, Status, Verdict

__all__ = ["SCHEMA_VERSION", "Answer", "counts", "worse"]

SCHEMA_VERSION = 1  # a key may be added to the document; one that changes or goes makes it the next


@dataclass(frozen=True)
class Answer:
    """What the gate of a ring says at a moment.

    ``entering`` asks only whether the ring may take the upgrade. ``hosts`` are the nodes that the verdict rests on, by
    the names that people and schedulers know. ``report`` writes the verdict's report as Markdown, in at most so many
    bytes; None where nothing was judged for the answer.
    """

    stand: Stand
    matrix: str
    matrix_digest: str
    plan: str  # digest
    at: str  # UTC, ISO 8601
    compat_version: str
    entering: bool = False
    hosts: tuple[str, ...] = ()
    worse: int = 0  # of the reasons: the first ones, which show something worse
    counts: dict[str, int] | None = None  # status -> comparisons
    report: Callable[[int], str] | None = field(default=None, repr=False, compare=False)

    @property
    def decision(self) -> Decision:
        """GO, NO-GO or HOLD, for what was asked."""
        return self.stand.entered if self.entering else self.stand.decision

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, the first reason first."""
        return self.stand.before if self.entering else self.stand.reasons

    @property
    def line(self) -> str:
        """``HOLD upgrade ring early: ring canary, which comes before it, ...``: one line, however the reasons look."""
        may = " may take the upgrade" if self.entering and self.decision is Decision.GO else ""
        first = f": {self.reasons[0]}" if self.reasons else ""
        return " ".join(f"{self.decision.value} {self.matrix} ring {self.stand.ring}{may}{first}".split())

    def document(self) -> dict[str, Any]:
        """The answer as ``reports/gate.schema.json`` has it."""
        stand, verdict = self.stand, self.stand.verdict
        return {
            "schema_version": SCHEMA_VERSION,
            "decision": self.decision.value,
            "exit_code": exit_code(self.decision),
            "asked": "enter" if self.entering else "pass",
            "matrix": self.matrix,
            "ring": stand.ring,
            "reasons": list(self.reasons),
            "entered": stand.entered.value,
            "before": list(stand.before),
            "since": stand.since or None,
            "soaked": stand.soaked or None,
            "at": self.at,
            "judged_at": None if verdict is None else verdict.judged_at,
            "compat_version": self.compat_version,
            "verdict": None if verdict is None else verdict.decision.value,
            "nodes": list(self.hosts),
            "counts": self.counts,
            "digests": {
                "plan": self.plan,
                "matrix": self.matrix_digest,
                "verdict": stand.digest or None,
                "evidence": None if verdict is None else verdict.evidence,
                "judge": (verdict.judge or None) if verdict else None,
            },
        }

    def json(self) -> str:
        """The document in one line."""
        return json.dumps(self.document(), ensure_ascii=True, allow_nan=False)


def counts(verdict: Verdict | None) -> dict[str, int] | None:
    """How many comparisons came to each status; None without a verdict."""
    if verdict is None:
        return None
    found = dict.fromkeys((status.value for status in Status), 0)
    for comparison in verdict.comparisons:
        found[comparison.status.value] += 1
    return found


def worse(verdict: Verdict | None) -> int:
    """How many of the verdict's reasons show something worse: they are its first ones."""
    if verdict is None:
        return 0
    return sum(one.required and one.status is Status.REGRESS for one in verdict.comparisons)

"""How a report says and shows a status, and the arms: one vocabulary for all formats."""

from __future__ import annotations

from compat.judge.outcome import SEVERITY
from compat.model import Arm, Status

__all__ = ["ARMS", "GLYPHS", "TONES", "WORDS", "WORST_FIRST", "worst"]

WORST_FIRST = SEVERITY
ARMS = {Arm.KNOWN_GOOD: "known-good", Arm.CANDIDATE: "candidate"}
WORDS = {status: status.value for status in Status} | {Status.PREEXISTING: "pre-existing"}
# A status is never told by colour alone: a glyph and its word go with it.
GLYPHS = {
    Status.REGRESS: "✕",
    Status.INVALID: "⊘",
    Status.MISSING: "○",
    Status.PREEXISTING: "=",
    Status.FLAKY: "~",
    Status.INCONCLUSIVE: "?",
    Status.UNDECLARED: "≠",
    Status.UNCOVERED: "◌",
    Status.WAIVED: "§",
    Status.FIXED: "↑",
    Status.PASS: "✓",
}
TONES = dict.fromkeys(Status, "hold") | {
    Status.REGRESS: "bad",
    Status.PASS: "good",
    Status.FIXED: "info",
    Status.WAIVED: "info",
    Status.UNCOVERED: "info",
}


def worst(statuses: list[Status]) -> Status:
    """Pick the worst of at least one status."""
    return min(statuses, key=WORST_FIRST.index)

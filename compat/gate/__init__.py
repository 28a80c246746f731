"""What a pipeline acts on: an exit code for a decision. Everything but 0 blocks."""

from __future__ import annotations

from compat.model import Decision

__all__ = ["EXIT_CODES", "USAGE", "exit_code"]

USAGE = 2  # the call, or a file it names, is wrong

EXIT_CODES = {Decision.GO: 0, Decision.NO_GO: 1, Decision.HOLD: 10}


def exit_code(decision: Decision) -> int:
    """0 GO, 1 NO-GO (roll back), 10 HOLD (wait)."""
    return EXIT_CODES[decision]

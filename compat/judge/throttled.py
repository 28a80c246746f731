"""Pairs that a hot or short-powered node made worthless: both arms were held down, so neither shows its speed.

Throttling in one arm may be the regression, so such a pair counts. What a GPU does to stay within its power cap, or on
its way to idle, is its ordinary work and drops nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from compat.judge.admit import Pair
from compat.judge.text import plural
from compat.model import THROTTLED, Evidence

__all__ = ["dropped", "is_throttled", "kept"]


def kept(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs that say something of speed."""
    return [pair for pair in pairs if not _reasons(pair)]


def is_throttled(run: Evidence) -> bool:
    """Whether a GPU was held down during a run, for other reasons than its ordinary work."""
    return not THROTTLED.isdisjoint(run.conditions.throttle)


def dropped(pairs: Sequence[Pair]) -> str:
    """How many pairs do not, and why, as the end of a sentence; empty when all do."""
    reasons = [found for pair in pairs if (found := _reasons(pair))]
    if not reasons:
        return ""
    counts = Counter(reason for found in reasons for reason in found)
    named = ", ".join(sorted(counts))
    return f"; {plural(len(reasons), 'pair')} not counted, because both arms were throttled ({named})"


def _reasons(pair: Pair) -> frozenset[str]:
    """Why the pair is worthless: the reasons of both arms, where both have one."""
    good, new = (THROTTLED.intersection(run.conditions.throttle) for run in (pair.known_good, pair.candidate))
    return good | new if good and new else frozenset()

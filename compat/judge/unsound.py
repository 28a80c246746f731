"""Runs during which something happened to their GPU that no application does: such a run shows nothing, good or bad.

What was measured meanwhile is not counted, and a case with such a run does not pass: its GPU has to be looked at first.
A candidate that faults again and again, and the known-good arm never, is worse all the same. Events that an application
causes, or that were repaired, are shown and change nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from compat.judge.text import plural
from compat.model import Evidence, HealthEvent

__all__ = ["events_in_words", "is_clean", "unsound"]

_MOST = 3  # events that a reason names


def unsound(run: Evidence) -> bool:
    """Whether a GPU was not sound during a run."""
    return any(event.hard for event in run.conditions.events)


def is_clean(run: Evidence) -> bool:
    """Whether a run had no fault, on a GPU that was sound: what it measured counts."""
    return run.fault is None and not unsound(run)


def events_in_words(evidence: Sequence[Evidence], *, hard: bool) -> str:
    """The events of all runs, of one sort, and during how many runs of which arm; empty where there were none."""
    runs = [run for run in evidence if any(event.hard is hard for event in run.conditions.events)]
    if not runs:
        return ""
    # The kind and the GPU name an event; how often it was is not always the same.
    counts: Counter[str] = Counter()
    said: dict[str, HealthEvent] = {}
    for run in runs:
        for event in run.conditions.events:
            if event.hard is hard:
                key = f"{event.kind.value} {event.number} {event.gpu}"
                counts[key] += 1
                said.setdefault(key, event)
    named = "; ".join(str(said[key]) for key, _ in sorted(counts.items(), key=lambda x: (-x[1], x[0]))[:_MOST])
    more = f"; and {len(counts) - _MOST} more" if len(counts) > _MOST else ""
    arms = Counter(run.arm.value for run in runs)
    where = " and ".join(f"{plural(number, 'run')} of the {arm} arm" for arm, number in sorted(arms.items()))
    return f"{named}{more}, during {where}"

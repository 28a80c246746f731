"""Halves of pairs: runs of the candidate that no pair compares, or faulted. They count, but for their speed.

A run that is killed between the arms leaves one, and what is resumed begins with a new pair. That is no harm, but what
such a half returned was returned by the candidate: it is held against what the known-good arm did in other pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from compat.judge.admit import Pair
from compat.judge.outcome import Outcome, worst
from compat.judge.text import plural
from compat.judge.unsound import is_clean, unsound
from compat.model import Arm, Evidence

__all__ = ["halves", "worsened"]


def halves(evidence: Sequence[Evidence]) -> tuple[list[Pair], list[str]]:
    """Clean halves of one item in one place, each beside a known-good run of another pair, and what is wrong with them.

    Where the known-good arm has no clean run there are none. One whose other arm ran on a GPU that was not sound
    shows nothing, as its pair does not.
    """
    ordered = sorted(evidence, key=lambda e: e.pair)
    known_good = {e.pair: e for e in ordered if e.arm is Arm.KNOWN_GOOD}
    clean = [e for e in known_good.values() if is_clean(e)]
    found: list[Pair] = []
    problems = []
    for run in ordered if clean else ():
        other = known_good.get(run.pair)
        if run.arm is not Arm.CANDIDATE or not is_clean(run):
            continue
        if other is not None and (other.fault is None or unsound(other)):
            continue
        alike = [e for e in clean if e.inputs == run.inputs]
        if alike:
            found.append(Pair(run.pair, run.round, run.generation, alike[len(found) % len(alike)], run))
        else:
            said = "with inputs that no run of the known-good arm had"
            problems.append(f"the candidate ran alone in pair {run.pair}, {said}")
    return found, problems


def worsened(outcomes: Sequence[Outcome], with_halves: Iterable[Outcome], count: int) -> list[Outcome]:
    """The outcomes of pairs, and what became worse, or was seen, only with so many halves beside them.

    Halves never make anything better: what differs from run to run with them may be wrong in each pair.
    """
    found = {outcome.metric: outcome for outcome in outcomes}
    for outcome in with_halves:
        before = found.get(outcome.metric)
        if before is None or worst((before, outcome)) is outcome:
            said = f"{outcome.reason}; with {plural(count, 'run')} of the candidate that no pair compares"
            found[outcome.metric] = replace(outcome, reason=said)
    return list(found.values())

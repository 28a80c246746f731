"""Small slowdowns, confirmed on a second installation: one installation of a release may be slower than another.

One installation of a numpy release was 20 % slower than copies of it and than a fresh one, with a tight interval and
whatever the order of the pairs: where files and pages happen to lie is a level of its own. So what the rounds have
shown to be slower, by less than ``Policy.confirm``, is measured again on a second, independently made installation of
both runtimes, where they can be made again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from compat.judge.centre import Centre, centre
from compat.judge.outcome import Outcome
from compat.judge.points import Point
from compat.judge.rounds import Course
from compat.judge.series import Series
from compat.judge.text import change, plural
from compat.model import Item, Metric, Plan, Policy, Status

__all__ = ["LEVEL", "asked", "can_be_confirmed", "confirmed"]

LEVEL = 0.05  # of one test for what fresh pairs have shown already


def can_be_confirmed(plan: Plan, item: Item) -> bool:
    """Whether both runtimes can be installed once more. An image or a machine that is given cannot."""
    names = item.cell.known_good.get("runtime"), item.cell.stack.get("runtime")
    return all(name in plan.runtimes and plan.runtimes[name].kind == "requirements" for name in names)


def asked(state: Course, policy: Policy) -> int:
    """The pairs on second installations that a decided measurement asks for: as many as the round that decided has."""
    small = state.centre is not None and state.centre.effect < math.log1p(policy.confirm)
    if state.status is not Status.REGRESS or not small or state.by_tail:
        return 0  # slow processes have no centre to confirm, and are 10 % slower at least
    return policy.rounds[state.round - 1]


def confirmed(
    outcome: Outcome, state: Course, points: Sequence[Point], metric: Metric, ignore: float, policy: Policy
) -> Outcome:
    """``outcome``, final or not: a regression that was not confirmed, or not yet, is undecided."""
    size = asked(state, policy)
    if not size:
        return outcome
    again = [point for point in points if point.round == policy.confirm_round]
    if len(again) < size:
        said = f"{len(again)} of {plural(size, 'pair')} that are to confirm it on second installations"
        return replace(outcome, status=Status.INCONCLUSIVE, reason=f"{outcome.reason}; {said}")
    found = _centre(again[:size])
    if found is None:
        said = f"{plural(size, 'pair')} on second installations are of too few generations"
        return replace(outcome, status=Status.INCONCLUSIVE, reason=f"{outcome.reason}; {said}")
    moved, span = change(found.effect, found.interval(), metric.unit, metric.direction)
    told = f"second installations of both runtimes: {moved} ({span}, {plural(size, 'pair')})"
    if found.p_worse(math.log1p(ignore)) <= LEVEL:
        return replace(outcome, reason=f"{outcome.reason}; confirmed on {told}")
    said = f"not confirmed on {told}: it is an installation that is slower, not shown of the release"
    return replace(outcome, status=Status.INCONCLUSIVE, reason=f"{outcome.reason}; {said}")


def _centre(points: Sequence[Point]) -> Centre | None:
    return centre(Series.of([points]).unit_means()[0].tolist())

from __future__ import annotations

import itertools
import random

import pytest

from compat.run.progress import Course, Lacking, Pace, Progress

START = 3.0  # seconds that the probes of a generation take to start
ROUNDS = (10, 20)
BUDGET = 10_000.0


class Made:
    """A made-up course: each case has its cost, the first ones want a second round, and nothing else takes time."""

    def __init__(self, costs: dict[str, float], again: int = 0, lanes: int = 1) -> None:
        self.costs, self.lanes = costs, lanes
        self.wanted = {case: ROUNDS[0] + (ROUNDS[1] if n < again else 0) for n, case in enumerate(costs)}
        self.seen: list[Progress] = []

    def run(self) -> list[Progress]:
        """Go through it; the last one seen is after the last pair."""
        course = Course({case: (case, case[:1]) for case in self.costs}, BUDGET, 1)
        now, pairs, generation = 0.0, 0, 0
        stream = random.Random(7)  # noqa: S311 - the same each time
        have = dict.fromkeys(self.costs, 0)
        while still_open := [case for case in self.costs if have[case] < self.wanted[case]]:
            lacking = {case: self._lacking(have[case]) for case in still_open}
            course.begin(lacking)
            generation += 1
            self.seen.append(course.progress(generation, pairs, now))
            stream.shuffle(still_open)
            for number, case in enumerate(still_open):
                starts = START if number < self.lanes else 0.0
                took = (self.costs[case] + starts) * stream.uniform(0.95, 1.05)
                now += took / self.lanes
                have[case] += 1
                pairs += 1
                course.measured([case], took, min(took, starts))
                self.seen.append(course.progress(generation, pairs, now, case))
        return self.seen

    def _lacking(self, have: int) -> Lacking:
        """As the judge says it: what the round lacks, and what the next one may ask for."""
        if have < ROUNDS[0]:
            return Lacking(ROUNDS[0] - have, ROUNDS[1])
        return Lacking(sum(ROUNDS) - have)


UNLIKE = {f"{'ab'[n % 2]}{n}": 0.1 * (1 + n % 20) for n in range(40)}  # costs of 0.1 to 2 s


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("costs", [UNLIKE, {f"a{n}": 0.02 for n in range(40)}, {"a": 5.0}])
def test_the_time_that_is_left_is_near_the_truth_and_falls(costs: dict[str, float], lanes: int) -> None:
    if len(costs) < lanes:
        lanes = 1
    seen = Made(costs, lanes=lanes).run()
    whole = seen[-1].elapsed
    known = [one for one in seen if one.least is not None]
    assert len(known) > 0.8 * len(seen)
    for one in known:
        assert one.least == pytest.approx(whole - one.elapsed, rel=0.3, abs=0.05 * whole)
    jumps = [after.least - before.least for before, after in itertools.pairwise(known)]
    assert max(jumps) < 0.1 * whole
    assert seen[-1].least == pytest.approx(0.0, abs=0.02 * whole)


def test_a_later_round_is_within_what_was_said_before() -> None:
    seen = Made(UNLIKE, again=10).run()
    whole = seen[-1].elapsed
    for one in seen:
        if one.least is not None and one.most is not None:
            left = whole - one.elapsed
            assert one.least <= left * 1.3 + 0.05 * whole
            assert one.most >= left * 0.7 - 0.05 * whole
    assert any(one.most > 2 * one.least for one in seen if one.least)
    last = [one for one in seen if one.generation == seen[-1].generation]
    assert last[-1].most == last[-1].least  # there is no round after the last one


def test_nothing_is_ever_negative_and_the_budget_runs_down() -> None:
    for one in Made(UNLIKE, again=40).run():
        assert (one.least or 0.0) >= 0.0
        assert (one.most or 0.0) >= (one.least or 0.0)
        assert one.budget == pytest.approx(BUDGET - one.elapsed)
        later = one.after(1e6)
        assert (later.least or 0.0, later.most or 0.0, later.budget) == (0.0, 0.0, 0.0)
        assert later.elapsed == one.elapsed + 1e6


def test_nothing_is_said_before_enough_is_known() -> None:
    seen = Made(UNLIKE).run()
    assert [one.least is None for one in seen[:12]] == [True] * 10 + [False] * 2  # a quarter of forty
    assert all(one.least is not None for one in seen[10:])


def test_what_is_done_is_told_by_case_and_by_cell() -> None:
    seen = Made({"a1": 0.1, "a2": 0.1, "b1": 0.1, "b2": 0.1}, again=1).run()
    told = {(one.done, one.cells_done) for one in seen}
    assert told == {(0, 0), (3, 1)}  # cell a has the case that wants a second round
    assert {(one.cases, one.cells) for one in seen} == {(4, 2)}
    assert [seen[0].wanted, seen[-1].wanted] == [4 * ROUNDS[0], 4 * ROUNDS[0] + ROUNDS[1]]
    assert seen[-1].pairs == seen[-1].wanted


def test_a_case_is_done_when_it_is_in_all_its_places() -> None:
    spots = {(case, gpu): (case, "cell") for case in ("one", "two") for gpu in range(2)}
    course = Course(spots, BUDGET, 1)
    course.begin({("one", 1): Lacking(3)})
    found = course.progress(1, 9, 1.0)
    assert (found.done, found.cases, found.waits_for) == (1, 2, "one")


def test_the_case_that_takes_longest_keeps_it_going() -> None:
    seen = Made({"a1": 0.1, "a2": 3.0, "a3": 0.1, "a4": 1.0}).run()
    assert all(one.waits_for == "a2" for one in seen if 1 < one.generation < ROUNDS[0])


def test_ten_thousand_cases_cost_as_little_a_pair_as_ten() -> None:
    looked = 0

    class Spot(str):
        __slots__ = ()

        def __hash__(self) -> int:
            nonlocal looked
            looked += 1
            return str.__hash__(self)

    counts = []
    for size in (10, 10_000):
        spots = [Spot(n) for n in range(size)]
        course = Course({spot: (str(spot), "cell") for spot in spots}, BUDGET, 1)
        course.begin(dict.fromkeys(spots, Lacking(2)))
        course.measured(spots[:1], 0.01)
        course.progress(1, 1, 0.0)
        before = looked
        for number, spot in enumerate(spots[1:9]):
            course.measured([spot], 0.01)
            course.progress(1, number + 2, 0.01 * number)
        counts.append(looked - before)
    assert counts[0] == counts[1]


def test_a_slow_pace_lets_a_line_through_now_and_then() -> None:
    pace = Pace(10.0)
    times = [0.1, 0.2, 9.9, 10.2, 10.3, 35.0, 44.0, 45.1]
    due = [elapsed for elapsed in times if pace.due(Progress(3, 41, 5, 12, elapsed))]
    assert due == [0.1, 10.2, 35.0, 45.1]

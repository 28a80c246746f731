from __future__ import annotations

import gc
import itertools
import time

import pytest

from compat.model import STANDARD
from compat.probe.timing import latency_samples, looks
from tests.rig import Rig


class Work:
    """Counts its calls, and may rest in each."""

    def __init__(self, rest: float = 0.0, fail_at: int | None = None) -> None:
        self.calls = 0
        self._rest = rest
        self._fail_at = fail_at
        self.collecting: set[bool] = set()

    def __call__(self) -> None:
        self.calls += 1
        if self.calls == self._fail_at:
            raise ArithmeticError
        if self._rest:
            time.sleep(self._rest)
            self.collecting.add(gc.isenabled())


@pytest.mark.parametrize("rest", [0.0, 0.0005, 0.03])
def test_there_are_between_5_and_100_samples(rest: float) -> None:
    samples = latency_samples(Work(rest))
    assert 5 <= len(samples) <= 100
    assert all(sample >= rest for sample in samples)
    assert all(sample > 0 for sample in samples)


def test_slow_work_is_not_repeated_more_than_is_needed() -> None:
    work = Work(0.05)
    assert len(latency_samples(work)) == 5
    assert work.calls <= 5 + 6  # a quarter of a second of warm-up


def test_very_short_work_is_timed_in_batches() -> None:
    work = Work()
    samples = latency_samples(work)
    assert work.calls > 20 * len(samples)
    assert max(sorted(samples)[: len(samples) // 2]) < 20e-6  # per call, not per batch


@pytest.mark.parametrize("collecting", [True, False])
@pytest.mark.parametrize("fail_at", [None, 1, 12])
def test_the_collector_rests_and_is_as_it_was_afterwards(collecting: bool, fail_at: int | None) -> None:
    before = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        work = Work(0.0002, fail_at)
        if fail_at is None:
            latency_samples(work)
            assert False in work.collecting
        else:
            with pytest.raises(ArithmeticError):
                latency_samples(work)
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if before else gc.disable)()


@pytest.mark.parametrize("rest", [0.0, 0.0005, 0.03])
def test_a_look_is_taken_at_both_ends_and_evenly_between_and_is_not_timed(rest: float) -> None:
    work = Work(rest)
    seen: list[tuple[int, int]] = []

    def look(calls: int) -> None:
        time.sleep(0.02)
        seen.append((calls, work.calls))

    samples = latency_samples(work, look, 4)
    assert len(seen) == 4
    warm_up = seen[0][1]
    assert [calls for calls, _ in seen] == [total - warm_up for _, total in seen]
    assert seen[0][0] == 0
    assert seen[-1][1] == work.calls
    steps = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(seen)]
    assert max(steps) <= min(steps) + work.calls / len(samples)
    assert sorted(samples)[len(samples) // 2] < rest + 0.015  # a look is longer


@pytest.mark.parametrize(
    ("count", "times", "expected"),
    [(5, 0, set()), (5, 4, {0, 2, 3, 5}), (100, 4, {0, 33, 67, 100}), (5, 6, {0, 1, 2, 3, 4, 5})],
)
def test_where_looks_are(count: int, times: int, expected: set[int]) -> None:
    assert looks(count, times) == expected


STEADY = "time.sleep(0.02)\nreturn {'x': 1}"
UNSTEADY = "vars(time)['n'] = n = vars(time).get('n', 0) + 1\ntime.sleep(0.02 * (1 + n % 2))\nreturn {'x': 1}"
SLOW = "vars(time)['n'] = n = vars(time).get('n', 0) + 1\ntime.sleep(0.1 * (1 + n % 2))\nreturn {'x': 1}"


@pytest.mark.parametrize(
    ("body", "noted"), [(STEADY, False), (UNSTEADY, True), (SLOW, False)], ids=["steady", "unsteady", "too few to tell"]
)
def test_work_that_never_settles_is_noted(in_place: Rig, body: str, noted: bool) -> None:
    result = in_place.work(body, metrics=[STANDARD["latency"]])
    assert result.fault is None, result.fault
    said = "latency: the work did not settle: in 0.25 s no three calls in a row were within 5 % of the fastest"
    assert (said in result.notes) is noted

from __future__ import annotations

import gc
import time

import pytest

from compat.probe.timing import latency_samples


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

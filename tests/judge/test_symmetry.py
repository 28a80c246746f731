"""Both arms are treated alike: swapped, they have the opposite effect; and the unit of a metric does not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat.judge.series import Series

from .build import LATENCY, THROUGHPUT, judge_sampled, pairs_with
from .drafts import Draft, drafts, every
from .worlds import examples


def swapped(series: Series) -> Series:
    return replace(series, known_good=series.candidate, candidate=series.known_good)


@examples(150)
@given(drafts(one_round=True))
def test_swapping_the_arms_turns_the_effect(draft: Draft) -> None:
    series = draft.series()
    for one, other in zip(every(draft.judged(series)), every(draft.judged(swapped(series))), strict=True):
        assert (one.pairs, one.generations, one.centre is None) == (
            other.pairs,
            other.generations,
            other.centre is None,
        )
        if one.centre is not None and other.centre is not None:
            low, high = other.centre.interval()
            assert one.centre.effect == pytest.approx(-other.centre.effect, abs=1e-12)
            assert one.centre.interval() == pytest.approx((-high, -low), abs=1e-12)
            assert one.difference == pytest.approx(-other.difference, abs=1e-12)


@examples(150)
@given(drafts(one_round=True, most_rows=1), st.sampled_from([1, 3, 5]))
def test_higher_is_better_is_lower_is_better_of_the_reciprocal(draft: Draft, repeated: int) -> None:
    series = draft.series()
    rng = np.random.default_rng(draft.seed)
    arms = [
        [tuple(np.exp(value + rng.normal(0.0, 0.001, repeated))) for value in side[0]]
        for side in (series.known_good, series.candidate)
    ]
    upside_down = [[tuple(1.0 / v for v in values) for values in arm] for arm in arms]
    time = judge_sampled(LATENCY, pairs_with(LATENCY, *arms), draft.policy, 1)
    rate = judge_sampled(THROUGHPUT, pairs_with(THROUGHPUT, *upside_down), draft.policy, 1)
    assert (time.status, time.pairs, time.limit) == (rate.status, rate.pairs, rate.limit)
    assert time.effect == (rate.effect if rate.effect is None else pytest.approx(rate.effect, abs=1e-9))
    assert time.interval == (rate.interval if rate.interval is None else pytest.approx(rate.interval, abs=1e-9))


@examples(150)
@given(drafts(), st.sampled_from([-40.0, -3.5, 0.25, 8.0]))
def test_the_unit_of_a_metric_does_not_matter(draft: Draft, scale: float) -> None:
    series = draft.series()
    other = replace(series, known_good=series.known_good + scale, candidate=series.candidate + scale)
    for one, two in zip(every(draft.judged(series)), every(draft.judged(other)), strict=True):
        assert (one.status, one.round, one.pairs, one.flagged, one.tail) == (
            two.status,
            two.round,
            two.pairs,
            two.flagged,
            two.tail,
        )
        assert (one.centre is None) is (two.centre is None)
        if one.centre is not None and two.centre is not None:
            assert one.centre.effect == pytest.approx(two.centre.effect, abs=1e-9)

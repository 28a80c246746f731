"""Worse is never better, a stricter policy never passes more, and PASS is never without what shows it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from compat.judge.centre import centre
from compat.judge.exact import judge_values
from compat.model import FEWEST_UNITS, Direction, Kind, Metric, MetricPolicy, Policy, Status

from .build import pairs_with
from .drafts import LIMITS, Draft, drafts, every
from .worlds import SEEDS, examples

FINAL = (Status.PASS, Status.REGRESS)
VALUES = st.lists(st.floats(-10.0, 10.0) | st.sampled_from([0.0, 0.01, 0.03]), min_size=FEWEST_UNITS, max_size=12)


@examples(300)
@given(VALUES, st.floats(-1.0, 1.0), st.floats(0.0, 1.0))
def test_nothing_is_shown_to_be_both_worse_and_within(means: list[float], limit: float, more: float) -> None:
    found = centre(means)
    assert found is not None
    for p in (found.p_worse(limit), found.p_within(limit)):
        assert 0.0 <= p <= 1.0
    assert found.p_worse(limit) + found.p_within(limit) >= 1.0 - 1e-9
    assert found.p_worse(limit + more) >= found.p_worse(limit) - 1e-12
    assert found.p_within(limit + more) <= found.p_within(limit) + 1e-12


# Worse is never better.


@examples(250)
@given(drafts(), st.integers(0, 2**9).map(lambda n: n * 2.0**-9))
def test_a_slower_candidate_never_comes_off_better(draft: Draft, slower: float) -> None:
    series = draft.series()
    order = (Status.PASS, None, Status.INCONCLUSIVE, Status.REGRESS)
    before = every(draft.judged(series))
    after = every(draft.judged(replace(series, candidate=series.candidate + slower)))
    for was, is_ in zip(before, after, strict=True):
        assert order.index(is_.status) >= order.index(was.status)


@examples(150)
@given(drafts(), st.floats(0.0, 0.1), st.floats(0.0, 0.1), st.integers(1, 100))
def test_a_stricter_policy_never_passes_more_and_a_larger_ring_never_blames_more(
    draft: Draft, margin: float, more: float, ring: int
) -> None:
    series = draft.series()
    strict, loose = (draft.judged(series, MetricPolicy(margin=m)) for m in (margin, margin + more))
    assert not (strict.came_to(Status.PASS) & ~loose.came_to(Status.PASS)).any()
    larger = replace(draft, measured=draft.measured * ring).judged(series)
    assert not (larger.came_to(Status.REGRESS) & ~draft.judged(series).came_to(Status.REGRESS)).any()
    assert not (draft.judged(series).came_to(Status.PASS) & ~larger.came_to(Status.PASS)).any()


@examples(200)
@given(drafts(), SEEDS)
def test_pass_takes_generations_of_numbers_that_show_it(draft: Draft, seed: int) -> None:
    series = draft.series()
    found = every(draft.judged(series))
    assert all(c.generations >= FEWEST_UNITS for c in found if c.status in FINAL)
    for c in (c for c in found if c.status is Status.PASS):
        assert c.centre is not None
        assert c.centre.p_within(math.log1p(LIMITS.margin)) <= draft.policy.pass_alpha / len(draft.rounds)
        assert c.round > 1 or (c.tail is not None and c.tail.excess <= 0 and not c.flagged)
    rng = np.random.default_rng(seed)
    lost = rng.integers(len(series.rounds))
    arms = [series.known_good.copy(), series.candidate.copy()]
    arms[rng.integers(2)][:, lost] = math.nan
    found = every(draft.judged(replace(series, known_good=arms[0], candidate=arms[1])))
    assert all(c.round < series.rounds[lost] for c in found if c.status is Status.PASS)
    nowhere = draft.judged(series, MetricPolicy(margin=math.nan))
    assert not nowhere.came_to(Status.PASS).any()


AMOUNTS = st.lists(st.integers(0, 100).map(float) | st.floats(0.0, 1e12), min_size=1, max_size=4)


@examples(300)
@given(
    st.sampled_from(Direction),
    st.sampled_from([Kind.EXACT, Kind.BOUNDED]),
    AMOUNTS,
    AMOUNTS,
    st.sampled_from([0.0, 0.02, 1.0]),
    st.sampled_from([0.0, 1.0, 4096.0]),
)
def test_worse_by_more_than_is_allowed_never_passes(
    direction: Direction, kind: Kind, good: list[float], new: list[float], relative: float, absolute: float
) -> None:
    metric = Metric("amount", "B", direction, kind)
    count = min(len(good), len(new))
    policy = Policy(metrics={"amount": MetricPolicy(relative=relative, absolute=absolute)})
    status = judge_values(metric, pairs_with(metric, good[:count], new[:count]), policy).status
    a, b = (max(x) if direction is Direction.LOWER else min(x) for x in (good[:count], new[:count]))
    worse = b - a if direction is Direction.LOWER else a - b
    assert (status is Status.REGRESS) is (worse > max(absolute, relative * a))
    assert status in (Status.PASS, Status.REGRESS) or b == 0.0

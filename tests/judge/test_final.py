"""PASS and REGRESS are final, and a measurement is judged as if there were no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from compat.judge.rounds import Course
from compat.judge.series import Series
from compat.model import Arm, Comparison, Kind, Policy, Status, Verdict

from .build import POOL, drop, plan, scaled, world
from .drafts import Draft, drafts, every
from .worlds import FAMILY, SEEDS, examples, of_item

FINAL = (Status.PASS, Status.REGRESS)


ENDS: dict[str, Callable[[Course], bool]] = {
    "PASS at once": lambda c: c.status is Status.PASS and c.round == 1,
    "PASS later": lambda c: c.status is Status.PASS and c.round == 3,
    "REGRESS": lambda c: c.status is Status.REGRESS and not c.by_tail,
    "REGRESS by slow processes": lambda c: c.status is Status.REGRESS and c.by_tail,
    "INCONCLUSIVE": lambda c: c.status is Status.INCONCLUSIVE and c.round == 3,
}


@pytest.mark.parametrize("name", ENDS)
def test_drafts_come_to_every_end(name: str) -> None:
    """Otherwise their properties would say little."""
    only = settings(examples(2000), phases=[Phase.generate])
    few = drafts().map(lambda draft: replace(draft, measured=1))  # all of the budget
    find(few, lambda draft: any(ENDS[name](c) for c in every(draft.judged(draft.series()))), settings=only)


def replaced(series: Series, pairs: Any, seed: int, spread: float) -> Series:
    """Anything else in some of the pairs."""
    rng = np.random.default_rng(seed)
    arms = (series.known_good, series.candidate)
    good, new = (np.where(pairs, rng.normal(0.0, spread, arm.shape), arm) for arm in arms)
    return replace(series, known_good=good, candidate=new)


SPREADS = st.sampled_from([0.001, 0.05, 2.0])


@examples(250)
@given(drafts(), st.integers(1, 4), SEEDS, SPREADS)
def test_later_rounds_change_no_decision(draft: Draft, complete: int, seed: int, spread: float) -> None:
    series = draft.series()
    before = every(draft.judged(series.take(slice(None), np.flatnonzero(series.rounds <= complete))))
    after = every(draft.judged(replaced(series, series.rounds > complete, seed, spread)))
    assert all(b == a for b, a in zip(before, after, strict=True) if b.status in FINAL)


@examples(150)
@given(drafts(), st.lists(st.integers(0, 5), min_size=4, max_size=4), SEEDS, SPREADS)
def test_surplus_pairs_change_nothing(draft: Draft, more: list[int], seed: int, spread: float) -> None:
    series = draft.series()
    columns, surplus = [], []
    for number, extra in enumerate(more[: len(draft.rounds)], 1):
        own = np.flatnonzero(series.rounds == number)
        columns += [*own, *[own[-1]] * extra]
        surplus += [False] * len(own) + [True] * extra
    wider = replaced(series.take(slice(None), columns), np.array(surplus), seed, spread)
    assert every(draft.judged(wider)) == every(draft.judged(series))


@examples(250)
@given(drafts(), st.sampled_from([2, 2, 3, 4]), SEEDS)
def test_what_fresh_pairs_do_not_show_is_no_regression(draft: Draft, calm: int, seed: int) -> None:
    """Whatever the rounds before have shown."""
    series = draft.series()
    noise = np.random.default_rng(seed).normal(0.0, 1e-4, series.candidate.shape)
    same = np.where(series.rounds == calm, series.known_good + noise, series.candidate + 0.05)
    found = every(draft.judged(replace(series, candidate=same)))
    assert all(c.round not in (1, calm) for c in found if c.status is Status.REGRESS)


@examples(150)
@given(drafts(most_rows=8))
def test_many_measurements_are_judged_as_each_alone(draft: Draft) -> None:
    series = draft.series()
    together = every(draft.judged(series))
    for row, course in enumerate(together):
        assert every(draft.judged(series.take([row], slice(None)))) == [course]


@examples(40)
@given(SEEDS, st.sampled_from([1.0, 1.015, 1.03, 1.05]), st.sampled_from([0.004, 0.01]))
def test_the_speed_of_an_item_is_judged_as_if_there_were_no_others(seed: int, factor: float, noise: float) -> None:
    """What may be called a regression depends on the plan, and not on what else was measured."""
    made = plan(*FAMILY, policy=Policy(rounds=(8, 12, 12)))
    w = world(made, 32, noise=noise, seed=seed).edit(scaled("latency", factor), arm=Arm.CANDIDATE)
    whole = w.verdict()
    for one in FAMILY:
        shard = replace(w, evidence=[e for e in w.evidence if e.item == one.key])
        assert of_item(shard.verdict(), one.key) == of_item(whole, one.key)


def speeds(verdict: Verdict) -> dict[tuple[str, str], Comparison]:
    return {(c.item, c.metric): c for c in verdict.comparisons if c.kind is Kind.SAMPLED and c.status in FINAL}


@examples(40)
@given(SEEDS, st.sampled_from([0.95, 1.0, 1.015, 1.02, 1.1]), st.integers(1, 2), st.floats(0.2, 5.0))
def test_later_pairs_change_no_comparison(seed: int, factor: float, complete: int, later: float) -> None:
    made = plan(POOL, policy=Policy(rounds=(8, 12, 12)))
    w = world(made, 32, noise=0.004, seed=seed).edit(scaled("latency", factor), arm=Arm.CANDIDATE)
    w.edit(scaled("latency", later), arm=Arm.CANDIDATE, pairs=range(8 if complete == 1 else 20, 32))
    after = speeds(w.verdict())
    before = speeds(w.edit(drop, pairs=range(8 if complete == 1 else 20, 32)).verdict())
    assert {key: after.get(key) for key in before} == before

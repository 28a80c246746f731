"""What holds of the judge whatever it is given: fail closed, independent of order, final, shard by shard, symmetric."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, assume, find, given, settings
from hypothesis import strategies as st

from compat.judge import wanted
from compat.judge.admit import in_pairs
from compat.judge.arrays import not_finite
from compat.judge.centre import FEWEST_UNITS, centre
from compat.judge.exact import judge_values
from compat.judge.faults import judge_faults
from compat.judge.numerics import judge_outputs
from compat.judge.outcome import SEVERITY
from compat.judge.rounds import Course, Courses, courses
from compat.judge.series import Series
from compat.model import (
    Arm,
    Comparison,
    Conditions,
    Decision,
    Direction,
    Evidence,
    FaultKind,
    Kind,
    Metric,
    MetricPolicy,
    NumericsPolicy,
    Policy,
    Status,
    Verdict,
    canonical,
)

from .build import (
    LATENCY,
    POOL,
    TEXT,
    THROUGHPUT,
    World,
    drop,
    faulting,
    judge_sampled,
    pairs_with,
    plan,
    scaled,
    world,
)
from .worlds import FAMILY, HARMS, HOT, LOCAL, SMALL, Recipe, examples, harms, recipes, replan, spoil

FINAL = (Status.PASS, Status.REGRESS)
SEEDS = st.integers(0, 2**32 - 1)
Chosen = list[tuple[str, int]]


def of_item(verdict: Verdict, key: str) -> list[Comparison]:
    return [c for c in verdict.comparisons if c.item == key]


# No GO out of evidence that is missing, not finite, or not what was asked for.


@examples(60)
@given(recipes())
def test_a_world_in_which_nothing_is_wrong_is_go(recipe: Recipe) -> None:
    verdict = recipe.world().verdict()
    assert verdict.decision is Decision.GO, verdict.reasons


@pytest.mark.parametrize("name", HARMS)
def test_each_harm_is_done_to_something_and_is_not_go(name: str) -> None:
    worlds = [(recipe.world(), pick) for recipe in SMALL for pick in (0, 10007, 54321)]
    spoilt = [w for w, pick in worlds if spoil(w, [(name, pick)])]
    assert spoilt
    assert all(w.verdict().decision is not Decision.GO for w in spoilt)


@examples(400)
@given(recipes(), harms(HARMS, most=1) | harms(HARMS))
def test_no_harm_is_go(recipe: Recipe, chosen: Chosen) -> None:
    w = recipe.world()
    assume(spoil(w, chosen))
    verdict = w.verdict()
    assert verdict.decision is not Decision.GO
    assert verdict.reasons
    canonical(verdict)
    regressed = any(c.required and c.status is Status.REGRESS for c in verdict.comparisons)
    assert (verdict.decision is Decision.NO_GO) is regressed


# The verdict does not depend on the order of evidence.


def shuffled(w: World, seed: int) -> World:
    """The same in another order, some records twice."""
    rng = np.random.default_rng(seed)

    def mixed(things: Iterable[Any]) -> list[Any]:
        found = list(things)
        return [found[place] for place in rng.permutation(len(found))]

    nodes, identities, blobs = (dict(mixed(d.items())) for d in (w.nodes, w.identities, w.blobs))
    return World(w.plan, nodes, identities, blobs, mixed([*w.evidence, *mixed(w.evidence)[:3]]))


@examples(100)
@given(recipes(), harms(HARMS, fewest=0), SEEDS)
def test_the_order_of_evidence_changes_nothing(recipe: Recipe, chosen: Chosen, seed: int) -> None:
    w = recipe.world()
    spoil(w, chosen)
    other = shuffled(w, seed)
    assert other.verdict() == w.verdict()
    for one in w.plan.items:
        assert wanted(w.plan, one, other.evidence) == wanted(w.plan, one, w.evidence)


# What is judged apart is judged as it is together.


@examples(80)
@given(recipes(fewest_items=2), harms(LOCAL, fewest=0))
def test_an_item_is_judged_as_if_there_were_no_others(recipe: Recipe, chosen: Chosen) -> None:
    w = recipe.world()
    spoil(w, chosen)
    whole = w.verdict()
    for one in w.plan.items:
        shard = replace(w, evidence=[e for e in w.evidence if e.item == one.key])
        assert of_item(shard.verdict(), one.key) == of_item(whole, one.key)
        assert wanted(w.plan, one, shard.evidence) == wanted(w.plan, one, w.evidence)


def figures(c: Comparison) -> tuple[Any, ...]:
    """What is found, without its words: they name the node where there are several."""
    return c.status, c.kind, c.known_good, c.candidate, c.effect, c.interval, c.limit, c.pairs, c.closeness


@examples(60)
@given(recipes(), harms(LOCAL, fewest=0))
def test_the_worst_node_decides(recipe: Recipe, chosen: Chosen) -> None:
    w = replace(recipe, nodes=2, asked=1).world()
    spoil(w, chosen)
    whole = w.verdict()
    for one in w.plan.items:
        own = [e for e in w.evidence if e.item == one.key]
        nodes = sorted({e.node for e in own})
        alone = [replace(w, evidence=[e for e in own if e.node == name]).verdict() for name in nodes]
        for c in of_item(whole, one.key) if nodes else ():
            found = [figures(x) for v in alone for x in of_item(v, one.key) if x.metric == c.metric]
            worst = min((status for status, *_ in found), key=SEVERITY.index)
            # A fault that the other node of its kind does not have; and a record of one node that is not what was asked
            # for, which makes the item's others worthless.
            if (c.metric, c.status, worst) != ("execution", Status.FLAKY, Status.REGRESS):
                assert figures(c) in found
                assert c.status in (worst, Status.INVALID)


# PASS and REGRESS are final.


LIMITS = MetricPolicy()


@dataclass(frozen=True)
class Noise:
    """One measurement, on the log scale."""

    shift: float  # of the candidate
    sigma: float  # of a pair's difference
    tails: tuple[float, float]  # share of each arm's processes that take twice as long
    step: float  # of the clock; 0 for none

    def arms(self, rng: np.random.Generator, pairs: int) -> tuple[Any, Any]:
        calm = rng.normal(0.0, 0.05, pairs)
        slow_good, slow_new = (0.7 * (rng.random(pairs) < share) for share in self.tails)
        good, new = calm + slow_good, calm + slow_new + self.shift + rng.normal(0.0, self.sigma, pairs)
        # Steps of a power of two are exact in whatever is done with them: what ties, ties.
        if self.step:
            good, new = (np.round(arm / self.step) * self.step for arm in (good, new))
        return good, new


@dataclass(frozen=True)
class Draft:
    """Series of pairs of some measurements, in complete rounds."""

    rows: tuple[Noise, ...]
    rounds: tuple[int, ...]
    per_generation: int
    measured: int
    seed: int

    @property
    def policy(self) -> Policy:
        return Policy(rounds=self.rounds)

    def series(self) -> Series:
        rng = np.random.default_rng(self.seed)
        count = sum(self.rounds)
        arms = [row.arms(rng, count) for row in self.rows]
        rounds = np.repeat(np.arange(1, len(self.rounds) + 1), self.rounds)
        good, new = (np.array([arm[side] for arm in arms]) for side in (0, 1))
        return Series(good, new, rounds, np.arange(count) // self.per_generation)

    def judged(self, series: Series, limits: MetricPolicy = LIMITS) -> Courses:
        return courses(series, limits, self.policy, self.measured)


SHIFTS = st.sampled_from([0.0, 0.004, 0.015, 0.02, 0.03, 0.05, 0.5, -0.02, -0.5]) | st.floats(-0.1, 0.1)
STEPS = st.sampled_from([0.0, 2.0**-9, 2.0**-6])


@st.composite
def drafts(
    draw: st.DrawFn, steps: st.SearchStrategy[float] = STEPS, most_rows: int = 4, one_round: bool = False
) -> Draft:
    share, sizes = st.sampled_from([0.0, 0.0, 0.1, 0.5]), st.integers(1, 6) | st.integers(7, 16)
    rows = st.builds(Noise, SHIFTS, st.sampled_from([1e-4, 0.003, 0.02, 0.2]), st.tuples(share, share), steps)
    return Draft(
        rows=tuple(draw(st.lists(rows, min_size=1, max_size=most_rows))),
        rounds=tuple(draw(st.lists(sizes, min_size=1, max_size=1 if one_round else 4))),
        per_generation=draw(st.integers(1, 3)),
        measured=draw(st.sampled_from([1, 10, 2000])),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def every(found: Courses) -> list[Course]:
    return [found.at(row) for row in range(len(found.round))]


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


# Both arms are treated alike: swapped, they have the opposite effect.


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


# Outputs: what is wrong passes nowhere.


ODD = st.lists(st.tuples(st.integers(0, 99), st.sampled_from([math.nan, math.inf, -math.inf, 1e3])), max_size=2)


@examples(300)
@given(
    SEEDS,
    st.integers(1, 100),
    st.sampled_from([0.0, 1e-7, 8e-6, 1.2e-5, 1e-2]),
    st.sampled_from([0.0, 1e-7, 8e-6, 1.2e-5, 1e-2]),
    st.tuples(ODD, ODD, ODD),
    st.booleans(),
)
def test_outputs_that_pass_are_near_and_finite_where_they_should_be(
    seed: int, size: int, good_error: float, new_error: float, odd: tuple[Any, Any, Any], oracle: bool
) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(0.0, 1.0, size)
    arrays = [truth + error * rng.normal(0.0, 1.0, size) for error in (good_error, new_error, 0.0)]
    for array, places in zip(arrays, odd, strict=True):
        for index, value in places:
            array[index % size] = value
    good, new, should = arrays
    w = world(plan(TEXT), pairs=2)
    more = {"y_ref": should} if oracle else {}
    w.edit(w.returns(y=good, **more), arm=Arm.KNOWN_GOOD).edit(w.returns(y=new, **more), arm=Arm.CANDIDATE)
    outcome = judge_outputs(in_pairs(w.evidence)[0], TEXT.case, NumericsPolicy(), w.blobs.__getitem__)
    assert outcome is not None
    reference = should if oracle else good
    newly_odd = (not_finite(new) != not_finite(reference)) & (not_finite(good) == not_finite(reference))
    assert not newly_odd.any() or outcome.status is Status.REGRESS
    if outcome.status in (Status.PASS, Status.FIXED):
        assert (not_finite(new) == not_finite(reference)).all()
        assert oracle or np.isfinite(new).all()
        finite = np.isfinite(reference)
        apart, length = (math.hypot(*v) for v in (new[finite] - reference[finite], reference[finite]))
        assert apart <= TEXT.case.tolerance * length * (1 + 1e-9)
    if good_error == new_error == 0.0 and not any(odd):
        assert outcome.status is Status.PASS


EXACT = st.text(max_size=3) | st.lists(st.integers(0, 3), min_size=1, max_size=4).map(np.array)


@examples(150)
@given(EXACT, EXACT)
def test_text_and_integers_pass_when_they_are_equal(good: Any, new: Any) -> None:
    w = world(plan(TEXT), pairs=2)
    w.edit(w.returns(y=good), arm=Arm.KNOWN_GOOD).edit(w.returns(y=new), arm=Arm.CANDIDATE)
    outcome = judge_outputs(in_pairs(w.evidence)[0], TEXT.case, NumericsPolicy(), w.blobs.__getitem__)
    assert outcome is not None
    equal = type(good) is type(new) and np.array_equal(good, new)
    assert outcome.status is (Status.PASS if equal else Status.REGRESS)


# Faults, and the runs that are made because of them.


CRASH, INFRASTRUCTURE = FaultKind.CRASH, FaultKind.INFRASTRUCTURE


@pytest.mark.parametrize(
    ("pairs", "ends"), [*((n, (None, CRASH)) for n in range(1, 6)), (2, (None, CRASH, INFRASTRUCTURE))]
)
def test_a_fault_never_passes(pairs: int, ends: tuple[FaultKind | None, ...]) -> None:
    """Of everything that may happen in so many pairs."""
    first = world(plan(TEXT), pairs=1).evidence[:2]
    runs = [[replace(record, pair=n, generation=n) for n in range(pairs)] for record in first]
    seen = set()
    for kinds in itertools.product(ends, repeat=2 * pairs):
        ended = zip((*runs[0], *runs[1]), kinds, strict=True)
        status = judge_faults([faulting(kind)(run) if kind else run for run, kind in ended], Policy()).status
        good, new = ([kind for kind in arm if kind] for arm in (kinds[:pairs], kinds[pairs:]))
        assert (status is Status.PASS) is (not good and not new)
        assert status is not Status.FIXED or (not new and len(good) >= 2)
        assert status is not Status.REGRESS or (not good and len(new) >= 2)
        assert status is Status.INVALID or INFRASTRUCTURE not in kinds
        seen.add(status)
    assert pairs < 3 or seen >= {Status.PASS, Status.FIXED, Status.FLAKY, Status.PREEXISTING, Status.REGRESS}


@examples(60)
@given(SEEDS, st.sampled_from([0.0, 0.02, 0.3]), st.sampled_from([0.0, 0.05, 1.0]), st.sampled_from([1.0, 1.02, 1.2]))
def test_a_run_that_obeys_ends_and_leaves_nothing_open(seed: int, faults: float, heat: float, factor: float) -> None:
    """Whatever becomes of its runs: they fault, or both arms throttle."""
    w = world(plan(POOL, policy=Policy(rounds=(8, 8, 12))), 60, noise=0.01, seed=seed)
    pool = w.edit(scaled("latency", factor), arm=Arm.CANDIDATE).evidence
    rng = np.random.default_rng(seed)
    have: list[Evidence] = []
    while (answer := wanted(w.plan, POOL, have)).pairs > (count := len(have) // 2):
        assert count < 2 * 28 + 3
        hot = HOT if rng.random() < heat else Conditions()
        for record in (e for e in pool if e.pair == count):
            run = replace(record, round=answer.round, conditions=hot)
            have.append(faulting()(run) if rng.random() < faults else run)
    w.evidence = have
    found = of_item(w.verdict(), POOL.key)
    assert all(c.status is not Status.MISSING for c in found)
    assert heat or not any("more pairs are needed" in c.reason for c in found)


# One ring after the other.


@examples(40)
@given(recipes(), harms(LOCAL))
def test_no_ring_is_go_before_the_one_that_it_waits_for(recipe: Recipe, chosen: Chosen) -> None:
    w = recipe.world()
    canary = w.plan.rings[0]
    early = replace(canary, name="early", after="canary", tiers=canary.tiers[-1:], minimum_nodes=1)
    replan(w, replace(w.plan, rings=(canary, early)))
    before, after = (w.verdict(name).decision for name in ("canary", "early"))
    assert before is after is Decision.GO
    spoil(w, chosen)
    before, after = (w.verdict(name).decision for name in ("canary", "early"))
    assert before is Decision.GO or after is not Decision.GO

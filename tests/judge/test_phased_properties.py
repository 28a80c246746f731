"""What holds of the judge where a driver is upgraded, whatever it is given and in each design."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from compat.judge.sampling import wanted_in_phase
from compat.model import Arm, Decision, Design, Direction, Evidence, Kind, Phase, Status, Verdict, canonical

from .build import World
from .harms import Chosen, harms, spoil
from .phased_harms import PHASED, PHASED_LOCAL
from .phased_worlds import EACH, Upgrade, upgrade_recipes
from .spoiling import replan
from .worlds import SEEDS, examples, shuffled

SEVERITY = (Decision.GO, Decision.HOLD, Decision.NO_GO)
Which = Callable[[Evidence], bool]


def slowed(w: World, by: float | Callable[[Evidence], float], which: Which) -> World:
    """Some runs slower by a log ratio, of all or each its own, in every sampled metric."""

    def changed(e: Evidence) -> Evidence:
        ratio = by(e) if callable(by) else by
        taken = []
        for m in e.measurements:
            sign = 1.0 if m.direction is Direction.LOWER else -1.0
            factor = math.exp(sign * ratio) if m.kind is Kind.SAMPLED else 1.0
            taken.append(replace(m, samples=tuple(factor * s for s in m.samples)))
        return replace(e, measurements=tuple(taken))

    w.evidence = [changed(e) if which(e) else e for e in w.evidence]
    return w


def candidates(w: World) -> Which:
    """The candidate's runs of what the upgrade touches."""
    still = {one.key for one in w.plan.items if one.sentinel}
    return lambda e: e.arm is Arm.CANDIDATE and e.item not in still


def has_speed(w: World) -> bool:
    return any(m.gated and m.kind is Kind.SAMPLED for one in w.plan.items for m in one.case.metrics)


# No GO out of evidence that is missing, not finite, or not what was asked for.


@examples(40)
@given(upgrade_recipes())
def test_an_upgrade_in_which_nothing_is_wrong_is_go(recipe: Upgrade) -> None:
    verdict = recipe.world().verdict()
    assert verdict.decision is Decision.GO, verdict.reasons


def test_the_worlds_that_are_harmed_are_go() -> None:
    assert {recipe.world().verdict().decision for recipe in EACH} == {Decision.GO}


@pytest.mark.parametrize("name", PHASED)
def test_each_harm_is_done_to_something_and_is_not_go(name: str) -> None:
    worlds = [(recipe.world(), 7919 * number) for number, recipe in enumerate(EACH)]
    spoilt = [w for w, pick in worlds if spoil(w, [(name, pick)], PHASED)]
    assert spoilt
    assert all(w.verdict().decision is not Decision.GO for w in spoilt)


@examples(70)
@given(upgrade_recipes(), harms(PHASED, most=1) | harms(PHASED))
def test_no_harm_is_go(recipe: Upgrade, chosen: Chosen) -> None:
    w = recipe.world()
    assume(spoil(w, chosen, PHASED))
    verdict = w.verdict()
    assert verdict.decision is not Decision.GO
    assert verdict.reasons
    canonical(verdict)
    regressed = any(c.required and c.status is Status.REGRESS for c in verdict.comparisons)
    assert (verdict.decision is Decision.NO_GO) is regressed


@examples(20)
@given(upgrade_recipes(), harms(PHASED_LOCAL))
def test_no_ring_is_go_before_the_one_that_it_waits_for(recipe: Upgrade, chosen: Chosen) -> None:
    w = recipe.world()
    canary = w.plan.rings[0]
    replan(w, replace(w.plan, rings=(canary, replace(canary, name="early", after="canary"))))
    assert {w.verdict(name).decision for name in ("canary", "early")} == {Decision.GO}
    spoil(w, chosen, PHASED)
    before, after = (w.verdict(name).decision for name in ("canary", "early"))
    assert before is Decision.GO or after is not Decision.GO


# The verdict does not depend on the order of evidence.


def in_phases(evidence: Iterable[Evidence]) -> dict[tuple[object, ...], list[Evidence]]:
    found: dict[tuple[object, ...], list[Evidence]] = {}
    for e in evidence:
        found.setdefault((e.item, e.place, e.phase, e.session, e.arm), []).append(e)
    return found


@examples(30)
@given(upgrade_recipes(), harms(PHASED, fewest=0), SEEDS)
def test_the_order_of_evidence_changes_nothing(recipe: Upgrade, chosen: Chosen, seed: int) -> None:
    w = recipe.world()
    spoil(w, chosen, PHASED)
    other = shuffled(w, seed)
    assert other.verdict() == w.verdict()
    theirs = in_phases(other.evidence)
    items = {one.key: one for one in w.plan.items}
    for key, own in in_phases(w.evidence).items():
        if own[0].phase is not None and own[0].item in items:
            one = items[own[0].item]
            assert wanted_in_phase(w.plan, one, theirs[key]) == wanted_in_phase(w.plan, one, own)


# Worse is never better, and what happened to all alike is not the upgrade's doing.


@examples(30)
@given(upgrade_recipes(), st.floats(0.0, 3.0))
def test_a_faster_candidate_stays_go(recipe: Upgrade, faster: float) -> None:
    w = recipe.world()
    verdict = slowed(w, -faster, candidates(w)).verdict()
    assert verdict.decision is Decision.GO, verdict.reasons


@examples(30)
@given(upgrade_recipes(), st.floats(0.2, 1.5))
def test_a_much_slower_candidate_is_no_go(recipe: Upgrade, slower: float) -> None:
    w = replace(recipe, sessions=(12, 3)).world()
    assume(has_speed(w))
    assert slowed(w, slower, candidates(w)).verdict().decision is Decision.NO_GO


@examples(30)
@given(upgrade_recipes(), st.lists(st.floats(0.0, 0.3), min_size=3, max_size=3))
def test_a_slower_candidate_never_comes_off_better(recipe: Upgrade, slower: list[float]) -> None:
    found = []
    for by in sorted(slower):
        w = recipe.world()
        found.append(SEVERITY.index(slowed(w, by, candidates(w)).verdict().decision))
    assert found == sorted(found)


@examples(20)
@given(upgrade_recipes(), st.integers(0, 99), st.floats(0.04, 2.0))
def test_one_node_or_gpu_that_is_slower_than_the_margin_is_not_go(recipe: Upgrade, place: int, slower: float) -> None:
    w = recipe.world()
    chosen = candidates(w)
    places = sorted({e.place for e in w.evidence if chosen(e) and e.phase is not None})
    assume(has_speed(w))
    slower += 0.15 if recipe.design is Design.ABA else 0.0
    slowed(w, slower, lambda e: chosen(e) and e.phase is not None and e.place == places[place % len(places)])
    assert w.verdict().decision is not Decision.GO


def figures(verdict: Verdict) -> list[tuple[object, ...]]:
    """What was found of each measurement, without its words."""
    return [
        (c.item, c.metric, c.status, None if c.effect is None else pytest.approx(c.effect, abs=1e-9))
        for c in verdict.comparisons
    ]


@examples(30)
@given(upgrade_recipes(), st.sampled_from([0.0, 0.02, 0.1]), st.floats(-0.5, 0.5))
def test_what_happened_to_all_nodes_meanwhile_cancels(recipe: Upgrade, slower: float, drift: float) -> None:
    w = replace(recipe, design=Design.CONTROL).world()
    before = slowed(w, slower, candidates(w)).verdict()
    after = slowed(w, drift, lambda e: e.phase is Phase.AFTER).verdict()
    assert figures(after) == figures(before)


@examples(8)
@given(upgrade_recipes(), st.sampled_from([0.0, 0.02, 0.1]), SEEDS)
def test_what_a_session_did_to_everything_in_it_cancels(recipe: Upgrade, slower: float, seed: int) -> None:
    """As far as its sentinels are still those of the machine."""
    w = replace(recipe, design=Design.STORED, sessions=(14, 3)).world()
    before = slowed(w, slower, candidates(w)).verdict()
    sessions = sorted({e.session for e in w.evidence})
    apart = dict(zip(sessions, np.random.default_rng(seed).normal(0.0, 0.002, len(sessions)), strict=True))
    slowed(w, lambda e: float(apart[e.session]), lambda _: True)
    assert figures(w.verdict()) == figures(before)


@examples(20)
@given(upgrade_recipes(), st.floats(0.0, 2.0))
def test_a_control_that_is_slow_in_both_phases_is_its_own_measure(recipe: Upgrade, slower: float) -> None:
    w = replace(recipe, design=Design.CONTROL).world()
    before = w.verdict()
    assert figures(slowed(w, slower, lambda e: e.node == "c1").verdict()) == figures(before)

"""Fail closed: no harm leaves a world GO; nor does the order of evidence, or what else was judged, change a thing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given

from compat.judge import wanted
from compat.judge.outcome import SEVERITY
from compat.model import Comparison, Decision, Status, canonical

from .harms import HARMS, LOCAL, Chosen, harms, spoil
from .spoiling import replan
from .worlds import SEEDS, SMALL, Recipe, examples, of_item, recipes, shuffled


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

"""How many pairs are wanted: a run that does what it is told always comes to an end."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from compat.judge import Wanted, wanted
from compat.judge.budget import measured
from compat.model import STANDARD, Arm, Evidence, Item, Policy, Ring, Tier

from .build import CELL, LATENCY, MATMUL, POOL, SPILLS, TEXT, case, faulting, item, plan, scaled, world

PLAN = plan()
SLOW = item(case("operator:slow", "a", LATENCY))


def records(one: Item, pairs: int, noise: float = 0.003, slower: float = 1.0, seed: int = 1) -> list[Evidence]:
    w = world(plan(one), pairs=pairs, noise=noise, seed=seed)
    if slower != 1.0:
        w.edit(scaled("latency", slower), arm=Arm.CANDIDATE)
    return w.evidence


@pytest.mark.parametrize(("one", "pairs"), [(TEXT, 2), (MATMUL, 2), (POOL, 10)])
def test_before_the_first_pair(one: Item, pairs: int) -> None:
    assert wanted(PLAN, one, []) == Wanted(2, 1)
    have = records(one, pairs)
    assert wanted(PLAN, one, have).pairs <= pairs
    assert wanted(PLAN, one, [record for record in have if record.pair == 0]).pairs == 2


def test_what_a_backend_compiles_is_compiled_in_three_processes_of_each_arm() -> None:
    cold = item(case("model:net", "cold", STANDARD["compile_time"]))
    assert wanted(plan(cold), cold, []) == Wanted(3, 1)
    assert wanted(plan(cold), cold, records(cold, 2)) == Wanted(3, 1)
    assert wanted(plan(cold), cold, records(cold, 3)) == Wanted(3, 1)
    kernel = replace(cold, case=replace(cold.case, tier=Tier.AOT))
    assert wanted(plan(kernel), kernel, []) == Wanted(2, 1)


def test_sampled_items_complete_round_one() -> None:
    assert wanted(PLAN, POOL, records(POOL, 2)) == Wanted(10, 1)
    assert wanted(PLAN, POOL, records(POOL, 8)) == Wanted(10, 1)


def test_what_is_open_gets_the_next_round() -> None:
    assert wanted(plan(SLOW), SLOW, records(SLOW, 10, slower=1.05)) == Wanted(30, 2)
    assert wanted(plan(SLOW), SLOW, records(SLOW, 12, slower=1.05)) == Wanted(30, 2)


def test_what_is_decided_gets_nothing() -> None:
    assert wanted(plan(SLOW), SLOW, records(SLOW, 30, slower=1.5)).pairs <= 30


def test_the_rounds_end() -> None:
    have = records(SLOW, 240, noise=0.4, seed=2)  # one that stays open to the end: at this noise one in thirty does not
    rounds = []
    for pairs in (10, 30, 60, 120, 240):
        answer = wanted(plan(SLOW), SLOW, [record for record in have if record.pair < pairs])
        rounds.append((answer.pairs, answer.round))
    assert rounds[:4] == [(30, 2), (60, 3), (120, 4), (240, 5)]
    assert rounds[4][0] <= 240


def test_other_items_are_ignored() -> None:
    assert wanted(PLAN, TEXT, records(POOL, 10)) == Wanted(2, 1)


def test_a_pair_without_an_arm_is_made_up_for() -> None:
    have = [r for r in records(POOL, 10) if not (r.pair == 4 and r.arm is Arm.CANDIDATE)]
    assert wanted(PLAN, POOL, have) == Wanted(11, 1)


@pytest.mark.parametrize("arm", list(Arm))
def test_a_fault_is_tried_again_and_then_left(arm: Arm) -> None:
    w = world(plan(POOL), pairs=12).edit(faulting(), of=POOL, arm=arm, pairs=[3, 4])
    for pairs, more in ((4, 6), (5, 6), (6, 0), (12, 0)):
        answer = wanted(PLAN, POOL, [record for record in w.evidence if record.pair < pairs])
        assert answer.pairs == more if more else answer.pairs <= pairs


def test_a_failed_count_has_no_speed() -> None:
    both = item(case("operator:both", "a", LATENCY, SPILLS))
    w = world(plan(both), pairs=2).edit(scaled("spills", 1.0))
    assert wanted(plan(both), both, w.evidence) == Wanted(10, 1)
    spilled = w.edit(
        lambda r: replace(r, measurements=tuple(replace(m, samples=(64.0,)) for m in r.measurements)), arm=Arm.CANDIDATE
    )
    assert wanted(plan(both), both, spilled.evidence).pairs <= 2


def test_lost_measurements_and_different_inputs_are_not_sampled_on() -> None:
    have = records(SLOW, 10, slower=1.05)
    lost = [replace(r, measurements=()) if r.pair == 3 else r for r in have]
    other = [replace(r, inputs="other") if r.pair == 3 and r.arm is Arm.CANDIDATE else r for r in have]
    assert wanted(plan(SLOW), SLOW, lost).pairs <= 10
    assert wanted(plan(SLOW), SLOW, other).pairs <= 10


def test_the_neediest_node_answers() -> None:
    w = world(plan(POOL), pairs=10, nodes=("n1", "n2"))
    short = [r for r in w.evidence if r.node == "n1" or r.pair < 6]
    assert wanted(PLAN, POOL, short) == Wanted(10, 1)


@pytest.mark.parametrize("per_generation", [1, 2, 3])
def test_a_run_that_obeys_ends_with_a_decision(per_generation: int) -> None:
    """Follow ``wanted`` generation by generation, as a run does, and compare with what the rounds would need."""
    policy = Policy(pairs_per_generation=per_generation, rounds=(10, 20))
    made = plan(SLOW, policy=policy)
    pool = world(made, pairs=60, noise=0.01).edit(scaled("latency", math.exp(0.02)), arm=Arm.CANDIDATE).evidence
    have: list[Evidence] = []
    generation = 0
    while (answer := wanted(made, SLOW, have)).pairs > len(have) // 2:
        start = len(have) // 2
        fresh = [record for record in pool if start <= record.pair < start + per_generation]
        have += [replace(record, round=answer.round, generation=generation) for record in fresh]
        generation += 1
        assert generation < 40
    assert 10 <= len(have) // 2 <= 30 + 2 * (per_generation - 1)


def test_the_budget_is_shared_by_what_the_ring_requires() -> None:
    optional = replace(SLOW, required=False)
    between = item(SLOW.case, replace(CELL, id="between", required=False))
    made = plan(POOL, TEXT, MATMUL, optional, between)
    assert measured(made, made.rings[0]) == 2
    assert measured(made, replace(made.rings[0], minimum_nodes=4)) == 8
    aot = plan(MATMUL, rings=(Ring("canary", (Tier.AOT,)),))
    assert measured(aot, aot.rings[0]) == 1

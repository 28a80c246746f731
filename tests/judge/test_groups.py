"""Families of cases that are each a little slower, and the fresh pairs that confirm it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from compat.judge import Wanted, wanted_by_groups
from compat.judge.groups import EVERYTHING, judge_group, planned_groups
from compat.judge.points import Point
from compat.model import Arm, Comparison, Decision, Evidence, Item, Plan, Policy, Ring, Runtime, Status, Tier

from .build import LATENCY, World, case, faulting, item, plan, scaled, world

POLICY = Policy()
FAMILY = tuple(item(case("kernel:sum", str(n), LATENCY)) for n in range(8))
RINGS = (Ring("canary", (Tier.STATIC, Tier.CPU)),)
PLAN = plan(*FAMILY, rings=RINGS)
(GROUP,) = planned_groups(PLAN, FAMILY)
MEMBERS = [one.key for one in FAMILY]


def measured(
    shift: float, fresh: int = 0, fresh_shift: float | None = None, seed: int = 1, per: int = 1
) -> list[Point]:
    """Round 1 and ``fresh`` pairs of one member."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(10 + fresh):
        drift, late = rng.normal(0.0, 0.05), number >= 10
        apart = (fresh_shift if late and fresh_shift is not None else shift) + rng.normal(0.0, 0.008)
        found.append(Point(number, POLICY.group_round if late else 1, number, drift, drift + apart))
    return found


def family(shift: float, fresh: int = 0, fresh_shift: float | None = None) -> dict[str, list[Point]]:
    return {key: measured(shift, fresh, fresh_shift, seed) for seed, key in enumerate(MEMBERS)}


def status(points: dict[str, list[Point]], tests: int = 1) -> Status | None:
    found = judge_group(GROUP, points, POLICY, tests)
    return None if found is None else found.status


def test_a_family_that_is_a_little_slower_is_found_on_fresh_pairs_only() -> None:
    assert status(family(0.01)) is Status.INCONCLUSIVE
    assert status(family(0.01, 19)) is Status.INCONCLUSIVE
    assert status(family(0.01, 20)) is Status.REGRESS
    assert status(family(0.01, 20, fresh_shift=0.0)) is Status.PASS


@pytest.mark.parametrize("shift", [-0.05, 0.0, 0.003])
def test_what_nobody_cares_about_passes_without_fresh_pairs(shift: float) -> None:
    assert status(family(shift)) is Status.PASS


def test_the_level_is_shared_by_the_ring_s_groups() -> None:
    points = family(0.01, 20, fresh_shift=0.0075)
    assert status(points, tests=1) is Status.REGRESS
    assert status(points, tests=10**4) is Status.PASS


def with_slow(points: dict[str, list[Point]], share: float, by: float = 0.35, late: bool = True) -> None:
    """Make a share of the candidate's processes slow, others in every member, as chance has it."""
    rng = np.random.default_rng(9)
    for key, own in points.items():
        points[key] = [
            replace(p, candidate=p.candidate + by * (rng.random() < share)) if late or p.round == 1 else p for p in own
        ]


def test_slow_processes_that_each_member_passes_with_are_found_in_the_family() -> None:
    points = family(0.0, 20)
    assert status(points) is Status.PASS
    with_slow(points, 0.1)
    found = judge_group(GROUP, points, POLICY, 1)
    assert found is not None
    assert found.status is Status.REGRESS
    assert re.search(r"; slow processes: 0 -> \d+ of 160, over fresh pairs$", found.reason)
    first = {key: own[:10] for key, own in points.items()}
    assert status(first) is Status.INCONCLUSIVE  # fresh pairs are asked for


def test_slow_processes_that_fresh_pairs_do_not_show_pass() -> None:
    points = family(0.0, 20)
    with_slow(points, 0.2, late=False)
    assert status(points) is Status.PASS


def test_a_few_more_slow_processes_are_ignored_and_faster_ones_are_no_harm() -> None:
    points = family(0.0, 20)
    with_slow(points, 0.1)
    lenient = replace(POLICY, group=replace(POLICY.group, slow=0.3))
    found = judge_group(GROUP, points, lenient, 1)
    assert found is not None
    assert found.status is Status.PASS
    faster = family(0.0, 20)
    with_slow(faster, 0.1, by=-0.35)
    assert status(faster) is Status.PASS


def test_slow_processes_in_both_arms_are_the_machines() -> None:
    points = family(0.0, 20)
    rng = np.random.default_rng(4)
    for key, own in points.items():
        slow = 0.35 * (rng.random((len(own), 2)) < 0.2)
        points[key] = [
            replace(p, known_good=p.known_good + a, candidate=p.candidate + b)
            for p, (a, b) in zip(own, slow.tolist(), strict=True)
        ]
    assert status(points) is Status.PASS


def test_too_few_members_are_no_group() -> None:
    points = family(0.01)
    assert status({key: points[key] for key in MEMBERS[:4]}) is Status.INCONCLUSIVE
    assert status({key: points[key] for key in MEMBERS[:3]}) is None
    assert status({key: own[:9] for key, own in points.items()}) is None


def test_generations_that_few_members_share_do_not_count() -> None:
    points = {
        key: [replace(p, generation=100 * place + p.generation) for p in own]
        for place, (key, own) in enumerate(family(0.01, 20).items())
    }
    assert status(points) is Status.INCONCLUSIVE


def test_false_alarms_keep_to_their_level() -> None:
    """At the edge of what is ignored every group is at its level; well below it none is."""
    edge = float(np.log1p(POLICY.group.ignore))
    alarms = 0
    for seed in range(400):
        points = {key: measured(edge, 20, seed=1000 * seed + place) for place, key in enumerate(MEMBERS)}
        alarms += status(points) is Status.REGRESS
    assert alarms <= 4  # 0.05 x 0.01 x 400 = 0.2 are expected


def test_a_group_is_a_workload_and_a_cell_is_one_too() -> None:
    other = tuple(item(case("kernel:max", str(n), LATENCY)) for n in range(4))
    few = item(case("kernel:few", "a", LATENCY))
    names = [(g.name, len(g.members)) for g in planned_groups(plan(*FAMILY, *other, few), (*FAMILY, *other, few))]
    assert names == [("kernel:sum", 8), (EVERYTHING, 13), ("kernel:max", 4)]
    optional = [replace(one, required=False) for one in other]
    assert [g.name for g in planned_groups(plan(*FAMILY), (*FAMILY, *optional))] == ["kernel:sum"]


def slower(factor: float, made: Plan, pairs: int = 10) -> World:
    """A ring in which everything is slower by ``factor``."""
    return world(made, pairs=pairs, noise=0.004).edit(scaled("latency", factor), arm=Arm.CANDIDATE)


def fresh(w: World, made: Plan, factor: float) -> World:
    """The same with the fresh pairs that the groups ask for."""
    more = slower(factor, made, pairs=30)
    for record in more.evidence:
        if record.pair >= 10:
            w.evidence.append(replace(record, round=made.policy.group_round))
    return w


def second(w: World, made: Plan, factor: float) -> World:
    """The same with the pairs on second installations that are to confirm it."""
    more = slower(factor, made, pairs=50)
    for record in more.evidence:
        if record.pair >= 30:
            w.evidence.append(replace(record, round=made.policy.group_confirm_round, installation=2))
    return w


def by_item(w: World) -> dict[str, list[Evidence]]:
    found: dict[str, list[Evidence]] = {one.key: [] for one in w.plan.items}
    for record in w.evidence:
        found[record.item].append(record)
    return found


def group_of(w: World) -> Comparison:
    (found,) = [c for c in w.verdict().comparisons if c.metric == "group:latency"]
    return found


def test_a_ring_in_which_each_case_passes_is_no_go_by_its_family() -> None:
    made = PLAN
    w = slower(1.008, made)
    assert {c.status for c in w.verdict().comparisons if c.metric == "latency"} == {Status.PASS}
    assert group_of(w).status is Status.INCONCLUSIVE
    assert w.verdict().decision is Decision.HOLD
    assert set(wanted_by_groups(made, by_item(w)).values()) == {Wanted(30, 6)}
    fresh(w, made, 1.008)
    assert w.verdict().decision is Decision.HOLD
    assert "20 pairs of each member on second installations are still to confirm it" in group_of(w).reason
    assert set(wanted_by_groups(made, by_item(w)).values()) == {Wanted(50, 8)}
    verdict = second(w, made, 1.008).verdict()
    assert verdict.decision is Decision.NO_GO
    assert "kernel:sum[all cases] latency of 8 cases together 0." in verdict.reasons[0]
    assert "slower (95 % interval" in verdict.reasons[0]
    assert "confirmed on second installations of both runtimes: 0." in verdict.reasons[0]
    assert wanted_by_groups(made, by_item(w)) == {}


def test_an_installation_that_is_slower_is_not_the_release() -> None:
    w = second(fresh(slower(1.008, PLAN), PLAN, 1.008), PLAN, 1.0)
    assert w.verdict().decision is Decision.GO
    assert group_of(w).status is Status.PASS
    assert "it is an installation that is slower, not the release" in group_of(w).reason
    assert wanted_by_groups(PLAN, by_item(w)) == {}


def test_what_cannot_be_installed_again_is_decided_by_fresh_pairs() -> None:
    given = {name: Runtime(name, python="") for name in ("old", "new")}
    made = replace(PLAN, runtimes=given)
    w = fresh(slower(1.008, made), made, 1.008)
    assert group_of(w).status is Status.REGRESS
    assert wanted_by_groups(made, by_item(w)) == {}


def test_a_large_slowdown_of_a_family_needs_no_second_installation() -> None:
    points = family(math.log(1.3), 20)
    found = judge_group(GROUP, points, POLICY, 1, confirmable=True)
    assert found is not None
    assert found.status is Status.REGRESS


def test_pairs_of_the_wrong_installation_are_no_evidence() -> None:
    w = second(fresh(slower(1.008, PLAN), PLAN, 1.008), PLAN, 1.0)
    w.evidence = [replace(e, installation=1) for e in w.evidence]
    verdict = w.verdict()
    assert verdict.decision is Decision.HOLD
    assert any("it ran on installation 1 of its runtime in round 8" in reason for reason in verdict.reasons)


def test_an_unchanged_family_asks_for_nothing() -> None:
    w = world(PLAN)
    assert wanted_by_groups(w.plan, by_item(w)) == {}
    assert w.verdict().decision is Decision.GO


def without(members: Sequence[Item], made: Plan) -> World:
    w = slower(1.008, made)
    for one in members:
        w.edit(faulting(), of=one, arm=Arm.CANDIDATE, pairs=[9])
    return w


def test_a_member_with_a_fault_is_no_member() -> None:
    made = PLAN
    w = without(FAMILY[:2], made)
    assert set(wanted_by_groups(made, by_item(w))) == set(MEMBERS[2:])
    w = without(FAMILY[:5], made)
    assert wanted_by_groups(made, by_item(w)) == {}


def test_a_member_that_is_slower_by_itself_is_named_by_itself() -> None:
    made = PLAN
    w = world(made, pairs=30, noise=0.004).edit(scaled("latency", 1.3), of=FAMILY[0], arm=Arm.CANDIDATE)
    w.evidence = [e for e in w.evidence if e.item == MEMBERS[0] or e.pair < 10]
    assert group_of(w).status is Status.PASS
    assert wanted_by_groups(made, by_item(w)) == {}

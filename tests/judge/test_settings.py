"""Rule 17 for how the nodes were set: what differs between the arms holds, what changed under both alike is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from compat.judge.environment import Environment, judge_environment
from compat.judge.traces import traces
from compat.model import Arm, Decision, Evidence, Identity, Policy, Ring, Status, Tier, digest

from .build import CELL, NEW, OLD, TEXT, World, plan, world

GPU, OTHER = (f"GPU-00000000-0000-0000-0000-{number:012}" for number in range(2))
POWER = f"{GPU} power limit"
SET = {"CPU governor": "performance", "kernel": "6.1.0", POWER: "700 W", f"{GPU} ECC": "on"}
PAIRS = 4


class Node:
    """A world whose nodes are set as the tests say."""

    def __init__(self, nodes: tuple[str, ...] = ("n1",), **changes: Any) -> None:
        self.world: World = world(plan(TEXT, **changes), pairs=PAIRS, nodes=nodes)
        made = [record for record in self.world.evidence if record.pair == 0]
        self.world.evidence = [
            replace(record, pair=pair, generation=pair + 1) for record in made for pair in range(PAIRS)
        ]
        self.set(SET)

    def set(self, settings: Mapping[str, str], **of: Any) -> Node:
        """Set the node like that for the runs that ``World.edit`` would edit."""
        self.world.edit(lambda record: self._with(record, settings), **of)
        return self

    def change(self, name: str, value: str | None, **of: Any) -> Node:
        """Set one thing, or leave it out."""
        changed = {key: said for key, said in {**SET, name: value}.items() if said is not None}
        return self.set(changed, **of)

    def _with(self, record: Evidence, settings: Mapping[str, str]) -> Evidence:
        base: Identity = OLD if record.arm is Arm.KNOWN_GOOD else NEW
        identity = replace(base, settings=dict(settings))
        self.world.identities[digest(identity)] = identity
        return replace(record, identity=digest(identity))

    def judged(self, cell: Any = CELL) -> Environment:
        """The check of the cell."""
        w = self.world
        found = judge_environment(cell, traces(w.evidence), w.plan, w.identities)
        assert judge_environment(cell, traces(w.evidence[::-1]), w.plan, w.identities) == found
        assert not found.misrealised
        return found


def undeclared(found: Environment) -> list[tuple[str, str, str]]:
    return [(what, a, b) for what, a, b, declared in found.differences if not declared]


def test_a_node_that_is_set_alike_is_no_difference() -> None:
    found = Node().judged()
    assert found.outcome.status is Status.PASS
    assert found.outcome.reason == "environment: 2 differences between the arms, all declared"
    assert undeclared(found) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (POWER, "350 W", "700 W -> 350 W"),
        (f"{GPU} ECC", "off", "on -> off"),
        ("CPU governor", "powersave", "performance -> powersave"),
        ("kernel", "6.1.1", "6.1.0 -> 6.1.1"),
        ("SMT", "on", "absent -> on"),  # it was read in one arm only
        (POWER, None, "700 W -> absent"),
    ],
)
def test_a_setting_of_one_arm_only_holds(name: str, value: str | None, said: str) -> None:
    found = Node().change(name, value, arm=Arm.CANDIDATE).judged()
    assert found.outcome.status is Status.UNDECLARED
    assert found.outcome.reason == f"environment: 1 difference not declared: setting {name} {said}"
    a, _, b = said.partition(" -> ")
    assert undeclared(found) == [(f"setting {name}", a, b)]


def test_the_verdict_is_hold_and_lists_it() -> None:
    ring = Ring("canary", (Tier.STATIC, Tier.CPU))
    assert Node(rings=(ring,)).world.verdict().decision is Decision.GO
    verdict = Node(rings=(ring,)).change(POWER, "350 W", arm=Arm.CANDIDATE).world.verdict()
    assert verdict.decision is Decision.HOLD
    assert (f"setting {POWER}", "700 W", "350 W", False) in verdict.differences
    assert [f"setting {POWER} 700 W -> 350 W" in reason for reason in verdict.reasons] == [True]
    warned = Node(rings=(ring,), policy=Policy(settings="warn")).change(POWER, "350 W", arm=Arm.CANDIDATE)
    assert warned.world.verdict().decision is Decision.GO
    assert warned.world.verdict().differences == verdict.differences


def test_one_gpu_does_not_hide_the_other() -> None:
    both = {**SET, f"{OTHER} power limit": "700 W"}
    node = Node().set(both).set({**both, f"{OTHER} power limit": "350 W"}, arm=Arm.CANDIDATE)
    assert undeclared(node.judged()) == [(f"setting {OTHER} power limit", "700 W", "350 W")]


# -- when it changed ---------------------------------------------------------------------------------------------------


def test_what_changed_under_both_arms_alike_is_said_and_no_difference() -> None:
    node = Node().change("CPU governor", "powersave", pairs=[2, 3])
    found = node.judged()
    assert found.outcome.status is Status.PASS
    note = "; setting CPU governor was performance, then powersave in both arms alike on n1"
    assert found.outcome.reason == f"environment: 2 differences between the arms, all declared{note}"
    assert undeclared(found) == []


def test_a_change_back_is_said_in_the_order_in_which_it_came() -> None:
    node = Node().change(POWER, "350 W", pairs=[0]).change(POWER, "500 W", pairs=[3])
    assert f"setting {POWER} was 350 W, then 700 W, then 500 W in both arms alike" in node.judged().outcome.reason


def test_what_changed_is_said_beside_what_differs() -> None:
    node = Node().change("kernel", "6.1.1", pairs=[3])
    node.set({**SET, "kernel": "6.1.1", POWER: "1 W"}, pairs=[3], arm=Arm.CANDIDATE)
    found = node.judged()
    assert found.outcome.status is Status.UNDECLARED
    assert undeclared(found) == [(f"setting {POWER}", "700 W", "1 W")]
    assert "setting kernel was 6.1.0, then 6.1.1 in both arms alike on n1" in found.outcome.reason


@pytest.mark.parametrize("arm", list(Arm))
@pytest.mark.parametrize("pairs", [[0], [3], [0, 2], [0, 1, 2]])
def test_a_change_in_one_arm_only_is_a_difference(arm: Arm, pairs: list[int]) -> None:
    found = Node().change(POWER, "350 W", arm=arm, pairs=pairs).judged()
    assert found.outcome.status is Status.UNDECLARED
    values = ("350 W", "700 W") if arm is Arm.KNOWN_GOOD else ("700 W", "350 W")
    assert undeclared(found) == [(f"setting {POWER}", *values)]


def test_arms_that_swap_their_settings_are_not_alike() -> None:
    """Both arms had both values: only the pairs tell."""
    node = Node().change(POWER, "350 W", arm=Arm.KNOWN_GOOD, pairs=[0, 1])
    found = node.change(POWER, "350 W", arm=Arm.CANDIDATE, pairs=[2, 3]).judged()
    assert undeclared(found) == [(f"setting {POWER}", "350 W", "700 W"), (f"setting {POWER}", "700 W", "350 W")]
    assert found.outcome.status is Status.UNDECLARED


def test_half_a_pair_that_was_set_otherwise_is_a_difference() -> None:
    """The run was killed between the arms, and no pair shows what the other arm would have seen."""
    node = Node().change(POWER, "350 W", pairs=[3])
    node.world.evidence = [r for r in node.world.evidence if (r.pair, r.arm) != (3, Arm.KNOWN_GOOD)]
    found = node.judged()
    assert undeclared(found) == [(f"setting {POWER}", "700 W", "700 W, then 350 W")]
    assert found.outcome.status is Status.UNDECLARED


def test_arms_that_share_no_pair_are_compared_all_the_same() -> None:
    node = Node().change(POWER, "350 W", arm=Arm.CANDIDATE)
    node.world.edit(lambda record: replace(record, pair=record.pair + 10), arm=Arm.CANDIDATE)
    assert undeclared(node.judged()) == [(f"setting {POWER}", "700 W", "350 W")]


# -- where -------------------------------------------------------------------------------------------------------------


def test_nodes_may_be_set_differently() -> None:
    found = Node(nodes=("n1", "n2")).change("CPU governor", "powersave", node="n2").judged()
    assert found.outcome.status is Status.PASS
    assert "CPU governor" not in found.outcome.reason


def test_one_node_of_two_that_was_not_set_alike_holds() -> None:
    node = Node(nodes=("n1", "n2")).change("CPU governor", "powersave", node="n2", arm=Arm.CANDIDATE)
    assert undeclared(node.judged()) == [("setting CPU governor", "performance", "powersave")]


def test_a_change_on_several_nodes_is_said_once() -> None:
    node = Node(nodes=("n1", "n2", "n3")).change("kernel", "6.1.1", pairs=[1, 2, 3])
    said = node.judged().outcome.reason
    assert said.endswith("; setting kernel was 6.1.0, then 6.1.1 in both arms alike on 3 nodes")


def test_cases_on_different_gpus_of_a_node_are_compared_each_with_its_own() -> None:
    """A case without a GPU reads no settings of one: within an arm that is no change."""
    node = Node()
    node.set({"kernel": "6.1.0"}, pairs=[0, 1])
    node.world.edit(lambda record: replace(record, devices=(GPU,)), pairs=[2, 3])
    found = node.judged()
    assert found.outcome.reason == "environment: 2 differences between the arms, all declared"


def test_a_lane_is_compared_with_itself_beside_others_that_are_set_alike() -> None:
    node = Node().set({"kernel": "6.1.0"}, pairs=[0, 1])
    node.set({**SET, "kernel": "6.1.1"}, pairs=[3])
    node.world.edit(lambda record: replace(record, devices=(GPU,)), pairs=[2, 3])
    note = "; setting kernel was 6.1.0, then 6.1.1 in both arms alike on n1"
    assert node.judged().outcome.reason == f"environment: 2 differences between the arms, all declared{note}"
    node.set({**SET, "kernel": "6.1.1", POWER: "350 W"}, pairs=[3], arm=Arm.CANDIDATE)
    assert undeclared(node.judged()) == [(f"setting {POWER}", "700 W", "350 W")]


# -- policy, and what declares a setting -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        (Policy(), Status.UNDECLARED),
        (Policy(settings="warn"), Status.PASS),
        (Policy(settings="whatever"), Status.UNDECLARED),
        (Policy(undeclared="warn"), Status.UNDECLARED),  # it has a word of its own
    ],
)
def test_policy_says_whether_a_setting_holds_or_warns(policy: Policy, status: Status) -> None:
    found = Node(policy=policy).change(POWER, "350 W", arm=Arm.CANDIDATE).judged()
    assert found.outcome.status is status
    assert f"setting {POWER} 700 W -> 350 W" in found.outcome.reason  # it is never silent
    assert undeclared(found) == [(f"setting {POWER}", "700 W", "350 W")]


def test_a_warned_setting_does_not_let_another_difference_through() -> None:
    node = Node(policy=Policy(settings="warn")).change(POWER, "350 W", arm=Arm.CANDIDATE)
    node.world.identities = {
        key: replace(
            one, distributions={**one.distributions, "pip": "24.0" if one.settings[POWER] == "700 W" else "25"}
        )
        for key, one in node.world.identities.items()
        if one.settings
    }
    found = node.judged()
    assert found.outcome.status is Status.UNDECLARED
    assert "2 differences not declared: pip 24.0 -> 25, setting" in found.outcome.reason


@pytest.mark.parametrize(
    ("axis", "name", "declared"),
    [
        ("power_limit", POWER, True),
        ("cpu_governor", "CPU governor", True),
        ("kernel", "kernel", True),
        ("driver", f"{GPU} GSP firmware", True),
        ("firmware", f"{GPU} GSP firmware", True),
        ("firmware", f"{GPU} VBIOS", True),
        ("vbios", f"{GPU} VBIOS", True),
        ("driver", f"{GPU} VBIOS", False),  # no driver brings one
        ("driver", POWER, False),
        ("firmware", "kernel", False),
        ("ecc", POWER, False),
        ("gpu", POWER, False),
    ],
)
def test_an_axis_declares_a_setting_of_its_name_and_what_it_brings(axis: str, name: str, declared: bool) -> None:
    node = Node().set({**SET, name: "1"}, arm=Arm.KNOWN_GOOD).set({**SET, name: "2"}, arm=Arm.CANDIDATE)
    assert node.judged().outcome.status is Status.UNDECLARED
    cell = replace(CELL, stack={**CELL.stack, axis: "b"}, known_good={**CELL.known_good, axis: "a"})
    found = node.judged(cell)
    assert (found.outcome.status is Status.PASS) is declared
    assert (f"setting {name}", "1", "2", declared) in found.differences
    same = replace(CELL, stack={**CELL.stack, axis: "a"}, known_good={**CELL.known_good, axis: "a"})
    assert node.judged(same).outcome.status is Status.UNDECLARED  # an axis that does not move declares nothing


def test_a_requirement_declares_no_setting() -> None:
    """There is a distribution for every word."""
    runtimes = {
        name: replace(runtime, requirements=(*(runtime.requirements or ()), "kernel==1.0"))
        for name, runtime in plan().runtimes.items()
    }
    node = Node(runtimes=runtimes).change("kernel", "6.1.1", arm=Arm.CANDIDATE)
    w = node.world
    found = judge_environment(CELL, traces(w.evidence), w.plan, w.identities)
    assert ("setting kernel", "6.1.0", "6.1.1", False) in found.differences

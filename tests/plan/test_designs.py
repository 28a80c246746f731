"""Rings whose driver changes: control groups that cannot be, and limits that one node cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compat.errors import MatrixError
from compat.model import Design

from .conftest import AXES, MATRIX

if TYPE_CHECKING:
    from .conftest import PlanText

RING = "  - {name: canary, tiers: [cpu]}"
GROUPS = """  - name: canary
    tiers: [cpu]
    minimum_nodes: 4
    nodes: {labels: {group: upgraded}}
    controls: {labels: {group: control}}"""


def test_controls_make_the_design(plan_text: PlanText) -> None:
    plan = plan_text(AXES.replace(RING, GROUPS).replace("margin: 10%", "margin: 3%"))
    (ring,) = plan.rings
    assert (ring.design, ring.controls, ring.minimum_controls) == (Design.CONTROL, {"group": "control"}, 4)
    assert not [rejection for rejection in plan.rejections if rejection.blocking]
    more = GROUPS.replace("{group: control}}", "{group: control}, minimum_nodes: 8}")
    assert plan_text(AXES.replace(RING, more)).rings[0].minimum_controls == 8


def test_one_node_by_itself_tells_large_changes_only(plan_text: PlanText) -> None:
    plan = plan_text(AXES.replace("margin: 10%", "margin: 9%"))
    assert plan.rings[0].design is Design.ABA
    (said,) = [rejection for rejection in plan.rejections if rejection.blocking]
    assert (said.what, said.ring) == ("ring canary: driver", "canary")
    assert said.reason == (
        "before, after and back again on one node tell changes of 10 % or more, and the margin of latency is less; "
        "give the ring controls, or a margin of 10 %"
    )
    smaller = AXES.replace("margin: 10%}", "margin: 9%}\n  design: {least: 9%}")
    assert not [rejection for rejection in plan_text(smaller).rejections if rejection.blocking]


def test_what_is_not_judged_needs_no_margin(plan_text: PlanText) -> None:
    plan = plan_text(AXES.replace("margin: 10%", "margin: 9%, gate: false"))
    assert not [rejection for rejection in plan.rejections if rejection.blocking]


@pytest.mark.parametrize(
    ("ring", "expected"),
    [
        (
            GROUPS.replace("minimum_nodes: 4", "minimum_nodes: 2"),
            "FILE:16: the ring 'canary' has at least 2 upgraded nodes, its design needs 3; "
            "say minimum_nodes: 3 or more, or leave controls out and compare node by node",
        ),
        (
            GROUPS.replace("{group: control}}", "{group: control}, minimum_nodes: 2}"),
            "FILE:18: the ring 'canary' has at least 2 control nodes, its design needs 3; "
            "say minimum_nodes: 3 or more, or leave controls out and compare node by node",
        ),
        (
            GROUPS.replace("group: control", "group: upgraded"),
            "FILE:18: a node may be a control of the ring 'canary' and one of its own; give both the same label with "
            "different values",
        ),
        (
            GROUPS.replace("group: control", "other: control"),
            "FILE:18: a node may be a control of the ring 'canary' and one of its own; give both the same label with "
            "different values",
        ),
    ],
    ids=["few", "few controls", "the same nodes", "nodes of both"],
)
def test_groups_that_cannot_be(plan_text: PlanText, ring: str, expected: str) -> None:
    with pytest.raises(MatrixError) as raised:
        plan_text(AXES.replace(RING, ring))
    place, _, said = str(raised.value).partition(":")
    assert f"FILE:{said}" == expected, place


def test_stored_sessions_need_sentinels(plan_text: PlanText) -> None:
    plan = plan_text(AXES.replace("tiers: [cpu]}", "tiers: [cpu], design: stored}"))
    assert plan.rings[0].design is Design.STORED
    (said,) = [rejection for rejection in plan.rejections if rejection.blocking]
    assert said.what == "ring canary: sentinels"
    assert "it has 0 cases with a latency, 3 are needed; mark workloads with sentinel: true" in said.reason
    few = AXES.replace("tiers: [cpu]}", "tiers: [cpu], design: stored}")
    few = few.replace("  latency:", "  stored: {sentinels: 3}\n  latency:")
    plan = plan_text(few.replace('{select: "operator:*"}', '{select: "operator:*", sentinel: true}'))
    (said,) = [rejection for rejection in plan.rejections if rejection.blocking]
    assert "it has 2 cases with a latency, 3 are needed" in said.reason


def test_phases_of_too_few_generations_decide_nothing(plan_text: PlanText) -> None:
    plan = plan_text(AXES.replace("  latency:", "  pairs_per_generation: 5\n  latency:"))
    (said,) = [rejection for rejection in plan.rejections if rejection.blocking]
    assert "a phase of 10 runs, 5 to a generation, has 2 generations, 3 are needed" in said.reason


def test_firmware_is_not_read_yet(plan_text: PlanText) -> None:
    text = AXES.replace("axes:\n", 'axes:\n  firmware: ["1", "2"]\n').replace(
        "known_good: {", 'known_good: {firmware: "1", '
    )
    plan = plan_text(text.replace("candidate: {", 'candidate: {firmware: "2", '))
    assert any("the firmware of a node is not read yet" in said.reason for said in plan.rejections if said.blocking)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "tiers: [cpu]}",
            "tiers: [cpu], design: control}",
            "FILE:14: the ring 'canary' has the design control, and no controls; add controls: {labels: {...}}",
        ),
        (
            RING,
            f"{GROUPS}\n    design: aba",
            "FILE:19: the ring 'canary' has controls, and its design is aba; leave one of them out",
        ),
        (
            '{select: "operator:*"}',
            '{select: "operator:*", sentinel: true}',
            "FILE:12: workloads[0] is a sentinel, and no ring compares stored sessions; leave it out, or say "
            "design: stored",
        ),
    ],
    ids=["no controls", "controls", "sentinel"],
)
def test_designs_that_cannot_be(plan_text: PlanText, old: str, new: str, expected: str) -> None:
    with pytest.raises(MatrixError) as raised:
        plan_text(AXES.replace(old, new))
    assert f"FILE:{str(raised.value).partition(':')[2]}" == expected


def test_controls_for_nothing_are_said(plan_text: PlanText) -> None:
    ring = "  - {name: canary, tiers: [static, aot, cpu], budget: 20m}"
    assert ring in MATRIX
    plan = plan_text(MATRIX.replace(ring, GROUPS.replace("[cpu]", "[static, aot, cpu]")))
    (said,) = [rejection for rejection in plan.rejections if rejection.what == "ring canary: controls"]
    assert not said.blocking
    assert "they are not measured" in said.reason

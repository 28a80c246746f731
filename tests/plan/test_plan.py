from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from compat.errors import MatrixError
from compat.model import Arm, Rejection, Ring, Runtime, Tier, canonical, digest
from compat.plan import build_plan, load_matrix

from .conftest import AXES, MATRIX, MODEL, OPERATOR, PER_TARGET

if TYPE_CHECKING:
    from pathlib import Path

    from compat.model import Node

    from .conftest import PlanText, Write


def test_a_plan(plan_text: PlanText) -> None:
    plan = plan_text(MATRIX)
    keys = [item.key for item in plan.items]
    stack, model = plan.items[0].cell.id, plan.items[-1].cell.id
    assert keys == [
        f"{stack}/kernel:add[fp16-sm_75]",
        f"{stack}/kernel:add[fp16-sm_80]",
        f"{stack}/operator:total[large]",
        f"{stack}/operator:total[small]",
        f"{model}/model:tiny[batch-1]",
    ]
    assert plan.name == "demo"
    assert plan.matrix_digest == digest(MATRIX)
    assert plan.known_good == {"runtime": "old"}
    assert plan.candidate == {"runtime": "new"}
    assert plan.rejections == ()
    assert plan.content["operator:total"] == digest(OPERATOR)
    assert list(plan.content) == ["kernel:add", "model:tiny", "operator:total"]
    assert all(item.required for item in plan.items)
    assert [item.timeout for item in plan.items] == [300.0] * 5
    assert plan.rings == (Ring("canary", (Tier.STATIC, Tier.AOT, Tier.CPU), 1, 1200.0),)
    assert plan.for_ring("canary") == plan.items
    assert plan.runtimes["new"] == Runtime(
        "new", base="debian:bookworm", requirements=("onnxruntime==1.23.2", "numpy==2.2.6", "triton==3.5.1")
    )
    assert len(canonical(plan)) > 1000


def test_what_is_judged_is_written_into_the_plan(plan_text: PlanText) -> None:
    plan = plan_text(
        MATRIX.replace("  latency: {margin", "  first_call: {gate: true}\n  latency: {gate: false, margin")
    )
    (small,) = (item for item in plan.items if item.case.id == "small")
    gated = {metric.name for metric in small.case.metrics if metric.gated}
    assert gated == {"first_call", "leak", "memory", "nondeterministic"}
    assert plan.policy.metric("latency").margin == 0.1


def test_a_plan_is_the_same_however_the_file_is_ordered(plan_text: PlanText) -> None:
    first = plan_text(AXES)
    second = plan_text(
        AXES.replace('cuda: ["12.8", "13.0"]\n  runtime: [old, new]', 'runtime: [new, old]\n  cuda: ["13.0", "12.8"]')
    )
    assert first.matrix_digest != second.matrix_digest
    assert canonical(dataclasses.replace(second, matrix_digest=first.matrix_digest)) == canonical(first)


def test_points_between_are_measured_and_required_where_the_candidate_is_reached_over_them(plan_text: PlanText) -> None:
    plan = plan_text(AXES)
    assert {(item.cell.stack["driver"], item.cell.stack["runtime"], item.required) for item in plan.items} == {
        ("570.172.08", "new", False),
        ("580.95.05", "old", True),
        ("580.95.05", "new", True),
    }


def test_an_optional_selection(plan_text: PlanText) -> None:
    plan = plan_text(MATRIX.replace("timeout: 5m", "timeout: 90s, required: false"))
    assert [(item.required, item.timeout) for item in plan.items if item.case.workload == "model:tiny"] == [(False, 90)]


def test_runtimes_in_place(plan_text: PlanText) -> None:
    text = AXES.replace('{image: "example/torch:2.10", cuda', '{in_place: true, env: {A: "1"}, cuda')
    text = text.replace('{image: "example/torch:2.11"', '{in_place: true, python: "/opt/python"')
    plan = plan_text(text)
    assert plan.runtimes["old"] == Runtime("old", python="", values={"cuda": "12.8"}, env={"A": "1"})
    assert plan.runtimes["new"] == Runtime("new", python="/opt/python", values={"cuda": "13.0"})
    assert plan.runtimes["old"].kind == "in_place"


def test_both_tiers_of_a_model(plan_text: PlanText) -> None:
    plan = plan_text(MATRIX.replace("[static, aot, cpu]", "[aot, cpu, gpu]"))
    cases = [(item.case.id, item.case.tier) for item in plan.items if item.cell.model == "tiny"]
    assert sorted(cases) == [("batch-1", Tier.CPU), ("batch-1-gpu", Tier.GPU)]


def test_a_workload_in_none_of_the_tiers(plan_text: PlanText) -> None:
    plan = plan_text(MATRIX.replace("[static, aot, cpu]", "[static, cpu]"))
    assert plan.rejections == (
        Rejection("kernel:add", "it runs in the tiers aot, and the rings ask for cpu, static", blocking=False),
    )
    assert "kernel:add" not in plan.content


def test_cases_for_targets_that_nobody_names_are_told_of(plan_text: PlanText, write: Write) -> None:
    write(PER_TARGET, "shipped/workloads/total.py")
    plan = plan_text(MATRIX)
    said = "it has cases for each target, and its selection names no targets"
    assert plan.rejections == (Rejection("operator:total", said, blocking=False),)
    named = plan_text(MATRIX.replace('"operator:*"', '"operator:*", targets: [sm_90]'))
    assert named.rejections == ()
    assert {item.case.id for item in named.items} - {item.case.id for item in plan.items} == {"code-sm_90"}


def test_a_tier_without_a_case_blocks(plan_text: PlanText) -> None:
    text = AXES.replace(
        "tiers: [cpu]}", "tiers: [cpu]}\n  - {name: early, after: canary, tiers: [cpu, gpu, interpreted]}"
    )
    assert [rejection for rejection in plan_text(text).rejections if rejection.blocking] == [
        Rejection(
            "ring early: tier gpu",
            "the ring asks for gpu evidence, and no required case gives any",
            blocking=True,
            ring="early",
        ),
        Rejection(
            "ring early: tier interpreted",
            "the ring asks for interpreted evidence, and no required case gives any",
            blocking=True,
            ring="early",
        ),
    ]


def test_a_tier_with_only_optional_cases_blocks(plan_text: PlanText) -> None:
    plan = plan_text(AXES.replace('{select: "operator:*"}', '{select: "operator:*", required: false}'))
    assert [rejection.what for rejection in plan.rejections if rejection.blocking] == ["ring canary: tier cpu"]


def test_a_model_that_no_axis_names(plan_text: PlanText, shipped: Path) -> None:
    (shipped / "workloads" / "other.py").write_text(MODEL)
    plan = plan_text(MATRIX)
    assert plan.rejections == (Rejection("model:other", "selected, and no cell has such a model"),)
    assert not [item for item in plan.items if item.case.workload == "model:other"]


def test_placement_is_judged_for_a_node_only(plan_text: PlanText, node: Node) -> None:
    assert not [rejection for rejection in plan_text(AXES).rejections if rejection.blocking]
    plan = plan_text(AXES, node)
    assert {(item.cell.known_good["driver"], item.cell.stack["driver"]) for item in plan.items} == {
        ("570.172.08", "580.95.05"),  # in the phase after the upgrade
        ("580.95.05", "580.95.05"),
    }
    unplaced = [rejection for rejection in plan.rejections if rejection.reason.startswith("unplaced: ")]
    assert [(item.what[:17], item.blocking) for item in unplaced] == [
        ("570.172.08-13.0-n", False),
    ]
    assert unplaced[0].reason == (
        "unplaced: its candidate arm needs driver 570.172.08, and the node gpu-1 has driver 580.95.05"
    )


def test_a_node_with_the_driver(plan_text: PlanText, node: Node) -> None:
    text = AXES.replace('known_good: {driver: "570.172.08"', 'known_good: {driver: "580.95.05"')
    plan = plan_text(text, node)
    assert {item.cell.stack["driver"] for item in plan.items if item.required} == {"580.95.05"}
    assert not [rejection for rejection in plan.rejections if rejection.blocking]


def test_findings_of_both_arms(plan_text: PlanText) -> None:
    plan = plan_text(MATRIX)
    stack, model = plan.items[0].cell.id, plan.items[-1].cell.id
    assert [(finding.cell, finding.arm, finding.rule, finding.status) for finding in plan.findings] == [
        (stack, Arm.KNOWN_GOOD, "known-conflicts", "ok"),
        (stack, Arm.KNOWN_GOOD, "triton-target", "ok"),
        (stack, Arm.CANDIDATE, "known-conflicts", "ok"),
        (stack, Arm.CANDIDATE, "known-issues", "ok"),
        (stack, Arm.CANDIDATE, "triton-target", "ok"),
        (model, Arm.KNOWN_GOOD, "known-conflicts", "ok"),
        (model, Arm.KNOWN_GOOD, "onnx-ir", "ok"),
        (model, Arm.CANDIDATE, "known-conflicts", "ok"),
        (model, Arm.CANDIDATE, "known-issues", "ok"),
        (model, Arm.CANDIDATE, "onnx-ir", "ok"),
    ]
    assert all(finding.source.endswith("(checked 2026-11)") for finding in plan.findings)


def test_findings_do_not_need_a_node(plan_text: PlanText, node: Node) -> None:
    findings = plan_text(AXES, node).findings
    assert findings == plan_text(AXES).findings
    by_rule = {
        (finding.cell[:17], finding.arm): finding.status for finding in findings if finding.rule == "cuda-driver"
    }
    assert by_rule["570.172.08-13.0-n", Arm.CANDIDATE] == "unknown"
    assert by_rule["580.95.05-13.0-ne", Arm.CANDIDATE] == "ok"


def test_site_content(write: Write, shipped: Path, tmp_path: Path) -> None:
    write(OPERATOR, "site/workloads/own.py")
    plan = build_plan(load_matrix(write(MATRIX)), content=[tmp_path / "site"], compat_version="1.2")
    assert "operator:own" in plan.content
    assert plan.compat_version == "1.2"


def test_no_cell_is_left(write: Write, shipped: Path) -> None:
    text = MATRIX.replace("runtimes:\n", "exclude: [{runtime: old, model: tiny}]\nruntimes:\n")
    text = text.replace("[tiny]", "[tiny, other]").replace('  - {select: "operator:*"}\n', "")
    text = text.replace('  - {select: "kernel:*", targets: [sm_75, sm_80]}\n', "")
    text = text.replace("exclude: [", "exclude: [{runtime: new, model: other}, ")
    (shipped / "workloads" / "other.py").write_text(MODEL)
    path = write(text)
    with pytest.raises(MatrixError) as caught:
        build_plan(load_matrix(path), compat_version="0")
    assert str(caught.value) == f"{path}:2: the matrix is empty: no cell is left to compare; exclude less"


def test_a_limit_for_what_nobody_measures(write: Write, shipped: Path) -> None:
    path = write(MATRIX.replace("[static, aot, cpu]", "[aot]"))
    with pytest.raises(MatrixError, match="policy has 'latency', which no planned case measures"):
        build_plan(load_matrix(path), compat_version="0")

# ruff: noqa: E501 - an error is one line, and here it stands whole
from __future__ import annotations

import pytest

from compat.errors import MatrixError
from compat.model import (
    AOT_METRICS,
    STANDARD,
    Case,
    GroupPolicy,
    MetricPolicy,
    NumericsPolicy,
    Policy,
    TailPolicy,
    Tier,
    WorkloadPolicy,
)
from compat.plan import load_matrix
from compat.plan.policy import build_policy, with_gates

from .conftest import MATRIX, Write

METRICS = (STANDARD["latency"], STANDARD["memory"], *AOT_METRICS)


WORKLOAD = "operator:average_pool"


def policy(write: Write, text: str) -> Policy:
    matrix = load_matrix(write(MATRIX[: MATRIX.index("policy:")] + text))
    return build_policy(matrix.file, matrix.spec, {WORKLOAD: (0, METRICS)})


def test_no_policy_is_the_judge_s_own(write: Write) -> None:
    assert policy(write, "") == Policy()


def test_every_field_is_reachable(write: Write) -> None:
    text = """\
policy:
  latency: {margin: 10%, ignore: 2%}
  memory: {relative: 5%, absolute: 16MiB}
  matrix_instructions: {absolute: 2}
  numerics: {ratio: 3.0, outputs: 128, golden: fail}
  faults: {attempts: 5, needed: 3}
  environment: {undeclared: warn, settings: warn}
  rounds: [5, 10]
  pairs_per_generation: 3
  tail: {least: 20%, deviations: 4, delay: 0.1, share: 0.5}
  group: {members: 8, ignore: 1%, flag: 0.1, pairs: 30, alpha: 0.02}
  flag_alpha: 0.1
  pass_alpha: 0.01
  regress_alpha: 0.02
"""
    assert policy(write, text) == Policy(
        metrics={
            "latency": MetricPolicy(margin=0.1, ignore=0.02),
            "memory": MetricPolicy(relative=0.05, absolute=16 << 20),
            "matrix_instructions": MetricPolicy(absolute=2.0),
        },
        numerics=NumericsPolicy(ratio=3.0, outputs=128, golden="fail"),
        rounds=(5, 10),
        tail=TailPolicy(least=0.2, deviations=4.0, delay=0.1, share=0.5),
        group=GroupPolicy(members=8, ignore=0.01, flag=0.1, pairs=30, alpha=0.02),
        pairs_per_generation=3,
        flag_alpha=0.1,
        pass_alpha=0.01,
        regress_alpha=0.02,
        fault_attempts=5,
        fault_needed=3,
        undeclared="warn",
        settings="warn",
    )


def test_a_metric_is_judged_or_only_shown_as_the_file_says(write: Write) -> None:
    text = "policy:\n  latency: {gate: false}\n  registers: {gate: true}\n  memory: {gate: true, relative: 5%}\n"
    matrix = load_matrix(write(MATRIX[: MATRIX.index("policy:")] + text))
    case = Case("operator:x", "c", Tier.CPU, {}, METRICS, (), 0.0, 1, None, "")
    made = with_gates(case, matrix.spec, 0)
    assert {metric.name for metric in made.metrics if metric.gated} == {
        "memory",
        "scalar_dots",
        "spills",
        "occupancy",
        "atomics",
        "registers",
    }
    assert [metric.name for metric in made.metrics] == [metric.name for metric in METRICS]
    limits = build_policy(matrix.file, matrix.spec, {WORKLOAD: (0, made.metrics)})
    assert limits.metrics["registers"] == MetricPolicy()
    assert limits.metrics["memory"] == MetricPolicy(relative=0.05, absolute=16 << 20)


def own(write: Write, text: str) -> Policy:
    """The policy of a matrix whose second selection has a policy of its own."""
    selections = f"workloads:\n  - {{select: '*:*', targets: [sm_80]}}\n  - select: '{WORKLOAD}'\n    policy: {text}\n"
    start, end = MATRIX.index("workloads:"), MATRIX.index("rings:")
    rest = MATRIX[end : MATRIX.index("policy:")] + "policy:\n  latency: {margin: 10%}\n"
    matrix = load_matrix(write(MATRIX[:start] + selections + rest))
    return build_policy(matrix.file, matrix.spec, {"operator:other": (0, METRICS), WORKLOAD: (1, METRICS)})


def test_a_selection_has_limits_of_its_own(write: Write) -> None:
    made = own(write, "{latency: {ignore: 5%}, memory: {relative: 9%}, numerics: {ratio: 4}}")
    expected = {
        "latency": MetricPolicy(margin=0.1, ignore=0.05),
        "memory": MetricPolicy(relative=0.09, absolute=16 << 20),
    }
    assert made.workloads == {WORKLOAD: WorkloadPolicy(expected, NumericsPolicy(ratio=4.0))}
    assert made.of(WORKLOAD).metric("latency") == MetricPolicy(margin=0.1, ignore=0.05)
    assert made.of(WORKLOAD).numerics.ratio == 4.0
    assert made.of("operator:other") is made
    assert made.metric("latency") == MetricPolicy(margin=0.1)


def test_a_selection_s_limits_are_checked_too(write: Write) -> None:
    with pytest.raises(
        MatrixError, match=r"workloads\[1\].policy has 'latancy', which no planned case measures; did you"
    ):
        own(write, "{latancy: {margin: 5%}}")
    with pytest.raises(
        MatrixError, match=r"workloads\[1\].policy.latency has margin 0.005, which is not above ignore 0.01"
    ):
        own(write, "{latency: {margin: 0.5%}}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "latancy: {margin: 1%}",
            "FILE:17: policy has 'latancy', which no planned case measures; did you mean 'latency'?",
        ),
        (
            "numeric: {margin: 1%}",
            "FILE:17: policy has 'numeric', which no planned case measures; did you mean 'numerics'?",
        ),
        ("latency: {relative: 1%}", "FILE:17: policy.latency.relative: latency is sampled; use margin and ignore"),
        ("memory: {margin: 5%}", "FILE:17: policy.memory.margin: memory is bounded; use relative and absolute"),
        (
            "registers: {absolute: 4B}",
            "FILE:17: policy.registers.absolute is in bytes, and registers in registers; write a number without a unit",
        ),
        (
            "latency: {margin: 1%}",
            "FILE:17: policy.latency has margin 0.01, which is not above ignore 0.01; write a larger margin, or a smaller ignore",
        ),
        (
            "faults: {needed: 4}",
            "FILE:17: policy.faults needs 4 faults of 3 attempts; write needed no larger than attempts",
        ),
        ("rounds: [10, 10]", "FILE:17: policy.rounds does not rise; write each round larger"),
    ],
)
def test_refused(write: Write, text: str, expected: str) -> None:
    with pytest.raises(MatrixError) as caught:
        policy(write, f"policy:\n  {text}\n")
    message = str(caught.value)
    assert "FILE" + message[message.index("matrix.yaml") + len("matrix.yaml") :] == expected

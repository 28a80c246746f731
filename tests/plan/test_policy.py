# ruff: noqa: E501 - an error is one line, and here it stands whole
from __future__ import annotations

import pytest

from compat.errors import MatrixError
from compat.model import AOT_METRICS, STANDARD, Case, MetricPolicy, NumericsPolicy, Policy, Tier
from compat.plan import load_matrix
from compat.plan.policy import build_policy, with_gates

from .conftest import MATRIX, Write

METRICS = (STANDARD["latency"], STANDARD["memory"], *AOT_METRICS)


def policy(write: Write, text: str) -> Policy:
    matrix = load_matrix(write(MATRIX[: MATRIX.index("policy:")] + text))
    return build_policy(matrix.file, matrix.spec, METRICS)


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
  environment: {undeclared: warn}
  rounds: [5, 10]
  pairs_per_generation: 3
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
        pairs_per_generation=3,
        pass_alpha=0.01,
        regress_alpha=0.02,
        fault_attempts=5,
        fault_needed=3,
        undeclared="warn",
    )


def test_a_metric_is_judged_or_only_shown_as_the_file_says(write: Write) -> None:
    text = "policy:\n  latency: {gate: false}\n  registers: {gate: true}\n  memory: {gate: true, relative: 5%}\n"
    matrix = load_matrix(write(MATRIX[: MATRIX.index("policy:")] + text))
    case = Case("operator:x", "c", Tier.CPU, {}, METRICS, (), 0.0, 1, None, "")
    made = with_gates(case, matrix.spec)
    assert {metric.name for metric in made.metrics if metric.gated} == {
        "memory",
        "matrix_instructions",
        "spills",
        "shared_memory",
        "registers",
    }
    assert [metric.name for metric in made.metrics] == [metric.name for metric in METRICS]
    limits = build_policy(matrix.file, matrix.spec, made.metrics)
    assert limits.metrics["registers"] == MetricPolicy()
    assert limits.metrics["memory"] == MetricPolicy(relative=0.05, absolute=16 << 20)


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

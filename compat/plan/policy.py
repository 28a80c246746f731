"""The policy of a matrix file: the judge's defaults with the file's thresholds put in, checked against the plan.

Whether a metric is judged is no threshold: it is written into the cases, so that a plan says what it will rest on.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeVar

from compat.errors import MatrixError
from compat.model import Kind, MetricPolicy, NumericsPolicy, Policy
from compat.plan.words import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from compat.model import Case, Metric
    from compat.plan.schema import MatrixSpec, MetricSpec
    from compat.plan.yaml_file import YamlFile

__all__ = ["build_policy", "with_gates"]

_OTHER_KEYS = (
    "environment",
    "faults",
    "numerics",
    "pairs_per_generation",
    "pass_alpha",
    "regress_alpha",
    "rounds",
)
Value = TypeVar("Value")


def build_policy(file: YamlFile, spec: MatrixSpec, planned: Iterable[Metric]) -> Policy:
    """The policy in force. ``planned`` are the metrics of all planned cases; MatrixError for a limit on another."""
    metrics: dict[str, list[Metric]] = {}
    for metric in planned:
        metrics.setdefault(metric.name, []).append(metric)
    given = spec.policy
    limits = {}
    for name, wanted in given.metrics().items():
        if name not in metrics:
            problem = f"policy has {name!r}, which no planned case measures"
            raise MatrixError(file.where("policy", name), problem, suggest(name, {*metrics, *_OTHER_KEYS}))
        limits[name] = _limits(file, name, wanted, metrics[name])
    default = Policy()
    policy = Policy(
        metrics=limits,
        numerics=NumericsPolicy(
            ratio=_or(given.numerics.ratio, default.numerics.ratio),
            outputs=_or(given.numerics.outputs, default.numerics.outputs),
            golden=_or(given.numerics.golden, default.numerics.golden),
        ),
        rounds=tuple(_or(given.rounds, list(default.rounds))),
        pairs_per_generation=_or(given.pairs_per_generation, default.pairs_per_generation),
        pass_alpha=_or(given.pass_alpha, default.pass_alpha),
        regress_alpha=_or(given.regress_alpha, default.regress_alpha),
        fault_attempts=_or(given.faults.attempts, default.fault_attempts),
        fault_needed=_or(given.faults.needed, default.fault_needed),
        undeclared=given.environment.undeclared if given.environment else default.undeclared,
    )
    if policy.fault_needed > policy.fault_attempts:
        problem = f"policy.faults needs {policy.fault_needed} faults of {policy.fault_attempts} attempts"
        raise MatrixError(file.where("policy", "faults"), problem, "write needed no larger than attempts")
    if list(policy.rounds) != sorted(set(policy.rounds)):
        raise MatrixError(file.where("policy", "rounds"), "policy.rounds does not rise", "write each round larger")
    return policy


def with_gates(case: Case, spec: MatrixSpec) -> Case:
    """``case`` with its metrics judged, or only shown, as the policy of the file says."""
    gates = {name: wanted.gate for name, wanted in spec.policy.metrics().items()}
    metrics = (dataclasses.replace(metric, gated=_or(gates.get(metric.name), metric.gated)) for metric in case.metrics)
    return dataclasses.replace(case, metrics=tuple(metrics))


def _limits(file: YamlFile, name: str, wanted: MetricSpec, measured: list[Metric]) -> MetricPolicy:
    kinds = {metric.kind for metric in measured}
    units = {metric.unit for metric in measured}
    for key in ("margin", "ignore", "relative", "absolute"):
        sampled = key in ("margin", "ignore")
        if getattr(wanted, key) is None or (Kind.SAMPLED in kinds if sampled else kinds - {Kind.SAMPLED}):
            continue
        kind = " and ".join(sorted(kind.value for kind in kinds))
        remedy = "use relative and absolute" if sampled else "use margin and ignore"
        raise MatrixError(file.where("policy", name, key), f"policy.{name}.{key}: {name} is {kind}", remedy)
    if wanted.absolute is not None and wanted.absolute.unit is not None and units != {wanted.absolute.unit}:
        problem = f"policy.{name}.absolute is in bytes, and {name} in {' and '.join(sorted(units))}"
        raise MatrixError(file.where("policy", name, "absolute"), problem, "write a number without a unit")
    default = Policy().metric(name)
    limits = dataclasses.replace(
        default,
        margin=_or(wanted.margin, default.margin),
        ignore=_or(wanted.ignore, default.ignore),
        relative=_or(wanted.relative, default.relative),
        absolute=default.absolute if wanted.absolute is None else wanted.absolute.value,
    )
    if not limits.ignore < limits.margin:
        problem = f"policy.{name} has margin {limits.margin:g}, which is not above ignore {limits.ignore:g}"
        raise MatrixError(file.where("policy", name), problem, "write a larger margin, or a smaller ignore")
    return limits


def _or(given: Value | None, default: Value) -> Value:
    return default if given is None else given

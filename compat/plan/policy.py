"""The policy of a matrix file: the judge's defaults with the file's thresholds put in, checked against the plan.

Whether a metric is judged is no threshold: it is written into the cases, so that a plan says what it will rest on.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

from compat.errors import MatrixError
from compat.model import (
    DesignPolicy,
    GroupPolicy,
    Kind,
    MetricPolicy,
    NumericsPolicy,
    Policy,
    StoredPolicy,
    TailPolicy,
    WorkloadPolicy,
)
from compat.plan.policy_schema import WorkloadPolicySpec
from compat.plan.words import label_of, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from compat.model import Case, Metric
    from compat.plan.policy_schema import MetricSpec, PolicySpec
    from compat.plan.schema import MatrixSpec
    from compat.plan.yaml_file import YamlFile

__all__ = ["build_policy", "with_gates"]

_OTHER_KEYS = (
    "accepted",
    "confirm",
    "design",
    "environment",
    "faults",
    "flag_alpha",
    "group",
    "numerics",
    "outlier",
    "pairs_per_generation",
    "pass_alpha",
    "regress_alpha",
    "rounds",
    "stored",
    "tail",
)
Noun = TypeVar("Noun", MetricPolicy, NumericsPolicy, TailPolicy, GroupPolicy, DesignPolicy, StoredPolicy, Policy)
Value = TypeVar("Value")
Place = tuple[str | int, ...]  # of the file, from its root


def build_policy(file: YamlFile, spec: MatrixSpec, selected: Mapping[str, tuple[int, Sequence[Metric]]]) -> Policy:
    """The policy in force. MatrixError for a limit on a metric that no planned case measures.

    ``selected``: by workload, which of ``spec.workloads`` it follows, and the metrics of its planned cases.
    """
    given = spec.policy
    everything = [metric for _, metrics in selected.values() for metric in metrics]
    default = Policy()
    policy = _given(
        replace(
            default,
            metrics=_metrics(file, ("policy",), given, everything, default),
            numerics=_given(default.numerics, given.numerics),
            tail=_given(default.tail, given.tail),
            group=_given(default.group, given.group),
            design=_given(default.design, given.design),
            stored=_given(default.stored, given.stored),
            accepted_share=_or(given.accepted.share, default.accepted_share),
            accepted_least=_or(given.accepted.least, default.accepted_least),
            fault_attempts=_or(given.faults.attempts, default.fault_attempts),
            fault_needed=_or(given.faults.needed, default.fault_needed),
            undeclared=_or(given.environment.undeclared, default.undeclared),
            settings=_or(given.environment.settings, default.settings),
            rounds=tuple(given.rounds or default.rounds),
        ),
        given,
        ("pairs_per_generation", "confirm", "flag_alpha", "outlier", "pass_alpha", "regress_alpha"),
    )
    if policy.fault_needed > policy.fault_attempts:
        problem = f"policy.faults needs {policy.fault_needed} faults of {policy.fault_attempts} attempts"
        raise MatrixError(file.where("policy", "faults"), problem, "write needed no larger than attempts")
    if list(policy.rounds) != sorted(set(policy.rounds)):
        raise MatrixError(file.where("policy", "rounds"), "policy.rounds does not rise", "write each round larger")
    return replace(policy, workloads=_workloads(file, spec, selected, policy))


def _workloads(
    file: YamlFile, spec: MatrixSpec, selected: Mapping[str, tuple[int, Sequence[Metric]]], policy: Policy
) -> dict[str, WorkloadPolicy]:
    """What the selections say for their workloads, on top of the matrix's ``policy``."""
    found = {}
    measured: dict[int, list[Metric]] = {}
    for index, metrics in selected.values():
        measured.setdefault(index, []).extend(metrics)
    for name, (index, _) in sorted(selected.items()):
        given = spec.workloads[index].policy
        if given == WorkloadPolicySpec():
            continue
        place = ("workloads", index, "policy")
        numerics = _given(policy.numerics, given.numerics)
        found[name] = WorkloadPolicy(
            _metrics(file, place, given, measured[index], policy),
            None if numerics == policy.numerics else numerics,
        )
    return found


def _metrics(
    file: YamlFile, place: Place, given: PolicySpec | WorkloadPolicySpec, measured: Sequence[Metric], under: Policy
) -> dict[str, MetricPolicy]:
    """The limits that one part of the file gives, by metric; what it leaves out is as ``under`` has it."""
    by_name: dict[str, list[Metric]] = {}
    for metric in measured:
        by_name.setdefault(metric.name, []).append(metric)
    limits = {}
    for name, wanted in given.metrics().items():
        if name not in by_name:
            others = _OTHER_KEYS if place == ("policy",) else ("numerics",)
            problem = f"{label_of(place)} has {name!r}, which no planned case measures"
            raise MatrixError(file.where(*place, name), problem, suggest(name, {*by_name, *others}))
        limits[name] = _limits(file, (*place, name), wanted, by_name[name], under.metric(name))
    return limits


def with_gates(case: Case, spec: MatrixSpec, selection: int) -> Case:
    """``case`` with its metrics judged, or only shown, as the file says: for its selection, else for all."""
    gates: dict[str, bool | None] = {}
    for given in (spec.policy, spec.workloads[selection].policy):
        gates |= {name: wanted.gate for name, wanted in given.metrics().items() if wanted.gate is not None}
    metrics = (replace(metric, gated=_or(gates.get(metric.name), metric.gated)) for metric in case.metrics)
    return replace(case, metrics=tuple(metrics))


def _limits(
    file: YamlFile, place: Place, wanted: MetricSpec, measured: Sequence[Metric], default: MetricPolicy
) -> MetricPolicy:
    name, label = place[-1], label_of(place)
    kinds = {metric.kind for metric in measured}
    units = {metric.unit for metric in measured}
    for key in ("margin", "ignore", "relative", "absolute"):
        sampled = key in ("margin", "ignore")
        if getattr(wanted, key) is None or (Kind.SAMPLED in kinds if sampled else kinds - {Kind.SAMPLED}):
            continue
        kind = " and ".join(sorted(kind.value for kind in kinds))
        remedy = "use relative and absolute" if sampled else "use margin and ignore"
        raise MatrixError(file.where(*place, key), f"{label}.{key}: {name} is {kind}", remedy)
    if wanted.absolute is not None and wanted.absolute.unit is not None and units != {wanted.absolute.unit}:
        problem = f"{label}.absolute is in bytes, and {name} in {' and '.join(sorted(units))}"
        raise MatrixError(file.where(*place, "absolute"), problem, "write a number without a unit")
    limits = _given(default, wanted, ("margin", "ignore", "relative"))
    if wanted.absolute is not None:
        limits = replace(limits, absolute=wanted.absolute.value)
    if not limits.ignore < limits.margin:
        problem = f"{label} has margin {limits.margin:g}, which is not above ignore {limits.ignore:g}"
        raise MatrixError(file.where(*place), problem, "write a larger margin, or a smaller ignore")
    return limits


def _given(default: Noun, given: object, names: Iterable[str] = ()) -> Noun:
    """``default`` with what the file gives; of all fields, or of ``names``."""
    values = {name: getattr(given, name) for name in names or (field.name for field in fields(default))}
    return replace(default, **{name: value for name, value in values.items() if value is not None})


def _or(given: Value | None, default: Value) -> Value:
    return default if given is None else given

"""The shape of a matrix file, for pydantic and for editors.

Only what can be said of one part at a time is checked here; what parts say of each other is checked in
``compat.plan.check`` and ``compat.plan.policy``. Run as a module it prints the JSON Schema that
``matrices/matrix.schema.json`` has to be.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Annotated, Any, Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from compat.plan import units

__all__ = [
    "AcceptedSpec",
    "ControlsSpec",
    "DesignSpec",
    "EnvironmentSpec",
    "FaultsSpec",
    "GroupSpec",
    "MatrixSpec",
    "MetricSpec",
    "NodesSpec",
    "NumericsSpec",
    "PolicySpec",
    "RingSpec",
    "RuntimeSpec",
    "SelectionSpec",
    "StoredSpec",
    "TailSpec",
    "WorkloadPolicySpec",
    "json_schema",
]


def _words(pattern: str, expected: str) -> tuple[AfterValidator, WithJsonSchema]:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"{value!r} is not {expected}")
        return value

    return AfterValidator(check), WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern})$"})


def _requirement(value: str) -> str:
    try:
        Requirement(value)
    except InvalidRequirement:
        raise ValueError(f"{value!r} is not a requirement; write name==version") from None
    return value


def _distinct(values: list[str]) -> list[str]:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{value!r} is there twice; keep one of them")
    return values


_NUMBER = {"type": "number", "minimum": 0}

Slug = Annotated[str, *_words(r"[a-z0-9][a-z0-9.-]*", "a name; write lower-case letters, digits, dots and hyphens")]
Axis = Annotated[str, *_words(r"[a-z][a-z0-9_]*", "a name of an axis; write lower-case letters, digits and _")]
Variable = Annotated[str, *_words(r"[A-Za-z_][A-Za-z0-9_]*", "a name of an environment variable")]
Target = Annotated[str, *_words(r"sm_[1-9][0-9]{1,2}", "a target; write one such as sm_80 (without a or f)")]
Text = Annotated[str, *_words(r"[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*", "one line of text")]
Value = Annotated[str, *_words(r"[A-Za-z0-9][A-Za-z0-9._+:@/-]*", "a value; write letters, digits and . _ + : @ / -")]
Line = Annotated[str, *_words(r"[^\x00-\x1f\x7f]*", "one line of text")]
Pin = Annotated[str, AfterValidator(_requirement), WithJsonSchema({"type": "string", "examples": ["numpy==2.2.6"]})]
Values = Annotated[list[Value], Field(min_length=1), AfterValidator(_distinct)]
Point = Annotated[dict[Axis, Value], Field(min_length=1)]
Ratio = Annotated[
    float,
    BeforeValidator(units.ratio),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": units.RATIO_PATTERN}, {**_NUMBER, "exclusiveMaximum": 1}]}),
]
Duration = Annotated[
    float, BeforeValidator(units.duration), WithJsonSchema({"type": "string", "pattern": units.DURATION_PATTERN})
]
Amount = Annotated[
    units.Amount,
    BeforeValidator(units.amount),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": units.AMOUNT_PATTERN}, _NUMBER]}),
]
Count = Annotated[int, Field(ge=1)]
Alpha = Annotated[float, Field(gt=0, lt=0.5)]
Share = Annotated[float, Field(gt=0, le=1)]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


class RuntimeSpec(_Spec):
    """One runtime: an image as it is, requirements on a base, or in place."""

    image: Text | None = Field(default=None, description="a container image, by digest where you can")
    base: Text | None = Field(
        default=None, description="the image that requirements are installed on, such as debian:bookworm"
    )
    requirements: list[Pin] | None = Field(default=None, description="distributions to install, each as name==version")
    in_place: Literal[True] | None = Field(default=None, description="the machine, pod or job we are in is the runtime")
    python: Text | None = Field(default=None, description="in place: the interpreter to use; ours when left out")
    env: dict[Variable, Line] = Field(default={}, description="environment variables; a secret only as env:NAME")
    values: dict[Axis, Value] = Field(default={}, description="the values of the axes that this runtime realises")
    cuda: Value | None = Field(default=None, description="short for values: {cuda: ...}")

    @model_validator(mode="after")
    def _one_way(self) -> RuntimeSpec:
        ways = [name for name in ("image", "requirements", "in_place") if getattr(self, name) is not None]
        if len(ways) != 1:
            found = " and ".join(ways) or "none"
            raise ValueError(f"expected one of image, requirements and in_place, found {found}")
        if self.base is not None and self.requirements is None:
            raise ValueError("base is what requirements are installed on; write requirements too, or leave it out")
        if self.python is not None and not self.in_place:
            raise ValueError("python is for in_place: true; leave it out")
        if self.cuda is not None and "cuda" in self.values:
            raise ValueError("cuda is there twice; write it as cuda or in values")
        names = [canonicalize_name(Requirement(pin).name) for pin in self.requirements or ()]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise ValueError(f"the requirement {name} is there twice; keep one of them")
        return self

    def realised(self) -> dict[str, str]:
        """Axis -> value that this runtime brings."""
        return self.values if self.cuda is None else {**self.values, "cuda": self.cuda}


class MetricSpec(_Spec):
    """Limits for one metric, and whether it is judged."""

    gate: bool | None = Field(default=None, description="whether it is judged, or only shown; each metric has its own")
    margin: Ratio | None = Field(default=None, description="sampled: the slowdown that must not pass")
    ignore: Ratio | None = Field(default=None, description="sampled: the slowdown nobody cares about")
    relative: Ratio | None = Field(default=None, description="exact and bounded: how much worse it may get")
    absolute: Amount | None = Field(default=None, description="exact and bounded: the same, in the metric's unit")


class NumericsSpec(_Spec):
    """Limits for errors against the oracle."""

    ratio: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = None
    outputs: Count | None = None
    golden: Literal["note", "fail"] | None = Field(
        default=None, description="what another output than the golden one does"
    )


class _LimitsSpec(BaseModel):
    """Limits of metrics: every key without a field is the name of a metric."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, MetricSpec] = Field(init=False)

    numerics: NumericsSpec = NumericsSpec()

    def metrics(self) -> dict[str, MetricSpec]:
        """Limits by the metric's name."""
        return dict(self.__pydantic_extra__)


class WorkloadPolicySpec(_LimitsSpec):
    """Limits of the selected workloads that are not the matrix's. Every other key is the name of a metric."""


class SelectionSpec(_Spec):
    """Workloads by name. A workload that several selections match follows the last of them."""

    select: Text = Field(description="names such as kernel:matmul, or a pattern such as model:*")
    targets: Annotated[list[Target], Field(min_length=1), AfterValidator(_distinct)] | None = Field(
        default=None, description="kernels: what to compile for, such as [sm_80, sm_90]"
    )
    timeout: Duration = Field(default=300.0, description="for one run of a case in one arm")
    required: bool = Field(default=True, description="false: measured and shown, and never in the way of GO")
    sentinel: bool = Field(
        default=False, description="work that the upgrade does not touch: it shows how a session was (design: stored)"
    )
    policy: WorkloadPolicySpec = Field(
        default=WorkloadPolicySpec(), description="limits of these workloads that are not the matrix's"
    )


class NodesSpec(_Spec):
    """Which nodes a ring has."""

    labels: dict[Text, Line] = Field(default={}, description="labels that every node of the ring carries")


class ControlsSpec(_Spec):
    """Nodes that are not upgraded: what happens to all nodes between before and after is not the upgrade's doing."""

    labels: Annotated[dict[Text, Line], Field(min_length=1)] = Field(description="labels that every control carries")
    minimum_nodes: Count | None = Field(default=None, description="as many as the ring's own, if it is not said")


class RingSpec(_Spec):
    """A ring of nodes, and the evidence it asks for."""

    name: Slug
    after: Slug | None = Field(default=None, description="the ring that comes before")
    tiers: Annotated[
        list[Literal["static", "aot", "interpreted", "cpu", "gpu"]], Field(min_length=1), AfterValidator(_distinct)
    ]
    minimum_nodes: Count = 1
    budget: Duration = Field(default=1200.0, description="time that a node may spend measuring")
    nodes: NodesSpec = NodesSpec()
    gpus: Count | None = Field(default=None, description="GPUs of each node that are measured; all, if it is not said")
    design: Literal["control", "aba", "stored"] | None = Field(
        default=None, description="where a driver changes: control where there are controls, else aba; or stored"
    )
    controls: ControlsSpec | None = Field(
        default=None, description="nodes that are not upgraded, for a change of the driver: measured before and after"
    )


class FaultsSpec(_Spec):
    """How often a fault is tried again, and how many of those must fault for it to count."""

    attempts: Count | None = None
    needed: Count | None = None


class EnvironmentSpec(_Spec):
    """What an undeclared difference between the arms does."""

    undeclared: Literal["hold", "warn"] | None = Field(default=None, description="in versions, libraries, the driver")
    settings: Literal["hold", "warn"] | None = Field(
        default=None, description="in how the node was set: power limit, ECC, MIG, clocks, CPU governor, kernel"
    )


class TailSpec(_Spec):
    """When a process is slow, and what more slow processes in the candidate do."""

    least: Ratio | None = Field(default=None, description="slower than the known-good arm's median by so much")
    deviations: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None, description="and by so many of its robust deviations"
    )
    delay: Alpha | None = Field(default=None, description="level at which more of them keep a measurement from PASS")
    share: Share | None = Field(default=None, description="part of regress_alpha at which they are REGRESS")


class GroupSpec(_Spec):
    """The test of a family of cases, each of which is a little slower."""

    members: Annotated[int, Field(ge=2)] | None = Field(default=None, description="a group has so many at least")
    ignore: Ratio | None = Field(default=None, description="the mean slowdown of a group that nobody cares about")
    slow: Ratio | None = Field(default=None, description="share of processes that may be slow in the candidate alone")
    flag: Alpha | None = Field(default=None, description="level at which round 1 has a group tried again")
    pairs: Annotated[int, Field(ge=3)] | None = Field(default=None, description="fresh pairs for that")
    alpha: Alpha | None = Field(default=None, description="level of REGRESS, shared by the ring's groups")


class DesignSpec(_Spec):
    """Of cells whose stacks cannot share a node, because its driver is what changes."""

    nodes: Annotated[int, Field(ge=3)] | None = Field(
        default=None, description="upgraded nodes, and controls, at least"
    )
    least: Ratio | None = Field(
        default=None, description="the change that one node decides by itself, before, after and back again"
    )
    drifts: Annotated[float, Field(ge=1)] | None = Field(
        default=None, description="and so many times what the node was seen to drift by itself"
    )
    deviation: Ratio | None = Field(
        default=None, description="of a node's change; what the plan assumes to say what its groups can find"
    )


class StoredSpec(_Spec):
    """Of rings whose design is stored: sessions of the candidate against stored ones of the known-good stack."""

    passes: Annotated[int, Field(ge=3)] | None = Field(default=None, description="stored sessions, for PASS")
    regresses: Annotated[int, Field(ge=3)] | None = Field(default=None, description="stored sessions, for REGRESS")
    fresh: Count | None = Field(default=None, description="sessions of the candidate, for REGRESS")
    sentinels: Annotated[int, Field(ge=3)] | None = Field(default=None, description="measurements of sentinels")
    limit: Ratio | None = Field(default=None, description="a session whose sentinels moved by more is refused")
    apart: Duration | None = Field(default=None, description="sessions that begin sooner are one with the one before")


class AcceptedSpec(_Spec):
    """How many of the required comparisons may be waived or uncovered."""

    share: Ratio | None = Field(default=None, description="of the required comparisons")
    least: Annotated[int, Field(ge=0)] | None = Field(default=None, description="so many may be in a small plan")


class PolicySpec(_LimitsSpec):
    """Thresholds. Every other key is the name of a metric."""

    accepted: AcceptedSpec = AcceptedSpec()
    faults: FaultsSpec = FaultsSpec()
    tail: TailSpec = TailSpec()
    group: GroupSpec = GroupSpec()
    design: DesignSpec = DesignSpec()
    stored: StoredSpec = StoredSpec()
    environment: EnvironmentSpec = EnvironmentSpec()
    rounds: Annotated[list[Count], Field(min_length=1)] | None = Field(
        default=None, description="pairs of each round, rising"
    )
    pairs_per_generation: Count | None = None
    confirm: Ratio | None = Field(
        default=None, description="a slowdown by less is confirmed on second installations of the runtimes"
    )
    outlier: Ratio | None = Field(
        default=None, description="a node slower than its kind by this, in both arms, is quarantined"
    )
    flag_alpha: Alpha | None = Field(default=None, description="level at which round 1 does not let pass")
    pass_alpha: Alpha | None = Field(default=None, description="level of PASS, shared by the rounds")
    regress_alpha: Alpha | None = Field(
        default=None, description="level of REGRESS, shared by the rounds and by the ring's measurements"
    )


class MatrixSpec(_Spec):
    """A matrix file."""

    name: Slug
    axes: Annotated[dict[Axis, Values], Field(min_length=1)] = Field(
        description="axis -> values. runtime is needed; model, driver, cuda, firmware and your own are not"
    )
    known_good: Point = Field(description="the stack that works; axes with one value fill themselves in")
    candidate: Point = Field(description="the stack to judge; axes with one value fill themselves in")
    exclude: list[Point] = Field(default=[], description="points to leave out, as GitHub Actions does it")
    include: list[Point] = Field(default=[], description="points to add, as GitHub Actions does it")
    runtimes: Annotated[dict[Value, RuntimeSpec], Field(min_length=1)]
    workloads: Annotated[list[SelectionSpec], Field(min_length=1)]
    rings: Annotated[list[RingSpec], Field(min_length=1)]
    policy: PolicySpec = PolicySpec()


def json_schema() -> str:
    """The JSON Schema of a matrix file (draft 2020-12), as the text of ``matrices/matrix.schema.json``."""
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema.update(MatrixSpec.model_json_schema())
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(json_schema())

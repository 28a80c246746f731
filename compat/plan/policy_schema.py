"""The shape of a matrix file's thresholds: its ``policy``, and that of a selection."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from compat.plan.fields import Alpha, Amount, Count, Duration, Ratio, Share, Spec

__all__ = [
    "AcceptedSpec",
    "DesignSpec",
    "EnvironmentSpec",
    "FaultsSpec",
    "GroupSpec",
    "MetricSpec",
    "NumericsSpec",
    "PolicySpec",
    "StoredSpec",
    "TailSpec",
    "WorkloadPolicySpec",
]


class MetricSpec(Spec):
    """Limits for one metric, and whether it is judged."""

    gate: bool | None = Field(default=None, description="whether it is judged, or only shown; each metric has its own")
    margin: Ratio | None = Field(default=None, description="sampled: the slowdown that must not pass")
    ignore: Ratio | None = Field(default=None, description="sampled: the slowdown nobody cares about")
    relative: Ratio | None = Field(default=None, description="exact and bounded: how much worse it may get")
    absolute: Amount | None = Field(default=None, description="exact and bounded: the same, in the metric's unit")


class NumericsSpec(Spec):
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


class FaultsSpec(Spec):
    """How often a fault is tried again, and how many of those must fault for it to count."""

    attempts: Count | None = None
    needed: Count | None = None


class EnvironmentSpec(Spec):
    """What an undeclared difference between the arms does."""

    undeclared: Literal["hold", "warn"] | None = Field(default=None, description="in versions, libraries, the driver")
    settings: Literal["hold", "warn"] | None = Field(
        default=None, description="in how the node was set: power limit, ECC, MIG, clocks, CPU governor, kernel"
    )


class TailSpec(Spec):
    """When a process is slow, and what more slow processes in the candidate do."""

    least: Ratio | None = Field(default=None, description="slower than the known-good arm's median by so much")
    deviations: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None, description="and by so many of its robust deviations"
    )
    delay: Alpha | None = Field(default=None, description="level at which more of them keep a measurement from PASS")
    share: Share | None = Field(default=None, description="part of regress_alpha at which they are REGRESS")


class GroupSpec(Spec):
    """The test of a family of cases, each of which is a little slower."""

    members: Annotated[int, Field(ge=2)] | None = Field(default=None, description="a group has so many at least")
    ignore: Ratio | None = Field(default=None, description="the mean slowdown of a group that nobody cares about")
    slow: Ratio | None = Field(default=None, description="share of processes that may be slow in the candidate alone")
    flag: Alpha | None = Field(default=None, description="level at which round 1 has a group tried again")
    pairs: Annotated[int, Field(ge=3)] | None = Field(default=None, description="fresh pairs for that")
    alpha: Alpha | None = Field(default=None, description="level of REGRESS, shared by the ring's groups")


class DesignSpec(Spec):
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


class StoredSpec(Spec):
    """Of rings whose design is stored: sessions of the candidate against stored ones of the known-good stack."""

    passes: Annotated[int, Field(ge=3)] | None = Field(default=None, description="stored sessions, for PASS")
    regresses: Annotated[int, Field(ge=3)] | None = Field(default=None, description="stored sessions, for REGRESS")
    fresh: Count | None = Field(default=None, description="sessions of the candidate, for REGRESS")
    sentinels: Annotated[int, Field(ge=3)] | None = Field(default=None, description="measurements of sentinels")
    limit: Ratio | None = Field(default=None, description="a session whose sentinels moved by more is refused")
    apart: Duration | None = Field(default=None, description="sessions that begin sooner are one with the one before")


class AcceptedSpec(Spec):
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

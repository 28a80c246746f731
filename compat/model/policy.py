"""Every threshold the judge uses, with its default."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

__all__ = [
    "FEWEST_UNITS",
    "DesignPolicy",
    "GroupPolicy",
    "MetricPolicy",
    "NumericsPolicy",
    "Policy",
    "StoredPolicy",
    "TailPolicy",
    "WorkloadPolicy",
]


FEWEST_UNITS = 3  # generations: with fewer, an interval says nothing


@dataclass(frozen=True)
class MetricPolicy:
    """Limits for one metric.

    Sampled: ``margin`` is the relative slowdown that must not pass, ``ignore`` the one nobody cares about.
    Exact and bounded: worse by at most ``max(absolute, relative * known-good)``, ``absolute`` in the metric's unit.
    """

    margin: float = 0.03
    ignore: float = 0.01
    relative: float = 0.02
    absolute: float = 0.0


_MIB = 2.0**20
_PAGE = 4096.0  # bytes
_METRIC_DEFAULTS = {
    # What a process takes of memory moves by pages and arenas; a few MiB end nobody's process.
    **dict.fromkeys(
        ("memory", "memory_private", "memory_virtual", "memory_cgroup", "memory_device"),
        MetricPolicy(absolute=16 * _MIB),
    ),
    # A page is the resolution. A process that makes a million calls a day leaks 4 GB at that rate.
    "leak": MetricPolicy(absolute=_PAGE),
    # None may begin to differ. Where some always did, how many is chance: it may double.
    "nondeterministic": MetricPolicy(relative=1.0),
    "batch_mismatches": MetricPolicy(relative=1.0),
    # No product may lose its matrix instructions. Where one always lacked them, a compiler may repeat it.
    "scalar_dots": MetricPolicy(relative=1.0),
    # Eight registers. Another assembler spills one or two of a kernel's (8 B were seen) and nobody's kernel is slower;
    # those that lost their matrix instructions spilled 352 B and more.
    "spills": MetricPolicy(absolute=32.0),
    # A register more can cost one resident block in three or four, which alone was never seen to matter: benign
    # upgrades move it by up to 37 %. Half of what hides latency is another thing.
    "occupancy": MetricPolicy(relative=0.45),
}


@dataclass(frozen=True)
class NumericsPolicy:
    """An error against the oracle may grow to ``ratio`` times the known-good's, and never past the case's tolerance.

    ``golden`` says what another output than the golden one does: ``note`` or ``fail``.
    """

    ratio: float = 2.0
    outputs: int = 64  # the ratio is judged over at least so many independent outputs
    golden: str = "note"


@dataclass(frozen=True)
class TailPolicy:
    """When a process is slow, and what more slow processes in the candidate do.

    Slow: above the known-good arm's median by ``least`` (relative) and by ``deviations`` robust deviations. An excess
    at the level ``delay`` keeps a measurement from PASS; for REGRESS there is the part ``share`` of ``regress_alpha``.
    """

    least: float = 0.10
    deviations: float = 5.0
    delay: float = 0.05
    share: float = 0.25


@dataclass(frozen=True)
class GroupPolicy:
    """The test of a family: many cases, each a little slower, or each with a few slow processes more.

    The mean over a group's ``members`` (at least so many) may be worse by ``ignore`` at most, and of their processes
    the share ``slow`` may be slow in the candidate alone. What round 1 flags, at ``flag``, is tried again over
    ``pairs`` fresh pairs of all members, at ``alpha`` shared by the ring's groups.
    """

    members: int = 4
    ignore: float = 0.005
    slow: float = 0.03
    flag: float = 0.05
    pairs: int = 20
    alpha: float = 0.01


@dataclass(frozen=True)
class DesignPolicy:
    """Of cells whose stacks cannot share a node, because its driver or firmware is what changes.

    The control design needs ``nodes`` in each group. One node by itself, before, after and back again, decides changes
    of ``least`` (relative) and more, and of ``drifts`` times what it was seen to drift. ``deviation`` is that of a
    node's change, which a plan assumes when it says what its groups can find.
    """

    nodes: int = 3
    least: float = 0.10
    drifts: float = 1.5
    deviation: float = 0.01


@dataclass(frozen=True)
class StoredPolicy:
    """Of rings that compare sessions of the candidate with sessions of the known-good stack that were stored.

    ``passes`` and ``regresses`` are the stored sessions that a decision needs at least, ``fresh`` the candidate's for
    REGRESS. A session is refused where its ``sentinels`` (at least so many) moved by more than ``limit`` (relative).
    Sessions that begin less than ``apart`` seconds after another are one with it.
    """

    passes: int = 12
    regresses: int = 8
    fresh: int = 2
    sentinels: int = 3
    limit: float = 0.03
    apart: float = 3600.0


@dataclass(frozen=True)
class WorkloadPolicy:
    """The limits of one workload that are not the matrix's."""

    metrics: dict[str, MetricPolicy] = field(default_factory=dict)
    numerics: NumericsPolicy | None = None


@dataclass(frozen=True)
class Policy:
    """Every threshold the judge uses. The report prints what was used."""

    metrics: dict[str, MetricPolicy] = field(default_factory=dict)
    workloads: dict[str, WorkloadPolicy] = field(default_factory=dict)  # by name, on top of the others
    numerics: NumericsPolicy = field(default_factory=NumericsPolicy)
    tail: TailPolicy = field(default_factory=TailPolicy)
    group: GroupPolicy = field(default_factory=GroupPolicy)
    design: DesignPolicy = field(default_factory=DesignPolicy)
    stored: StoredPolicy = field(default_factory=StoredPolicy)
    rounds: tuple[int, ...] = (10, 20, 30, 60, 120)  # pairs of each round
    pairs_per_generation: int = 1
    flag_alpha: float = 0.05  # round 1: worse than nobody cares about at this level, so it is looked at again
    pass_alpha: float = 0.05  # shared by the rounds
    regress_alpha: float = 0.04  # shared by the rounds after the first and by the ring's sampled measurements
    confirm: float = 0.25  # a slowdown by less is confirmed on second installations, where they can be made
    outlier: float = 0.05  # a node slower than its kind by this, in both arms, is quarantined
    accepted_share: float = 0.02  # of the required comparisons, that may be waived or uncovered before it is HOLD
    accepted_least: int = 5  # so many may be in a small plan
    fault_attempts: int = 3
    fault_needed: int = 2
    undeclared: str = "hold"  # what an undeclared difference between the arms does: hold or warn
    settings: str = "hold"  # and what a node that was not set alike for both arms does

    def metric(self, name: str) -> MetricPolicy:
        """The limits in force for the metric ``name``: the matrix's, or ours."""
        return self.metrics.get(name) or _METRIC_DEFAULTS.get(name) or MetricPolicy()

    def of(self, workload: str) -> Policy:
        """The policy in force for one workload."""
        own = self.workloads.get(workload)
        if own is None:
            return self
        return replace(self, metrics={**self.metrics, **own.metrics}, numerics=own.numerics or self.numerics)

    @property
    def group_round(self) -> int:
        """The round of the fresh pairs of families: after those of the single measurements, who do not look at it."""
        return len(self.rounds) + 1

    @property
    def confirm_round(self) -> int:
        """The round of the pairs on second installations."""
        return len(self.rounds) + 2

    @property
    def group_confirm_round(self) -> int:
        """The same of families."""
        return len(self.rounds) + 3

    def on_second(self, number: int) -> bool:
        """Whether the pairs of a round run on second installations."""
        return number in (self.confirm_round, self.group_confirm_round)

    @property
    def fewest_pairs(self) -> int:
        """Pairs that a case has at least: one generation, and two, since one value cannot show that it varies."""
        return max(2, self.pairs_per_generation)

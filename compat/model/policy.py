"""Every threshold the judge uses, with its default."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = [
    "MetricPolicy",
    "NumericsPolicy",
    "Policy",
]


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
class Policy:
    """Every threshold the judge uses. The report prints what was used."""

    metrics: dict[str, MetricPolicy] = field(default_factory=dict)
    numerics: NumericsPolicy = field(default_factory=NumericsPolicy)
    rounds: tuple[int, ...] = (10, 20, 30, 60, 120)  # pairs of each round
    pairs_per_generation: int = 1
    pass_alpha: float = 0.05  # shared by the rounds
    regress_alpha: float = 0.04  # shared by the rounds after the first and by the ring's sampled measurements
    fault_attempts: int = 3
    fault_needed: int = 2
    undeclared: str = "hold"  # what an undeclared difference between the arms does: hold or warn

    def metric(self, name: str) -> MetricPolicy:
        """The limits in force for the metric ``name``: the matrix's, or ours."""
        return self.metrics.get(name) or _METRIC_DEFAULTS.get(name) or MetricPolicy()

    @property
    def fewest_pairs(self) -> int:
        """Pairs that a case has at least: one generation, and two, since one value cannot show that it varies."""
        return max(2, self.pairs_per_generation)

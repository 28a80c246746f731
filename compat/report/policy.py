"""The policy that was used, in words: every threshold the judge could have reached for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from compat.model import MetricPolicy, Policy
from compat.report.surroundings import Setting
from compat.report.text import count, percent, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from compat.model import Metric

__all__ = ["settings"]


def settings(policy: Policy, metrics: Iterable[Metric]) -> tuple[Setting, ...]:
    """Every threshold of ``policy``, with what it means. ``metrics`` are those of the plan's cases."""
    known = list(metrics)
    units = {metric.name: metric.unit for metric in known}
    names = sorted({metric.name for metric in known if metric.gated} | policy.metrics.keys())
    return (
        *(_metric(name, policy.metric(name), units.get(name, "")) for name in names),
        *_workloads(policy, units),
        Setting(
            "metrics",
            "margin and ignore; relative and absolute",
            "sampled: worse by the margin must not pass, worse by no more than ignore is nobody's concern; "
            "exact and bounded: worse by at most the larger of relative (of the known-good value) and absolute",
        ),
        Setting(
            "numerics",
            f"ratio {policy.numerics.ratio:g}, golden {policy.numerics.golden}",
            "the error against the oracle may grow to so many times the known-good's, never past the case's "
            f"tolerance; judged over at least {count(policy.numerics.outputs, 'independent output')}; golden: what "
            "another output than the golden one does",
        ),
        Setting(
            "rounds",
            ", ".join(map(str, policy.rounds)) + " pairs",
            f"pairs of each round, {count(policy.pairs_per_generation, 'pair')} to a generation",
        ),
        Setting("flag alpha", f"{policy.flag_alpha:g}", "worse than ignored at this level: round 1 does not let pass"),
        Setting("pass alpha", f"{policy.pass_alpha:g}", "shared by the rounds"),
        Setting(
            "regress alpha",
            f"{policy.regress_alpha:g}",
            "shared by the rounds after the first and by the ring's sampled measurements",
        ),
        Setting(
            "tail",
            f"{_ratio(policy.tail.least)}, {policy.tail.deviations:g} deviations, delay {policy.tail.delay:g}",
            "a process is slow beyond both; more slow ones in the candidate keep it from PASS at that level, "
            f"and {policy.tail.share:g} of regress alpha is theirs",
        ),
        Setting(
            "group",
            f"ignore {_ratio(policy.group.ignore)}, slow {_ratio(policy.group.slow)}, alpha {policy.group.alpha:g}",
            f"at least {policy.group.members} cases together; what round 1 flags at {policy.group.flag:g} is tried "
            f"again over {count(policy.group.pairs, 'fresh pair')}",
        ),
        Setting(
            "design",
            f"{policy.design.nodes} nodes in each group; alone {_ratio(policy.design.least)}, "
            f"{policy.design.drifts:g} drifts",
            "where a driver changes: what a control group needs, and what one node decides by itself",
        ),
        Setting(
            "stored",
            f"{policy.stored.passes} sessions to pass, {policy.stored.regresses} and {policy.stored.fresh} new ones to "
            f"regress; {policy.stored.sentinels} sentinels within {_ratio(policy.stored.limit)}",
            f"where sessions are compared; they begin {policy.stored.apart / 60:g} min apart",
        ),
        Setting(
            "confirm",
            _ratio(policy.confirm),
            "a slowdown by less is confirmed on second installations, if they can be made",
        ),
        Setting("outlier", _ratio(policy.outlier), "a node slower than its kind by this, in both arms, is quarantined"),
        Setting(
            "accepted",
            f"{_ratio(policy.accepted_share)}, at least {policy.accepted_least}",
            "how many of the required comparisons may be waived or uncovered",
        ),
        Setting(
            "faults",
            f"{policy.fault_needed} of {policy.fault_attempts}",
            "a candidate's fault counts once it is seen so often in fresh attempts",
        ),
        Setting("undeclared differences", policy.undeclared, "what a difference nobody declared does to the verdict"),
        Setting("node's settings", policy.settings, "the same for a node that was not set alike for both arms"),
    )


def _workloads(policy: Policy, units: Mapping[str, str]) -> Iterator[Setting]:
    """The limits that workloads have of their own."""
    for workload, own in policy.workloads.items():
        for name, limits in own.metrics.items():
            yield _metric(f"{workload}: {name}", limits, units.get(name, ""))
        if own.numerics is not None:
            yield Setting(f"{workload}: numerics", f"ratio {own.numerics.ratio:g}, golden {own.numerics.golden}")


def _metric(name: str, limits: MetricPolicy, unit: str) -> Setting:
    return Setting(
        name,
        f"margin {_ratio(limits.margin)}, ignore {_ratio(limits.ignore)}; "
        f"relative {_ratio(limits.relative)}, absolute {quantity(limits.absolute, unit)}",
    )


def _ratio(value: float) -> str:
    return percent(math.log1p(value)).lstrip("+")

"""The policy that was used, in words: every threshold the judge could have reached for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from compat.model import MetricPolicy, Policy
from compat.report.parts import Setting
from compat.report.text import count, percent, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from compat.model import Metric

__all__ = ["settings"]


def settings(policy: Policy, metrics: Iterable[Metric]) -> tuple[Setting, ...]:
    """Every threshold of ``policy``, with what it means. ``metrics`` are those of the plan's cases."""
    known = list(metrics)
    units = {metric.name: metric.unit for metric in known}
    names = sorted({metric.name for metric in known if metric.gated} | policy.metrics.keys())
    return (
        *(_metric(name, policy.metric(name), units.get(name, "")) for name in names),
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
        Setting("pass alpha", f"{policy.pass_alpha:g}", "shared by the rounds"),
        Setting(
            "regress alpha",
            f"{policy.regress_alpha:g}",
            "shared by the rounds after the first and by the ring's sampled measurements",
        ),
        Setting(
            "faults",
            f"{policy.fault_needed} of {policy.fault_attempts}",
            "a candidate's fault counts once it is seen so often in fresh attempts",
        ),
        Setting("undeclared differences", policy.undeclared, "what a difference nobody declared does to the verdict"),
        Setting("node's settings", policy.settings, "the same for a node that was not set alike for both arms"),
    )


def _metric(name: str, limits: MetricPolicy, unit: str) -> Setting:
    return Setting(
        name,
        f"margin {_ratio(limits.margin)}, ignore {_ratio(limits.ignore)}; "
        f"relative {_ratio(limits.relative)}, absolute {quantity(limits.absolute, unit)}",
    )


def _ratio(value: float) -> str:
    return percent(math.log1p(value)).lstrip("+")

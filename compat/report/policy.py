"""The policy that was used, in words: every threshold the judge could have reached for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from compat.model import MetricPolicy, Policy
from compat.report.parts import Setting
from compat.report.text import count, percent, quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["settings"]


def settings(policy: Policy, units: Mapping[str, str]) -> tuple[Setting, ...]:
    """Every threshold of ``policy``, with what it means. ``units`` are those of the plan's metrics, by name."""
    names = sorted({*units, *policy.metrics})
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
            f"ratio {policy.numerics.ratio:g}",
            "the error against the oracle may grow to so many times the known-good's, never past the case's "
            f"tolerance; judged over at least {count(policy.numerics.outputs, 'independent output')}",
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
    )


def _metric(name: str, limits: MetricPolicy, unit: str) -> Setting:
    return Setting(
        name,
        f"margin {_ratio(limits.margin)}, ignore {_ratio(limits.ignore)}; "
        f"relative {_ratio(limits.relative)}, absolute {quantity(limits.absolute, unit)}",
    )


def _ratio(value: float) -> str:
    return percent(math.log1p(value)).lstrip("+")

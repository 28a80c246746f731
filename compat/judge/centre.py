"""Where the generations' means lie: 20 % trimmed mean with Yuen's one-sample t."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from compat.judge.points import Point

__all__ = ["FEWEST_UNITS", "Centre", "centre", "unit_means"]

FEWEST_UNITS = 3  # generations: with fewer, an interval says nothing
_TRIM = 0.2


@dataclass(frozen=True)
class Centre:
    """A trimmed mean with its standard error. Effects are oriented log ratios: positive is worse."""

    effect: float
    error: float
    freedom: int
    units: int

    def p_worse(self, limit: float) -> float:
        """The p-value of "the effect is at most ``limit``": small where it is shown to be greater."""
        if self.error == 0.0:
            return 0.0 if self.effect > limit else 1.0
        return float(stats.t.sf((self.effect - limit) / self.error, self.freedom))

    def p_within(self, limit: float) -> float:
        """The p-value of "the effect is at least ``limit``": small where it is shown to be less."""
        if self.error == 0.0:
            return 0.0 if self.effect < limit else 1.0
        return float(stats.t.cdf((self.effect - limit) / self.error, self.freedom))

    def interval(self) -> tuple[float, float]:
        """The two-sided 95 % confidence interval."""
        half = self.quantile(0.975) * self.error
        return self.effect - half, self.effect + half

    def quantile(self, probability: float) -> float:
        """The quantile of t with this many degrees of freedom."""
        return float(stats.t.ppf(probability, self.freedom))


def unit_means(points: Iterable[Point]) -> list[float]:
    """The mean difference of each generation: processes of one generation share a zygote and are not independent."""
    groups: dict[tuple[int, int], list[float]] = {}
    for point in points:
        groups.setdefault(point.unit, []).append(point.difference)
    return [math.fsum(group) / len(group) for _, group in sorted(groups.items())]


def centre(means: Sequence[float]) -> Centre | None:
    """Yuen's trimmed mean of the generations' means; None if there are fewer than ``FEWEST_UNITS``.

    With n values and g = floor(0.2 n) trimmed at each end, h = n - 2 g, the variance s2 of the Winsorised values gives
    the standard error sqrt((n - 1) s2 / (h (h - 1))) with h - 1 degrees of freedom (Yuen 1974, as in
    ``scipy.stats.ttest_ind(trim=0.2)``). Trimming may leave only equal values although the others differ (a coarse
    clock): then nothing is trimmed. Without any variance the value itself decides.
    """
    values = np.sort(np.asarray(means, dtype=float))
    n = len(values)
    if n < FEWEST_UNITS:
        return None
    cut = int(_TRIM * n)
    if values[cut] == values[n - cut - 1]:
        cut = 0
    kept = n - 2 * cut
    winsorised = np.clip(values, values[cut], values[n - cut - 1])
    # Equal values have no variance; computed, it could be a rounding error instead.
    variance = 0.0 if values[0] == values[-1] else float(np.var(winsorised, ddof=1))
    error = math.sqrt((n - 1) * variance / (kept * (kept - 1)))
    return Centre(float(np.mean(values[cut : n - cut])), error, kept - 1, n)

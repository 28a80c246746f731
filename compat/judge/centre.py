"""Where the generations' means lie: 20 % trimmed mean with Yuen's one-sample t."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from compat.judge.series import Floats, Integers
from compat.model import FEWEST_UNITS

__all__ = ["Centre", "Centres", "almost_always", "centre", "centres"]
_TRIM = 0.2
_EQUAL = 1e-9  # of log ratios: less is a rounding error, and no clock tells it


@dataclass(frozen=True, slots=True)
class Centre:
    """A trimmed mean with its standard error. Effects are oriented log ratios: positive is worse."""

    effect: float
    error: float
    freedom: int
    units: int

    def p_worse(self, limit: float) -> float:
        """The p-value of "the effect is at most ``limit``": small where it is shown to be greater."""
        return float(_p_above(self.effect - limit, self.error, self.freedom))

    def p_within(self, limit: float) -> float:
        """The p-value of "the effect is at least ``limit``": small where it is shown to be less."""
        return float(_p_above(limit - self.effect, self.error, self.freedom))

    def interval(self) -> tuple[float, float]:
        """The two-sided 95 % confidence interval."""
        half = self.quantile(0.975) * self.error
        return self.effect - half, self.effect + half

    def quantile(self, probability: float) -> float:
        """The quantile of t with this many degrees of freedom."""
        return _quantile(self.freedom, probability)


@dataclass(frozen=True)
class Centres:
    """The same of many measurements with as many generations each. With too few of them every p-value is 1."""

    effect: Floats
    error: Floats
    freedom: Integers  # 0 where there are too few generations
    units: int

    def at(self, row: int) -> Centre | None:
        """That of one measurement; None if it has fewer than ``FEWEST_UNITS``."""
        if self.units < FEWEST_UNITS:
            return None
        return Centre(float(self.effect[row]), float(self.error[row]), int(self.freedom[row]), self.units)

    def p_worse(self, limit: Floats) -> Floats:
        """The p-values of "the effect is at most ``limit``" (a limit for each)."""
        found: Floats = _p_above(self.effect - limit, self.error, self.freedom)
        return found

    def p_within(self, limit: Floats) -> Floats:
        """The p-values of "the effect is at least ``limit``" (a limit for each)."""
        found: Floats = _p_above(limit - self.effect, self.error, self.freedom)
        return found


@functools.lru_cache(maxsize=4096)
def _quantile(freedom: int, probability: float) -> float:
    return float(special.stdtrit(freedom, probability))


def _p_above(distance: Any, error: Any, freedom: Any) -> Any:
    """The p-value of "the distance is at most 0", of numbers or of arrays. Without variance the value decides."""
    certain = np.where(np.greater(distance, 0.0), 0.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = special.stdtr(freedom, -np.divide(distance, error))
    return np.where(np.less(freedom, 1), 1.0, np.where(np.equal(error, 0.0), certain, found))


def centre(means: Sequence[float]) -> Centre | None:
    """``centres`` of one measurement; None if there are fewer than ``FEWEST_UNITS`` generations."""
    return centres(np.asarray(means, dtype=float).reshape(1, -1)).at(0)


def centres(means: Floats) -> Centres:
    """Yuen's trimmed mean of the generations' means (measurements, generations).

    With n values and g = floor(0.2 n) trimmed at each end, h = n - 2 g, the variance s2 of the Winsorised values gives
    the standard error sqrt((n - 1) s2 / (h (h - 1))) with h - 1 degrees of freedom (Yuen 1974, as in
    ``scipy.stats.ttest_ind(trim=0.2)``). Trimming may leave only equal values although the others differ (a coarse
    clock): then nothing is trimmed. Without any variance the value itself decides.
    """
    count, n = means.shape
    if n < FEWEST_UNITS:
        return Centres(np.full(count, np.nan), np.full(count, np.nan), np.zeros(count, dtype=int), n)
    values = np.sort(means, axis=1)
    cut = int(_TRIM * n)
    found = _trimmed(values, cut)
    if cut and (flat := values[:, n - cut - 1] - values[:, cut] <= _EQUAL).any():
        for whole, some in zip(found, _trimmed(values[flat], 0), strict=True):
            whole[flat] = some
    effect, error, freedom = found
    return Centres(effect, error, freedom, n)


def _trimmed(values: Floats, cut: int) -> tuple[Floats, Floats, Integers]:
    """Effect, standard error and degrees of freedom of sorted values, ``cut`` of them trimmed at each end."""
    n = values.shape[1]
    kept = n - 2 * cut
    winsorised = np.clip(values, values[:, [cut]], values[:, [n - cut - 1]])
    # Equal values have no variance; computed, it could be a rounding error instead.
    variance = np.where(values[:, -1] - values[:, 0] <= _EQUAL, 0.0, np.var(winsorised, axis=1, ddof=1))
    error = np.sqrt((n - 1) * variance / (kept * (kept - 1)))
    return np.mean(values[:, cut : n - cut], axis=1), error, np.full(len(values), kept - 1)


def almost_always(freedom: Integers, level: float) -> Floats:
    """The effect, in standard errors, that a t-test at this level finds in 99 of 100 cases (noncentral t)."""
    found, place = np.unique(np.maximum(freedom, 1), return_inverse=True)
    quantiles = special.stdtrit(found.astype(float), 1.0 - level)
    effects: Floats = np.asarray(special.nctdtrinc(found.astype(float), 0.01, quantiles), dtype=float)
    return effects[place.reshape(-1)]

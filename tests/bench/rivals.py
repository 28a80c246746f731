"""The rules in common use for "is it slower?", for many measurements at once, written anew from their public sources.

A rule is given the logarithms of both arms' times (measurements, processes, samples) and says which measurements it
calls slower. Some of them look for any difference: only what they call worse counts, for a faster candidate stops no
ring. Times do not tie in the synthetic data; where they do, Mann-Whitney's p-value is the normal approximation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from compat.judge.series import Floats

__all__ = [
    "LOOKS",
    "RIVALS",
    "Bools",
    "Rule",
    "asv",
    "benchstat",
    "kayenta",
    "looking",
    "paired",
    "threshold",
    "welch",
]

Bools = NDArray[np.bool_]

LOOKS = (5, 30)  # pairs before the first look and at the last one of who looks after every pair

_LEVEL = 0.05
_PERCENT = 5.0
_EXACT = 50  # benchstat: samples of an arm up to which its p-value is exact
_TOLERANCE, _CONFIDENCE, _ALLOWED_INCREASE = 0.25, 0.98, 1.0  # Kayenta
_ASV_LEVEL, _ASV_FACTOR, _ASV_EXACT = 0.002, 1.1, 20


@dataclass(frozen=True)
class Rule:
    """A rule with what it is given of each arm: so many processes, and so many samples of each.

    Of one sample it is the process's median.
    """

    name: str
    processes: int
    samples: int
    slower: Callable[[Floats, Floats], Bools]
    source: str


def threshold(good: Floats, new: Floats) -> Bools:
    """The arithmetic mean of all times is more than 5 % above the known-good's."""
    known, found = (np.exp(arm).mean(axis=(1, 2)) for arm in (good, new))
    worse: Bools = found / known * 100.0 - 100.0 > _PERCENT
    return worse


def benchstat(good: Floats, new: Floats) -> Bools:
    """Mann-Whitney's U test on all samples of each arm, two-sided, at 0.05."""
    p, above = _mann_whitney(_pooled(good), _pooled(new), _EXACT)
    return (p < _LEVEL) & above


def asv(good: Floats, new: Floats) -> Bools:
    """The median is more than 1.1 times the known-good's, and a two-sided Mann-Whitney's p is below 0.002.

    With six samples an arm the smallest p is 2/924, so nothing is ever slower. With fewer asv compares confidence
    intervals; its default is ten, and that is not written here.
    """
    known, found = _pooled(good), _pooled(new)
    if special.binom(2 * known.shape[1], known.shape[1]) * _ASV_LEVEL <= 1.0:
        raise ValueError(f"asv: {known.shape[1]} samples an arm are too few for its test")
    p, _ = _mann_whitney(known, found, _ASV_EXACT)
    far = np.median(np.exp(known), axis=1) < np.median(np.exp(found), axis=1) / _ASV_FACTOR
    worse: Bools = (p < _ASV_LEVEL) & far
    return worse


def kayenta(good: Floats, new: Floats) -> Bools:
    """The confidence interval of the shift lies above a quarter of the shift itself, and the mean has grown.

    The interval is Mann-Whitney's at 98 % (normal approximation, corrected for continuity), the shift is Hodges and
    Lehmann's estimate: the median difference between a time of one arm and one of the other. The lower end is above a
    value exactly when the test with the candidate's times less that value says "greater" at 1 %.
    """
    known, found = np.exp(_pooled(good)), np.exp(_pooled(new))
    level = (1.0 - _CONFIDENCE) / 2.0
    worse: Bools = np.asarray(np.mean(found, axis=1) >= _ALLOWED_INCREASE * np.mean(known, axis=1))
    # Where the interval does not lie above 0 it does not lie above a part of the shift either.
    worse &= _u_test(known, found, "greater", "asymptotic")[0] < level
    rows = np.flatnonzero(worse)
    shift = np.array([np.median(np.subtract.outer(found[row], known[row])) for row in rows])
    nearer = found[rows] - _TOLERANCE * np.abs(shift)[:, None]
    worse[rows] = _u_test(known[rows], nearer, "greater", "asymptotic")[0] < level
    return worse


def welch(good: Floats, new: Floats) -> Bools:
    """Welch's t on the processes' log-medians, two-sided, at 0.05."""
    known, found = (np.median(arm, axis=2) for arm in (good, new))
    test = stats.ttest_ind(found, known, axis=1, equal_var=False)
    return np.asarray((test.pvalue < _LEVEL) & (test.statistic > 0.0))


def paired(good: Floats, new: Floats) -> Bools:
    """The paired t on the processes' log-medians, two-sided, at 0.05."""
    test = stats.ttest_rel(np.median(new, axis=2), np.median(good, axis=2), axis=1)
    return np.asarray((test.pvalue < _LEVEL) & (test.statistic > 0.0))


def looking(good: Floats, new: Floats) -> Bools:
    """``paired``, but looked at after every pair, until it says worse once."""
    differences = np.median(new, axis=2) - np.median(good, axis=2)
    first, last = LOOKS
    counts = np.arange(1, last + 1)
    mean = np.cumsum(differences[:, :last], axis=1) / counts
    squares = np.cumsum(differences[:, :last] ** 2, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (squares - counts * mean**2) / (counts - 1)
        t = mean / np.sqrt(variance / counts)
    limit = special.stdtrit(counts - 1, 1.0 - _LEVEL / 2.0)
    return np.asarray((t > limit)[:, first - 1 :].any(axis=1))


def _pooled(arm: Floats) -> Floats:
    return arm.reshape(len(arm), -1)


def _mann_whitney(known: Floats, found: Floats, exact: int) -> tuple[Floats, Bools]:
    """Two-sided p-values, exact up to so many samples an arm, and whether the candidate's ranks are the higher ones."""
    p, u = _u_test(known, found, "two-sided", "asymptotic")
    if known.shape[1] <= exact:
        ordered = np.sort(np.concatenate([known, found], axis=1), axis=1)
        untied = (np.diff(ordered, axis=1) > 0.0).all(axis=1)
        p[untied], _ = _u_test(known[untied], found[untied], "two-sided", "exact")
    return p, u > known.shape[1] * found.shape[1] / 2.0


def _u_test(
    known: Floats, found: Floats, alternative: Literal["two-sided", "greater"], method: Literal["asymptotic", "exact"]
) -> tuple[Floats, Floats]:
    """P-values of "the candidate's times are not others (or not greater)", and U, which is high where they are."""
    if not len(known):
        return np.empty(0), np.empty(0)
    test = stats.mannwhitneyu(found, known, alternative=alternative, axis=1, method=method)
    return np.asarray(test.pvalue), np.asarray(test.statistic)


_PYTEST_BENCHMARK = "pytest-benchmark 5.3, utils.py: PercentageRegressionCheck, and its default of at least 5 rounds"
_BENCHSTAT = "golang.org/x/perf, benchmath: AssumeNothing, DefaultThresholds; go-moremath, stats: MannWhitneyUTest"
_KAYENTA = "spinnaker/kayenta, NetflixACAJudge and MannWhitneyClassifier: 0.25, 0.98, allowedIncrease 1, outliers kept"
_ASV = "asv, commands/compare.py and _stats.py: is_different, factor 1.1; 2 rounds of at most 5 samples"
_WELCH = "Welch 1947, as in scipy.stats.ttest_ind"
_PAIRED = "Student 1908, as in scipy.stats.ttest_rel"

RIVALS = (
    Rule("5 % on the ratio of means", 1, 30, threshold, "plain"),
    Rule("the same, 10 processes", 10, 30, threshold, "plain"),
    Rule("pytest-benchmark mean:5%, 5 rounds", 1, 5, threshold, _PYTEST_BENCHMARK),
    Rule("benchstat, 10 samples of a process", 1, 10, benchstat, _BENCHSTAT),
    Rule("benchstat, 10 processes x 30", 10, 30, benchstat, _BENCHSTAT),
    Rule("benchstat, medians of 10 processes", 10, 1, benchstat, _BENCHSTAT),
    Rule("Kayenta, 10 processes x 30", 10, 30, kayenta, _KAYENTA),
    Rule("Kayenta, medians of 10 processes", 10, 1, kayenta, _KAYENTA),
    Rule("asv, 2 processes x 5", 2, 5, asv, _ASV),
    Rule("Welch's t, medians of 3 processes", 3, 1, welch, _WELCH),
    Rule("Welch's t, medians of 10 processes", 10, 1, welch, _WELCH),
    Rule("Welch's t, medians of 30 processes", 30, 1, welch, _WELCH),
    Rule("paired t, medians of 10 pairs", 10, 1, paired, _PAIRED),
    Rule("paired t, medians of 30 pairs", 30, 1, paired, _PAIRED),
    Rule("paired t, a look after every pair", LOOKS[1], 1, looking, f"{_PAIRED}, from pair {LOOKS[0]} to {LOOKS[1]}"),
)

"""Noise of pairs of processes, as far as it is known: what the synthetic rings of the benchmarks are made of.

On the log scale a process's median is the machine's drift, which both arms of a pair share, an effect of its
generation's zygote, and its own heavy-tailed deviation; now and then it is an outlier. Its samples lie around that
median, heavy-tailed and autocorrelated. Everything is drawn from one seeded generator, so a benchmark's figures can be
repeated to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal

from compat.judge.series import Floats, Integers, Series

__all__ = ["SHAPES", "Shape", "inside"]

_FREEDOM = 5  # of Student's t: the tails of a process's deviation
_ZYGOTES = 0.15  # share of the variance of a pair's difference that its generation has
_DRIFT = 0.05  # deviation of the machine's own speed from pair to pair
_ALIKE = 0.5  # correlation of a sample with the one before it
_SPIKES, _SPIKE = 0.02, 0.1  # share of samples that something interrupted, and how much slower they are on average


@dataclass(frozen=True)
class Shape:
    """One shape of noise. All effects are log ratios."""

    correlated: float = 0.0  # share of a generation's effect that all measurements of a ring have in common
    bimodal: float = 0.0  # a process of either arm runs so much slower, one time in three
    leaking_drift: float = 0.0  # share of the drift that falls between the two processes of a pair
    throttled: float = 0.0  # both arms of one pair in five run so much slower; at one arm of one in fifty only
    session: float = 0.0  # deviation of an effect of the arm, anew in each generation
    shift: float = 0.0  # every measurement of the candidate is so much slower
    outliers: float = 0.01  # share of processes, in either arm, that are 10 to 50 % slower
    tail: float = 0.0  # share of the candidate's processes that are 40 % slower: what a trimmed mean does not see

    def draw(
        self,
        rng: np.random.Generator,
        rings: Integers,
        pair_deviation: float,
        number: int,
        size: int,
        per_generation: int,
        slower: Floats,
    ) -> Series:
        """Round ``number`` of ``size`` pairs, so many a generation, for measurements of ``rings``.

        ``pair_deviation`` is the standard deviation of a pair's difference without outliers and the shape's own;
        ``slower`` (measurements,) is what is planted.
        """
        count = len(rings)
        generation = np.arange(size) // per_generation
        generations = int(generation[-1]) + 1
        within = pair_deviation * np.sqrt((1.0 - _ZYGOTES) / 2.0)
        between = pair_deviation * np.sqrt(_ZYGOTES / 2.0)
        drift = rng.normal(0.0, _DRIFT, (count, size))
        hot = self.throttled * (rng.random((count, size)) < 0.2) if self.throttled else 0.0
        arms = []
        for arm in range(2):
            own = rng.normal(0.0, 1.0, (count, generations))
            if self.correlated:
                common = rng.normal(0.0, 1.0, (int(rings.max()) + 1, generations))[rings]
                own = np.sqrt(1.0 - self.correlated) * own + np.sqrt(self.correlated) * common
            effect = between * own
            if self.session and arm:
                effect = effect + rng.normal(0.0, self.session, (count, generations))
            process = rng.standard_t(_FREEDOM, (count, size)) * np.sqrt((_FREEDOM - 2) / _FREEDOM)
            values = drift + hot + effect[:, generation] + within * process
            if self.leaking_drift:
                values = values + rng.normal(0.0, self.leaking_drift * _DRIFT, (count, size))
            if self.bimodal:
                values = values + self.bimodal * (rng.random((count, size)) < 1 / 3)
            if self.throttled:
                values = values + self.throttled * (rng.random((count, size)) < 0.02)
            odd = rng.random((count, size)) < self.outliers
            values = values + odd * np.log1p(rng.uniform(0.1, 0.5, (count, size)))
            arms.append(values)
        arms[1] = arms[1] + self.shift + slower[:, None]
        if self.tail:
            arms[1] = arms[1] + np.log(1.4) * (rng.random((count, size)) < self.tail)
        rounds = np.full(size, number)
        return Series(arms[0], arms[1], rounds, generation)


def inside(rng: np.random.Generator, medians: Floats, samples: int, deviation: float) -> Floats:
    """(measurements, processes, samples) log times inside processes of these ``medians`` (measurements, processes).

    ``deviation``: the standard deviation of a sample, spikes apart. The median of a process's samples is what it was
    drawn to be, whatever their number.
    """
    noise = rng.standard_t(_FREEDOM, (*medians.shape, samples)) * np.sqrt((_FREEDOM - 2) / _FREEDOM)
    noise[..., 1:] *= np.sqrt(1.0 - _ALIKE**2)  # the first has the deviation that the following ones come to
    values = deviation * signal.lfilter([1.0], [1.0, -_ALIKE], noise, axis=-1)
    spiked = rng.random(values.shape) < _SPIKES
    values = values + spiked * rng.exponential(_SPIKE, values.shape)
    return medians[..., None] + values - np.median(values, axis=-1, keepdims=True)


SHAPES = {
    "plain": Shape(),
    "correlated cells": Shape(correlated=0.8),
    "bimodal processes": Shape(bimodal=0.03),
    "drift inside a pair": Shape(leaking_drift=0.2),
    "throttling": Shape(throttled=0.2),
    "arm-by-session effect of 0.5 %": Shape(session=0.005),
    "all 0.5 % slower": Shape(shift=float(np.log(1.005))),
    "all 1 % slower": Shape(shift=float(np.log(1.01))),
}

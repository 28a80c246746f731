"""Components of variance: processes within generations within installs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Levels", "levels"]


@dataclass(frozen=True)
class Levels:
    """Standard deviations of a log latency, each without what the levels below it contribute."""

    process: float  # between processes of one generation
    generation: float  # between generations of one install, whatever the machine did meanwhile
    pair_generation: float  # between generations, of the difference of two installs that run side by side
    install: float  # between installs


def levels(values: npt.NDArray[np.float64]) -> Levels:
    """Method of moments for ``values`` of shape (installs, generations, processes), each at least 2.

    Installs of one generation run interleaved, so a difference between two of them is free of drift. An estimate of a
    variance that is below zero is given as zero.
    """
    installs, generations, processes = values.shape
    if min(installs, generations, processes) < 2:
        raise ValueError(f"levels of shape {values.shape} cannot be told apart: each must be at least 2")
    process = values.var(axis=2, ddof=1).mean()
    means = values.mean(axis=2)
    between = means.var(axis=1, ddof=1).mean() - process / processes
    # Var(a - b) over generations is twice that of one arm's own; averaged over all pairs of installs it is this.
    own = (means - means.mean(axis=0)).var(axis=1, ddof=1).mean() * installs / (installs - 1)
    difference = 2 * (own - process / processes)
    install = means.mean(axis=1).var(ddof=1) - own / generations

    def root(variance: float) -> float:
        return float(np.sqrt(max(0.0, variance)))

    return Levels(root(process), root(between), root(difference), root(install))

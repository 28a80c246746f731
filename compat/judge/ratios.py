"""The ratio of two measurements on the scale on which they are judged."""

from __future__ import annotations

import math

__all__ = ["log_ratio"]


def log_ratio(known_good: float | None, candidate: float | None) -> float | None:
    """``log(candidate / known_good)``, or None where it has no meaning: a side is missing, not finite or not positive.

    The difference of two logarithms is finite where the quotient is none: 1e200 / 1e-200 has no float64.
    """
    if known_good is None or candidate is None:
        return None
    if not (0 < known_good < math.inf and 0 < candidate < math.inf):
        return None
    return math.log(candidate) - math.log(known_good)

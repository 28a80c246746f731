"""Quantities as people write them: ``3%``, ``16MiB``, ``20m``. A ValueError says what was expected."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from compat.model.moments import LONGEST

__all__ = ["AMOUNT_PATTERN", "DURATION_PATTERN", "RATIO_PATTERN", "Amount", "amount", "duration", "ratio"]

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
RATIO_PATTERN = rf"^{_NUMBER} ?%$"
AMOUNT_PATTERN = rf"^{_NUMBER} ?(?:B|KiB|MiB|GiB)$"
DURATION_PATTERN = rf"^{_NUMBER} ?(?:ms|s|m|h|d)$"

_BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SECONDS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class Amount:
    """A number, and the unit it was written with: ``B``, or None when it is in whatever unit the metric has."""

    value: float
    unit: str | None


def ratio(value: object) -> float:
    """``3%`` is 0.03; a number from 0 up to 1 is taken as it is. A 3 could mean 3 % or 300 %, so it is refused."""
    if isinstance(value, str) and re.fullmatch(RATIO_PATTERN, value):
        number = float(value.rstrip("% ")) / 100
        if number < math.inf:
            return number
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1:
        return float(value)
    raise ValueError(f"{_shown(value)} is not a ratio; write a percentage such as 3%, or a number below 1 such as 0.03")


def duration(value: object) -> float:
    """Seconds: ``20m`` is 1200. A number without a unit is refused, as are no time at all and more than ten years."""
    if isinstance(value, str) and re.fullmatch(DURATION_PATTERN, value):
        seconds = _split(value, _SECONDS)
        if 0 < seconds <= LONGEST:
            return seconds
        if LONGEST < seconds < math.inf:
            raise ValueError(f"{_shown(value)} is more than ten years; write at most {LONGEST / _SECONDS['d']:.0f}d")
    raise ValueError(f"{_shown(value)} is not a duration; write a number above 0 with ms, s, m, h or d, such as 20m")


def amount(value: object) -> Amount:
    """``16MiB`` is 16777216 bytes; a number that is finite and not negative is in the metric's own unit."""
    if isinstance(value, str) and re.fullmatch(AMOUNT_PATTERN, value):
        size = _split(value, _BYTES)
        if size < math.inf:
            return Amount(size, "B")
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return Amount(float(value), None)
    raise ValueError(
        f"{_shown(value)} is not an amount; write a number, or bytes with B, KiB, MiB or GiB, such as 16MiB"
    )


def _split(text: str, factors: dict[str, float] | dict[str, int]) -> float:
    number = text.rstrip("BKMGibdhms ")
    return float(number) * factors[text[len(number) :].strip()]


def _shown(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)

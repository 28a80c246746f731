"""Numbers as words of a reason: with units, and never more digits than they are worth."""

from __future__ import annotations

import math

from compat.model import Direction

__all__ = ["change", "changed_text", "clip", "exactly", "grown", "percent", "plural", "quantity"]

_TIME = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))
_LARGEST = 700.0  # exp of more is no number
_TIMES = frozenset(name for _, name in _TIME)
_BYTES = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))


def quantity(value: float, unit: str) -> str:
    """``value`` in a readable multiple of ``unit``; seconds and bytes (per something) are scaled, others are not."""
    scaled, per, rest = unit.partition("/")
    scales = {"s": _TIME, "B": _BYTES}.get(scaled, ())
    for size, name in scales:
        if abs(value) >= size:
            return f"{value / size:.4g} {name}{per}{rest}"
    return f"{value:.4g} {unit}".rstrip()


def exactly(value: float) -> str:
    """A count without loss: whole numbers have all their digits."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**63 else f"{value:.6g}"


def percent(value: float) -> str:
    """A share as percent with two significant digits (three from 10 % on)."""
    digits = 100.0 * value
    return f"{digits:.0f} %" if abs(digits) >= 100 else f"{digits:.3g} %" if abs(digits) >= 10 else f"{digits:.2g} %"


def change(effect: float, interval: tuple[float, float], unit: str, direction: Direction) -> tuple[str, str]:
    """An oriented log ratio (positive is worse) as ("4.2 % slower", "3.1 to 5.3 %"), in the sense of the first."""
    worse = effect >= 0
    if direction is Direction.HIGHER:
        word = "lower" if worse else "higher"
    elif unit in _TIMES:
        word = "slower" if worse else "faster"
    else:
        word = "higher" if worse else "lower"
    # The metric itself moves by exp(effect) where lower is better, by its inverse where higher is.
    side = 1.0 if direction is Direction.LOWER else -1.0
    moved = grown(side * effect)
    sign = math.copysign(1.0, moved) if moved else 1.0
    ends = sign * grown(side * interval[0]), sign * grown(side * interval[1])
    low, high = min(ends), max(ends)
    return f"{percent(abs(moved))} {word}", f"{percent(low).removesuffix(' %')} to {percent(high)}"


def grown(log_ratio: float) -> float:
    """A log ratio as a share: 0.05 is 5 % more. What no number can hold is said as the largest that one can."""
    return math.expm1(min(log_ratio, _LARGEST))


def changed_text(known_good: str, candidate: str) -> str:
    """How one text became another: the first line that differs, and of several lines how many do."""
    a, b = known_good.splitlines() or [""], candidate.splitlines() or [""]
    if len(a) == len(b) == 1:
        return f"{clip(repr(known_good), 60)} -> {clip(repr(candidate), 60)}"
    if sorted(a) == sorted(b):
        return f"its {len(a)} lines are in another order"
    lost, new = sorted(set(a) - set(b), key=a.index), sorted(set(b) - set(a), key=b.index)
    first = [clip(repr(lines[0]), 100) if lines else "nothing" for lines in (lost, new)]
    return f"{len(lost)} of {plural(len(a), 'line')} and {len(new)} of {len(b)} are others: {first[0]} -> {first[1]}"


def plural(count: int, noun: str) -> str:
    """``1 pair``, ``2 pairs``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def clip(text: str, length: int = 160) -> str:
    """One line of at most ``length`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 3] + "..."

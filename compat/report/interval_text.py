"""An interval against its margin as one line of plain text, for terminals and logs of any kind."""

from __future__ import annotations

import math
import sys

from compat.report import strokes

__all__ = ["LEGEND", "interval_bar"]

LEGEND = "| no change, ! the margin, = the interval, o the change; worse is to the right"

_LEAST = 10  # columns: in fewer the marks hide each other


def interval_bar(effect: float | None, interval: tuple[float, float] | None, margin: float | None, width: int) -> str:
    """``width`` characters, such as ``--|--==o==---!-``, of oriented log ratios: positive is worse.

    Empty where there is no interval or no margin, or where so few columns would say nothing. An end that is not
    finite is drawn to the edge; where two marks meet, the interval gives way to the change, and both to the lines of no
    change and of the margin.
    """
    if (
        width < _LEAST
        or interval is None
        or margin is None
        or not math.isfinite(margin)
        or any(map(math.isnan, interval))
    ):
        return ""
    known = [value for value in (0.0, margin, effect, *interval) if value is not None and math.isfinite(value)]
    room = 0.1 * (max(known) / 2 - min(known) / 2 or 0.5)  # of halves, for the whole may be too large
    low, high = max(min(known) - room, -sys.float_info.max), min(max(known) + room, sys.float_info.max)

    def place(value: float) -> int:
        return round(strokes.place(min(max(value, low), high), low, high, 0.0, width - 1.0))

    bar = ["-"] * width
    for index in range(place(interval[0]), place(interval[1]) + 1):
        bar[index] = "="
    if effect is not None and math.isfinite(effect):
        bar[place(effect)] = "o"
    bar[place(0.0)], bar[place(margin)] = "|", "!"
    return "".join(bar)

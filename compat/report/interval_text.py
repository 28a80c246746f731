"""An interval against its margin as one line of plain text, for terminals and logs of any kind."""

from __future__ import annotations

import math

__all__ = ["LEGEND", "interval_bar"]

LEGEND = "| no change, ! the margin, = the interval, o the change; worse is to the right"


def interval_bar(effect: float | None, interval: tuple[float, float] | None, margin: float | None, width: int) -> str:
    """``width`` characters, such as ``--|--==o==---!-``, of oriented log ratios: positive is worse.

    Empty where there is no interval or no margin. An end that is not finite is drawn to the edge; where two marks
    meet, the interval gives way to the change, and both to the lines of no change and of the margin.
    """
    if interval is None or margin is None or not math.isfinite(margin) or any(map(math.isnan, interval)):
        return ""
    known = [value for value in (0.0, margin, effect, *interval) if value is not None and math.isfinite(value)]
    room = 0.05 * (max(known) - min(known) or 1.0)
    low, high = min(known) - room, max(known) + room

    def place(value: float) -> int:
        share = (min(max(value, low), high) - low) / (high - low)
        return round(share * (width - 1))

    bar = ["-"] * width
    for index in range(place(interval[0]), place(interval[1]) + 1):
        bar[index] = "="
    if effect is not None and math.isfinite(effect):
        bar[place(effect)] = "o"
    bar[place(0.0)], bar[place(margin)] = "|", "!"
    return "".join(bar)

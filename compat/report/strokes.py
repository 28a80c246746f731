"""The data of SVG paths, in few bytes: whole pixels, and each point from the one before it.

A dot is a segment of no length with round ends, so a series is one path of a few bytes a dot however many there are.
Coordinates come from numbers only; text around them is escaped by the template.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["LEFT", "RIGHT", "after", "dots", "line", "place", "scale", "strokes"]

LEFT, RIGHT = 8.0, 312.0  # where a plot's area begins and ends, of a width of 320


def place(value: float, low: float, high: float, begin: float = LEFT, end: float = RIGHT) -> float:
    """Where ``value`` of the range lies between two edges; the middle if the range has no extent."""
    if not high > low:
        return begin + 0.5 * (end - begin)
    if math.isinf(high - low):  # the range is too large for its extent: that of halves is not
        value, low, high = value / 2, low / 2, high / 2
    share = (value - low) / (high - low)
    return begin + share * (end - begin)


def scale(low: float, high: float, begin: float = LEFT, end: float = RIGHT) -> Callable[[float], int]:
    """What puts a value of the range at its pixel between two edges: all in the middle if the range has no extent."""
    if not high > low:
        middle = int((begin + end) / 2)
        return lambda _: middle
    factor = (end - begin) / (high - low)
    if not 0 < factor < math.inf:  # a range that is too large for its extent, or too small for its inverse
        return lambda value: int(place(value, low, high, begin, end) + 0.5)
    return lambda value: int(begin + (value - low) * factor + 0.5)


def dots(points: Iterable[tuple[int, int]]) -> str:
    """A dot at each point."""
    parts: list[str] = []
    at_x = at_y = 0
    for x, y in points:
        down = y - at_y
        parts.append(f"m{x - at_x}{down}h0" if down < 0 else f"m{x - at_x} {down}h0")
        at_x, at_y = x, y
    return f"M{''.join(parts)[1:]}" if parts else ""


def strokes(each: Iterable[tuple[int, int, str]], down: int) -> str:
    """The same stroke from each point on, which is given with it; it ends ``down`` pixels below where it began."""
    parts: list[str] = []
    at_x = at_y = 0
    for x, y, stroke in each:
        if parts:
            parts.append(f"m{x - at_x}{after(y - at_y)}{stroke}")
        else:
            parts.append(f"M{x} {y}{stroke}")
        at_x, at_y = x, y + down
    return "".join(parts)


def line(points: Iterable[tuple[int, int]]) -> str:
    """A line through the points."""
    parts: list[str] = []
    at_x = at_y = 0
    for x, y in points:
        down = y - at_y
        parts.append(f"l{x - at_x}{down}" if down < 0 else f"l{x - at_x} {down}")
        at_x, at_y = x, y
    return f"M{''.join(parts)[1:]}" if parts else ""


def after(value: int) -> str:
    """A number that follows another one: a minus parts them, too."""
    return str(value) if value < 0 else f" {value}"

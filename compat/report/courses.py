"""Metrics in the order in which they were run: the two sides of each pair, or memory over the time of the run.

Drift, a GPU that has two speeds and a first process that is unlike the others are seen here and in no average.
"""

from __future__ import annotations

import datetime
import math
from typing import TYPE_CHECKING, TypeGuard

from compat.model import Direction, Kind
from compat.report.case_parts import Course
from compat.report.strokes import LEFT, RIGHT, after, dots, line, place, scale, strokes
from compat.report.text import count, quantity

if TYPE_CHECKING:
    from collections.abc import Callable

    from compat.model import Comparison
    from compat.report.measured import Runs
    from compat.report.parts import Pair, Series

__all__ = ["HEIGHT", "course"]

HEIGHT = 96  # of the plot
_TOP, _BOTTOM = 8.0, 88.0
_OVER_TIME = frozenset({"B", "B/call"})  # units of what is memory
_WORTH = 3.0  # a limit is drawn within so many times the range of the values, for beyond it they would be one line


def course(series: Series, runs: Runs, comparison: Comparison, *, phased: bool) -> Course | None:
    """Draw a metric's course, or None where it is no course: an arm has no value, all are equal, or one pair is all.

    ``phased``: the arms ran one after the other, in phases of an upgrade, so there are no pairs, and time tells.
    """
    every = [value for pair in series.pairs for value in (pair.known_good, pair.candidate)]
    finite = [value for value in every if value is not None and math.isfinite(value)]
    memory = series.unit in _OVER_TIME
    timed = memory or phased
    if len(series.pairs) < 2 or not finite or not (memory or runs.first.kind is Kind.SAMPLED):
        return None
    low, high = min(finite), max(finite)
    if low == high:
        return None
    limit = _limit(comparison, runs.first.direction) if memory else None
    drawn = limit is not None and low - _WORTH * (high - low) <= limit <= high + _WORTH * (high - low)
    if limit is not None and drawn:
        low, high = min(low, limit), max(high, limit)
    up = scale(low, high, _BOTTOM, _TOP)
    shown = _over_time(series, runs, up) if timed else _in_order(series, up)
    if shown is None:
        return None
    omitted = sum(value is not None for value in every) - len(finite)
    if omitted:
        shown |= {name: f"{shown[name]}; {omitted:,} not finite: counted, not drawn" for name in ("over", "label")}
    return Course(
        metric=series.metric,
        limit=round(place(limit, low, high, _BOTTOM, _TOP), 1) if limit is not None and drawn else None,
        limit_label="" if limit is None else quantity(limit, series.unit),
        low=quantity(low, series.unit),
        high=quantity(high, series.unit),
        timed=timed,
        **shown,
    )


def _limit(comparison: Comparison, direction: Direction) -> float | None:
    """The value that would just pass: an allowance beyond the known-good one."""
    good, allowed = comparison.known_good, comparison.limit
    if not isinstance(good, (int, float)) or allowed is None or not math.isfinite(good + allowed):
        return None
    return good + allowed if direction is Direction.LOWER else good - allowed


def _in_order(series: Series, up: Callable[[float], int]) -> dict[str, str]:
    pairs = series.pairs
    step = (RIGHT - LEFT) / (len(pairs) - 1)
    if step >= 4:
        step = math.floor(step)  # whole pixels that are equally far apart take fewest bytes
    xs = [round(LEFT + index * step) for index in range(len(pairs))]
    good, new = (
        [(x, up(y)) for x, y in zip(xs, values, strict=True) if _finite(y)]
        for values in ([pair.known_good for pair in pairs], [pair.candidate for pair in pairs])
    )
    begins = [
        ((xs[at - 1] + xs[at]) // 2, (pairs[at - 1].node, pairs[at - 1].gpu) != (pairs[at].node, pairs[at].gpu))
        for at in range(1, len(pairs))
        if _generation(pairs[at - 1]) != _generation(pairs[at])
    ]
    places = dict.fromkeys((pair.node, pair.gpu) for pair in pairs)
    generations = len(begins) + 1
    over = f"{count(len(pairs), 'pair')} in the order they ran, {count(generations, 'generation')}"
    if len(places) > 1:
        over += f" in {len(places)} places, one after the other"
    return {
        "over": over,
        "label": f"{series.metric} of both arms: {over}",
        "known_good": dots(good),
        "candidate": dots(new),
        "links": _links(dict(good), dict(new)),
        "marks": strokes(((x, 2, f"v{HEIGHT - 4}") for x, moved in begins if not moved), HEIGHT - 4),
        "breaks": strokes(((x, 2, f"v{HEIGHT - 4}") for x, moved in begins if moved), HEIGHT - 4),
    }


def _links(known_good: dict[int, int], candidate: dict[int, int]) -> str:
    """A line from the known-good to the candidate of each pair that has both."""
    parts = []
    at = None
    for x, top in known_good.items():
        below = candidate.get(x)
        if below is None or below == top:
            continue
        parts.append(f"M{x} {top}V{below}" if at is None else f"m{x - at[0]}{after(top - at[1])}v{below - top}")
        at = x, below
    return "".join(parts)


def _over_time(series: Series, runs: Runs, up: Callable[[float], int]) -> dict[str, str] | None:
    """A line an arm and place, over the seconds since the item's first run; None where moments cannot be read."""
    arms: list[dict[tuple[str, str], list[tuple[float, float]]]] = [{}, {}]
    try:
        for side, lines in zip(runs.sides, arms, strict=True):
            for (node, gpu, *_), (value, started, _) in side.items():
                at = datetime.datetime.fromisoformat(started).timestamp()
                lines.setdefault((node, gpu), []).append((at, value))
    except (ValueError, OverflowError):
        return None
    moments = [at for lines in arms for points in lines.values() for at, _ in points]
    begin, end = min(moments), max(moments)
    across = scale(begin, end)
    good, new = (
        "".join(
            line([(across(at), up(y)) for at, y in sorted(points) if _finite(y)]) for _, points in sorted(lines.items())
        )
        for lines in arms
    )
    over = f"over {_duration(end - begin)} of the run"
    return {
        "over": over,
        "label": f"{series.metric} of both arms {over}",
        "known_good": good,
        "candidate": new,
        "links": "",
        "marks": "",
        "breaks": "",
    }


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _generation(pair: Pair) -> tuple[str, str, int, int]:
    return pair.node, pair.gpu, pair.round, pair.generation


def _finite(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)

"""Times as pytest-benchmark's own documents, one an arm, so that ``pytest-benchmark compare`` reads them.

The shape is that of pytest-benchmark 5.3 (``--benchmark-json``, looked at 2026-11): seconds, with Tukey's outliers. A
round is the median of one process. An item's group is itself, so that its two arms stand beside each other.
"""

from __future__ import annotations

import bisect
import json
import math
import statistics
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from compat.model.moments import LONGEST
from compat.report.formats import Format

if TYPE_CHECKING:
    from compat.report.parts import ItemView, Series
    from compat.report.view import View

__all__ = ["FORMAT", "statistics_of"]

_VERSION = "5.3.1"  # of the package whose documents these are like
_FENCE = 1.5  # interquartile ranges beyond the quartiles: what lies outside is an outlier


def render_benchmarks(view: View) -> dict[str, str]:
    """Write a document of each arm, by its file's name.

    The comparison takes the first by name for the reference, and shows twelve characters of a name.
    """
    return {
        "1-known-good.json": _document(view, "known-good", list(_benchmarks(view, 0))),
        "2-candidate.json": _document(view, "candidate", list(_benchmarks(view, 1))),
    }


def _document(view: View, arm: str, benchmarks: list[dict[str, Any]]) -> str:
    axes = {change.what: change.known_good if arm == "known-good" else change.candidate for change in view.axes}
    node = {"machine": " ".join(node.id for node in view.nodes), "compat_arm": arm, "compat_stack": axes}
    document = {
        "machine_info": node,
        "commit_info": {"id": "unversioned", "time": None, "dirty": False, "project": view.matrix, "branch": view.ring},
        "benchmarks": benchmarks,
        "datetime": view.ended or view.judged_at,
        "version": _VERSION,
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _benchmarks(view: View, arm: int) -> Iterator[dict[str, Any]]:
    """Every judged metric in seconds, of every item that has a time in this arm."""
    for item in view.items:
        for series in item.series:
            if series.unit == "s":
                times = (pair.known_good if arm == 0 else pair.candidate for pair in series.pairs)
                data = [time for time in times if time is not None and 0 <= time <= LONGEST]
                if data:
                    yield _benchmark(item, series, data)


def _benchmark(item: ItemView, series: Series, data: list[float]) -> dict[str, Any]:
    metric = "" if series.metric == "latency" else f" {series.metric}"
    fullname = _line(item.key + metric)
    return {
        "group": fullname,
        "name": _line(item.title + metric),
        "fullname": fullname,
        "params": None,
        "param": None,
        "extra_info": {"cell": item.cell, "status": item.status.value, "tier": item.tier, "metric": series.metric},
        "options": {
            "disable_gc": False,
            "timer": "compat",
            "min_rounds": 1,
            "max_time": 0.0,
            "min_time": 0.0,
            "warmup": False,
        },
        "stats": statistics_of(data),
    }


def _line(text: str) -> str:
    return " ".join(text.split())


def statistics_of(data: list[float]) -> dict[str, Any]:
    """What pytest-benchmark says of its rounds; at least one, all finite."""
    ordered = sorted(data)
    number, total = len(data), math.fsum(data)
    mean = total / number
    deviation = math.sqrt(math.fsum((one - mean) ** 2 for one in data) / (number - 1)) if number > 1 else 0.0
    first, third = _quartiles(ordered)
    low, high = first - _FENCE * (third - first), third + _FENCE * (third - first)
    beyond = _outside(ordered, mean - deviation, mean + deviation)
    outliers = _outside(ordered, low, high)
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "mean": mean,
        "stddev": deviation,
        "rounds": number,
        "median": statistics.median(ordered),
        "iqr": third - first,
        "q1": first,
        "q3": third,
        "iqr_outliers": outliers,
        "stddev_outliers": beyond,
        "outliers": f"{beyond};{outliers}",
        "ld15iqr": ordered[bisect.bisect_left(ordered, low)],
        "hd15iqr": ordered[bisect.bisect_right(ordered, high) - 1],
        "ops": min(number / total, sys.float_info.max) if total > 0 else 0.0,
        "total": total,
        "data": data,
        "iterations": 1,
    }


def _outside(ordered: list[float], low: float, high: float) -> int:
    """How many are below ``low`` or above ``high``."""
    return bisect.bisect_left(ordered, low) + len(ordered) - bisect.bisect_right(ordered, high)


def _quartiles(ordered: list[float]) -> tuple[float, float]:
    """The medians of the two halves; of an odd number the mean of both ways to share out the middle one."""
    half, odd = divmod(len(ordered), 2)
    if len(ordered) == 1:
        return ordered[0], ordered[0]
    without = statistics.median(ordered[:half]), statistics.median(ordered[half + odd :])
    if not odd:
        return without
    within = statistics.median(ordered[: half + 1]), statistics.median(ordered[half:])
    return (without[0] + within[0]) / 2, (without[1] + within[1]) / 2


FORMAT = Format("benchmark", ".benchmark", "times as pytest-benchmark's documents, one an arm", render_benchmarks)

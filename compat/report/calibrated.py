"""A calibration as text: for each metric of each case the least slowdown that it can tell, beside its margin."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from compat.report.text import cleaned, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compat.judge.calibration import Calibrated

__all__ = ["calibrated_text"]

_HEAD = ("", "least", "margin", "metric", "case")


def calibrated_text(found: Sequence[Calibrated]) -> str:
    """A line for each metric, the uncovered ones first, and how many there are."""
    rows = [_HEAD, *(_row(one) for one in sorted(found, key=lambda one: (one.covered, one.item, one.metric)))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    uncovered = sum(not one.covered for one in found)
    lines.append(f"{len(found) - uncovered} of {len(found)} measurements can tell their margin; {uncovered} cannot")
    return "\n".join(lines)


def _row(one: Calibrated) -> tuple[str, ...]:
    least = "too few pairs" if one.least is None else percent(one.least).lstrip("+")
    margin = percent(one.margin).lstrip("+") if math.isfinite(one.margin) else ""
    return ("covered" if one.covered else "UNCOVERED", least, margin, cleaned(one.metric), cleaned(one.item))

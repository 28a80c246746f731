"""Ahead-of-time figures side by side: what both arms' compilers made of a case, for each target that it has."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import TYPE_CHECKING

from compat.report.case_parts import AotCell, AotRow, AotTable
from compat.report.measured import in_head, median
from compat.report.text import NOTHING, quantity, with_not_finite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from compat.report.measured import Runs
    from compat.report.parts import ItemView

__all__ = ["Figures", "aot_figures", "with_aot"]

_TARGET = re.compile(r"(?:^|-)(sm_\d+[a-z]?|gfx[0-9a-f]+)(?=-|$)")  # as the names of cases have it
_MOST = 5  # targets beside a case's own

Figures = dict[str, AotCell]


def aot_figures(metrics: Mapping[str, Runs]) -> Figures:
    """The figures of both arms, by metric: one value, the range where runs of an arm differ, of a time the median."""
    found = {}
    for metric, runs in metrics.items():
        name, unit = in_head(metric, runs.first.unit)
        good, new = (_words(values, unit) for values in runs.every)
        spoilt = [not all(map(math.isfinite, values)) for values in runs.every]
        # A time is never the same twice, and what an arm has not got is said by its fault.
        changed = (good != new and unit != "s") or spoilt[0] != spoilt[1]
        found[name] = AotCell(good, new, changed and NOTHING not in (good, new))
    return found


def _words(every: Sequence[float], unit: str) -> str:
    finite = [value for value in every if math.isfinite(value)]
    said = NOTHING
    if finite:
        least, most = min(finite), max(finite)
        said = quantity(median(finite) if unit == "s" else least, unit)
        if least != most and unit != "s":
            said = f"{said} to {quantity(most, unit)}"
    return with_not_finite(said, len(every) - len(finite))


def with_aot(items: Sequence[ItemView], figures: Mapping[str, Figures]) -> list[ItemView]:
    """The items with their tables. ``figures`` are by key, of those items that were compiled."""
    families: dict[tuple[str, str, str], list[tuple[str, ItemView]]] = {}
    for item in items:
        if item.key in figures:
            target, base = _split(item.case)
            families.setdefault((item.cell, item.workload, base), []).append((target, item))
    tables = {}
    for family in families.values():
        family.sort(key=lambda one: _natural(one[0]))
        for target, item in family:
            others = [one for one in family if one[1] is not item and one[0]]
            tables[item.key] = _table((target, item), others if target else [], figures)
    return [dataclasses.replace(item, aot=tables[item.key]) if item.key in tables else item for item in items]


def _table(
    own: tuple[str, ItemView], others: Sequence[tuple[str, ItemView]], figures: Mapping[str, Figures]
) -> AotTable:
    shown = [own, *others[:_MOST]]
    columns = [figures[item.key] for _, item in shown]
    nothing = AotCell(NOTHING, NOTHING, changed=False)
    return AotTable(
        targets=tuple((target, "" if item is own[1] else item.anchor) for target, item in shown),
        rows=tuple(AotRow(metric, tuple(each.get(metric, nothing) for each in columns)) for metric in columns[0]),
        left_out=max(0, len(others) - _MOST),
    )


def _split(case: str) -> tuple[str, str]:
    """A case's target, and its name without it: ``sm_90`` and ``fp16-1024``; an empty target where it names none."""
    found = _TARGET.search(case)
    return (found[1], case[: found.start()] + case[found.end() :]) if found else ("", case)


def _natural(target: str) -> tuple[int, str]:
    digits = re.search(r"\d+", target)
    return (int(digits[0]) if digits else 0, target)

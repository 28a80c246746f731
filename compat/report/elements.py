"""The worst elements of outputs that are no pass, in words: read from the store when a report is made."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from compat.judge.worst_elements import worst_elements
from compat.model import Arm, Status
from compat.report.case_parts import ElementRow, WorstTable
from compat.report.statuses import ARMS
from compat.report.text import NOTHING, count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from compat.judge.worst_elements import WorstElements
    from compat.model import Comparison, Evidence
    from compat.report.parts import ItemView

__all__ = ["MOST_ITEMS", "MOST_OUTPUTS", "with_worst_elements"]

MOST_ITEMS = 50  # of a report: their outputs are read again
MOST_OUTPUTS = 4  # of an item
_OUTPUTS = "outputs"


def with_worst_elements(
    items: Sequence[ItemView],
    comparisons: Mapping[str, Sequence[Comparison]],
    read: Callable[[str], Sequence[Evidence]],
    blob: Callable[[str], bytes],
) -> list[ItemView]:
    """The items, those whose outputs are no pass with their worst elements; ``comparisons`` are by item.

    The first ``MOST_ITEMS`` of them, worst first; the others say that they are left out.
    """
    found = []
    seen = 0
    for item in items:
        outputs = next((one for one in comparisons[item.key] if one.metric == _OUTPUTS), None)
        if outputs is not None and outputs.status not in (Status.PASS, Status.MISSING):
            seen += 1
            tables = _tables(read(item.key), outputs, blob) if seen <= MOST_ITEMS else (_left_out(),)
            item = dataclasses.replace(item, worst=tables)
        found.append(item)
    return found


def _tables(evidence: Sequence[Evidence], outputs: Comparison, blob: Callable[[str], bytes]) -> tuple[WorstTable, ...]:
    of = Arm.KNOWN_GOOD if outputs.status is Status.FIXED else Arm.CANDIDATE
    tolerance = math.nan if outputs.limit is None else outputs.limit
    found = worst_elements(evidence, tolerance, blob, of=of)
    tables = [_table(one) for one in sorted(found, key=lambda one: -one.beyond)]
    if len(tables) > MOST_OUTPUTS:
        more = count(len(tables) - MOST_OUTPUTS, "more output")
        tables[MOST_OUTPUTS:] = [WorstTable(more, "not the same either, and not shown", False, ())]
    return tuple(tables)


def _left_out() -> WorstTable:
    return WorstTable("outputs", f"worst elements are shown of the first {MOST_ITEMS} cases of a report", False, ())


def _table(one: WorstElements) -> WorstTable:
    where = f"pair {one.pair}" + (f", seed {one.seed}" if one.seed else "")
    if one.looked < one.values:
        where += f"; values read: the first {one.looked:,} of {one.values:,}"
    if one.said:
        return WorstTable(one.output, f"{one.said} ({where})", False, ())
    with_reference = one.elements[0].reference is not None
    should = "the reference" if with_reference else f"the {ARMS[_other(one.arm)]} arm"
    if one.allowed:
        share = f"tolerance {one.tolerance:.3g} of the root mean square"
        far = f"differ from {should} by more than {one.allowed:.3g} ({share})"
    else:
        far = f"are not those of {should}"
    said = f"{one.beyond:,} of {count(one.size, 'element')} of the {ARMS[one.arm]} arm {far}, {where}"
    rows = tuple(
        ElementRow(
            place=f"[{', '.join(map(str, element.index))}]" if element.index else "the value",
            known_good=element.known_good,
            candidate=element.candidate,
            reference=element.reference or "",
            apart=f"{element.apart:.3g}" if math.isfinite(element.apart) else NOTHING,
        )
        for element in one.elements
    )
    return WorstTable(one.output, said, with_reference, rows)


def _other(arm: Arm) -> Arm:
    return Arm.CANDIDATE if arm is Arm.KNOWN_GOOD else Arm.KNOWN_GOOD

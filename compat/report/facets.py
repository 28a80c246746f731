"""What a report's cases can be narrowed to: their statuses, tiers, workloads and the values of the axes.

The script of the HTML report searches by it. Words are written once, and a case names them by their numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from compat.report.statuses import WORDS

if TYPE_CHECKING:
    from compat.report.parts import ItemView

__all__ = ["facets_json"]


def facets_json(items: Sequence[ItemView]) -> str:
    """``{"facets": [[NAME, [WORD, ...]], ...], "rows": [[NUMBER, ...], ...]}``, a row a case, safe within HTML.

    A facet in which all cases are alike is left out: there is nothing to narrow.
    """
    found = [dict(_facets(item)) for item in items]
    names = list(dict.fromkeys(name for one in found for name in one))
    facets, columns = [], []
    for name in names:
        values = [one.get(name, "") for one in found]
        numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
        if len(numbers) > 1:
            facets.append([name, list(numbers)])
            columns.append([numbers[value] for value in values])
    rows = [list(row) for row in zip(*columns, strict=True)] or [[] for _ in items]
    text = json.dumps({"facets": facets, "rows": rows}, separators=(",", ":"), ensure_ascii=False)
    # Nothing in it ends the element that it is in, or begins a comment there.
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _facets(item: ItemView) -> Iterator[tuple[str, str]]:
    yield "status", WORDS[item.status]
    yield "tier", item.tier
    kind, named, _ = item.workload.partition(":")
    yield "kind", kind if named else "stack"
    yield "workload", item.workload
    for axis in item.axes:
        yield axis.what, axis.candidate

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
    """What the cases can be narrowed to, safe within HTML.

    ``{"facets": [[KEY, LABEL, [WORD, ...]], ...], "alike": {KEY: WORD}, "rows": [[NUMBER, ...], ...]}``, a row a case.
    A key stands in addresses; those of axes have a prefix, for an axis may be called ``status``. In what is alike, all
    cases are: there is nothing to narrow.
    """
    labels: dict[str, str] = {}
    found = []
    for item in items:
        one = {}
        for key, label, word in _facets(item):
            labels.setdefault(key, label)
            one[key] = word
        found.append(one)
    facets, columns, alike = [], [], {}
    for key, label in labels.items():
        values = [one.get(key, "") for one in found]
        numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
        if len(numbers) > 1:
            facets.append([key, label, list(numbers)])
            columns.append([numbers[value] for value in values])
        else:
            alike[key] = values[0]
    rows = [list(row) for row in zip(*columns, strict=True)] or [[] for _ in items]
    document = {"facets": facets, "alike": alike, "rows": rows}
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    # Nothing in it ends the element that it is in, or begins a comment there.
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _facets(item: ItemView) -> Iterator[tuple[str, str, str]]:
    """Each with its key, what it is called, and the word of the case."""
    kind, named, _ = item.workload.partition(":")
    yield "status", "status", WORDS[item.status]
    yield "tier", "tier", item.tier
    yield "kind", "kind", kind if named else "stack"
    yield "workload", "workload", item.workload
    for axis in item.axes:
        yield f"axis.{axis.what}", axis.what, axis.candidate

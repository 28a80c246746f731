"""From axes to points: the product, less ``exclude``, plus ``include``, as GitHub Actions' ``strategy.matrix`` does it.

- ``exclude``: a point goes when it has all values of one entry; a partial entry removes every point that fits.
- ``include`` comes after: an entry is added to each point of the product whose own axis values it would not overwrite
  (values that earlier entries added may be overwritten). An entry that fits no point becomes a point of its own, to
  which later entries are not added.

Source: GitHub's documentation, "Running variations of jobs in a workflow", last checked 2026-11. Everything is lazy.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Point", "excluded_by", "expand", "product"]

Point = dict[str, str]


def product(axes: Mapping[str, Sequence[str]]) -> Iterator[Point]:
    """Every combination of the axes' values, the last axis fastest; without axes there is none."""
    if not axes:
        return
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def excluded_by(point: Mapping[str, str], exclude: Sequence[Mapping[str, str]]) -> int | None:
    """The index of the first entry of ``exclude`` that removes the point, or None."""
    for index, entry in enumerate(exclude):
        if all(point.get(axis) == value for axis, value in entry.items()):
            return index
    return None


def expand(
    axes: Mapping[str, Sequence[str]],
    exclude: Sequence[Mapping[str, str]] = (),
    include: Sequence[Mapping[str, str]] = (),
) -> Iterator[Point]:
    """The points of a matrix, in the order of the product, then what ``include`` adds on its own."""
    fitted: set[int] = set()
    for original in product(axes):
        if excluded_by(original, exclude) is not None:
            continue
        point = dict(original)
        for index, entry in enumerate(include):
            if all(original.get(axis, value) == value for axis, value in entry.items()):
                point.update(entry)
                fitted.add(index)
        yield point
    for index, entry in enumerate(include):
        if index not in fitted:
            yield dict(entry)

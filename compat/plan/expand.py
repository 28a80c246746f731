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

from compat.plan.masks import Masks

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
    removing = [entry for entry in exclude if entry.keys() <= axes.keys()]  # another one fits no point
    own = [{axis: value for axis, value in entry.items() if axis in axes} for entry in include]
    masks = Masks(axes, [{axis: (value,) for axis, value in entry.items()} for entry in (*removing, *own)])
    fitted = 0
    for values, mask in masks.walk((1 << len(removing)) - 1):
        point = dict(zip(axes, values, strict=True))
        fits = mask >> len(removing)
        fitted |= fits
        while fits:
            lowest = fits & -fits
            point.update(include[lowest.bit_length() - 1])
            fits ^= lowest
        yield point
    for index, entry in enumerate(include):
        if not fitted >> index & 1:
            yield dict(entry)

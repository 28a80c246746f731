"""Covering arrays, row by row.

After Bryce and Colbourn, "The density algorithm for pairwise interaction testing" (Software Testing, Verification and
Reliability 17, 2007): the next axis of a row, and its value, are those with the most that is not covered yet, where
what the open axes may bring counts in part. It is done several times, with other ties, and the shortest array stays.
Weights are whole numbers, so that sums are exact and every machine makes the same array: a plan's digest hangs on it.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from compat.plan.expand import Point
    from compat.plan.masks import Masks

__all__ = ["MAX_TABLE", "rows"]

MAX_TABLE = 1 << 26  # elements of what is not covered yet
_WEIGHED = (
    1 << 21
)  # up to so many, open axes count in part; beyond, a row begins with a tuple and goes on with its axes
_CACHED = 1 << 17  # elements that a processor keeps at hand
_TRIES = 500
_SECONDS = 1.0  # for all tries, by an estimate: a clock would make arrays differ
_ONE = float(1 << 30)


def rows(masks: Masks, strength: int, wanted: Sequence[tuple[tuple[str, str], ...]]) -> list[Point]:
    """Points that have the ``wanted`` tuples of ``strength`` values, and that fit none of the entries of ``masks``.

    Of each tuple there has to be such a point. ValueError where the table would be too large.
    """
    axes = masks.axes
    several = sorted((axis for axis in axes if len(axes[axis]) > 1), key=lambda axis: -len(axes[axis]))
    table = _Table({axis: axes[axis] for axis in several}, strength, wanted)
    constraints = masks if masks.all else None
    best: list[Point] | None = None
    for seed in range(table.tries):
        found = _Try(table, constraints, seed).rows()
        best = found if best is None or len(found) < len(best) else best
        if len(best) == table.least:
            break
    return [{axis: row.get(axis, values[0]) for axis, values in axes.items()} for row in best or ()]


_Places = NDArray[np.intp]


class _Table:
    """Which value with which others is not covered yet: a line for each value, a column for each tuple of the others.

    For pairs both are the values. The columns are those of all ``strength - 1`` axes, and of these all values.
    """

    def __init__(
        self, axes: Mapping[str, Sequence[str]], strength: int, wanted: Sequence[tuple[tuple[str, str], ...]]
    ) -> None:
        self.axes = axes
        self.sizes = np.array([len(values) for values in axes.values()], dtype=np.intp)
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]]).astype(np.intp)
        subsets = list(itertools.combinations(range(len(axes)), strength - 1))
        shape = len(subsets), strength - 1
        self.subsets = np.array(subsets, dtype=np.intp).reshape(shape)
        widths = np.prod(self.sizes[self.subsets], axis=1, dtype=np.float64)
        elements = float(widths.sum()) * int(self.sizes.sum())
        if elements > MAX_TABLE:
            raise ValueError("there are too many values for an array")
        self.offsets = np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.intp)
        self.strides = np.array(
            [[math.prod(self.sizes[p] for p in subset[n + 1 :]) for n in range(len(subset))] for subset in subsets],
            dtype=np.intp,
        ).reshape(shape)
        # Seconds that a try takes, as a machine of 2026 takes them. How many rows there will be is guessed.
        largest = math.prod(sorted(map(len, axes.values()))[-strength:])
        step = 2e-5 + (2e-10 if elements <= _CACHED else 1e-9) * elements
        seconds = largest * (1 + math.log(len(axes)) / 2) * len(axes) * step
        self.weighed = elements <= _WEIGHED and seconds <= 2 * _SECONDS
        self.tries = min(_TRIES, max(1, int(_SECONDS / seconds))) if self.weighed else 1
        self.open: NDArray[Any] = np.zeros(
            (int(self.sizes.sum()), int(widths.sum())), np.float64 if self.weighed else np.bool_
        )
        place = {axis: n for n, axis in enumerate(axes)}
        number = [{value: n for n, value in enumerate(values)} for values in axes.values()]
        for one in wanted:
            self._want([(place[axis], number[place[axis]][value]) for axis, value in one])
        # A row has one tuple of each set of axes.
        self.least = max(Counter(tuple(axis for axis, _ in one) for one in wanted).values(), default=0)

    @functools.cached_property
    def _number(self) -> dict[tuple[int, ...], int]:
        return {tuple(subset): n for n, subset in enumerate(self.subsets.tolist())}

    @functools.cached_property
    def columns(self) -> list[tuple[_Places, _Places]]:
        """Of each axis: the columns that it is in, and the number that its value has in each of them."""
        found: list[list[tuple[_Places, _Places]]] = [[] for _ in self.sizes]
        for subset, offset, strides in zip(self.subsets, self.offsets, self.strides, strict=True):
            own = np.arange(int(np.prod(self.sizes[subset])))
            for place, stride in zip(subset, strides, strict=True):
                found[place].append((offset + own, own // stride % self.sizes[place]))
        none = np.zeros(0, dtype=np.intp)
        return [
            (np.concatenate([c for c, _ in each] or [none]), np.concatenate([v for _, v in each] or [none]))
            for each in found
        ]

    def _want(self, values: list[tuple[int, int]]) -> None:
        values.sort()
        for n, (axis, value) in enumerate(values):
            rest = values[:n] + values[n + 1 :]
            subset = self._number[tuple(place for place, _ in rest)]
            column = self.offsets[subset] + sum(v * s for (_, v), s in zip(rest, self.strides[subset], strict=True))
            self.open[self.starts[axis] + value, column] = True

    def lines(self, axis: int) -> slice:
        """The lines of an axis's values."""
        return slice(self.starts[axis], self.starts[axis] + self.sizes[axis])


class _Try:
    """One array, with its own ties."""

    def __init__(self, table: _Table, masks: Masks | None, seed: int) -> None:
        self.table = table
        self.open = table.open.copy()
        self.masks = masks
        self.names = list(table.axes)
        self.values = list(table.axes.values())
        self.random = random.Random(seed)  # noqa: S311 - ties
        self.line = 0  # those before it have nothing open

    def rows(self) -> list[Point]:
        """Rows until nothing is open."""
        found = []
        while (first := self._first()) is not None:
            row = self._weighed() if self.table.weighed else self._from(first)
            if not self._cover(row):  # the constraints left it nothing: so that it ends, it has one tuple at least
                row = self._from(first)
                self._cover(row)
            found.append({axis: self.values[place][row[place]] for place, axis in enumerate(self.names)})
        return found

    def _first(self) -> dict[int, int] | None:
        """A tuple that is not covered yet, as axis -> value; None when all are."""
        while self.line < len(self.open) and not self.open[self.line].any():
            self.line += 1
        if self.line == len(self.open):
            return None
        table = self.table
        axis = int(np.searchsorted(table.starts, self.line, "right")) - 1
        column = int(self.open[self.line].argmax())
        subset = int(np.searchsorted(table.offsets, column, "right")) - 1
        rest = (column - table.offsets[subset]) // table.strides[subset] % table.sizes[table.subsets[subset]]
        return {
            axis: int(self.line - table.starts[axis]),
            **dict(zip(table.subsets[subset].tolist(), rest.tolist(), strict=True)),
        }

    def _cover(self, row: Mapping[int, int]) -> bool:
        """Cover what the row has; whether any of it was open."""
        table = self.table
        values = np.array([row[place] for place in range(len(table.sizes))], dtype=np.intp)
        columns = table.offsets + (values[table.subsets] * table.strides).sum(axis=1)
        block = np.ix_(table.starts + values, columns)
        some = bool(self.open[block].any())
        self.open[block] = False
        return some

    def _weighed(self) -> dict[int, int]:
        """A row in the order of density."""
        table = self.table
        sizes = table.sizes.astype(np.float64)
        share = 1.0 / (sizes * sizes * sizes)  # of an open axis: what each of its values counts
        parts = np.ones(self.open.shape[1])
        for place, (columns, _) in enumerate(table.columns):
            parts[columns] *= share[place]
        weights = np.rint(parts * _ONE)
        row: dict[int, int] = {}
        free = np.ones(len(sizes), dtype=np.bool_)
        for _ in sizes:
            scores = self.open @ weights
            density = np.where(free, np.add.reduceat(scores, table.starts) / sizes, -1.0)
            best = np.flatnonzero(density == density.max())
            place = int(best[self._any(len(best))])
            row[place] = self._value(row, place, scores[table.lines(place)])
            free[place] = False
            columns, own = table.columns[place]
            parts[columns] = np.where(own == row[place], parts[columns] / share[place], 0.0)
            weights[columns] = np.rint(parts[columns] * _ONE)
        return row

    def _from(self, first: Mapping[int, int]) -> dict[int, int]:
        """A row that begins with a tuple; the other axes follow in their order."""
        table = self.table
        row = dict(first)
        for place in range(len(table.sizes)):
            if place in row:
                continue
            values = np.array([row.get(p, -1) for p in range(len(table.sizes))], dtype=np.intp)
            whole = (values[table.subsets] >= 0).all(axis=1)
            columns = table.offsets[whole] + (values[table.subsets[whole]] * table.strides[whole]).sum(axis=1)
            row[place] = self._value(row, place, self.open[table.lines(place)][:, columns].sum(axis=1))
        return row

    def _value(self, row: Mapping[int, int], place: int, scores: NDArray[Any]) -> int:
        """The value with the highest score, of those with which the row can still become a point."""
        if self.masks is None:
            best = np.flatnonzero(scores == scores.max())
            return int(best[self._any(len(best))])
        point = {self.names[p]: self.values[p][v] for p, v in row.items()}
        ties = [self.random.random() for _ in scores]
        for value in sorted(range(len(scores)), key=lambda n: (-scores[n], ties[n])):
            if self.masks.fits_none({**point, self.names[place]: self.values[place][value]}):
                return value
        raise ValueError(f"no point of the matrix has {point}")

    def _any(self, count: int) -> int:
        return int(self.random.random() * count)

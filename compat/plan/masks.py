"""Points and the partial points of ``exclude`` and ``include``: which of these fit, as bit masks.

A point is put together axis by axis, and a mask says which entries it may still fit: it loses those that want another
value. So nothing is compared twice, a part of the product that is excluded as a whole is never entered, and the points
can be counted without being made: what matters of a point so far is its mask, and there are few of them.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from compat.errors import MatrixError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

__all__ = ["MAX_STEPS", "Masks"]

# Exclusions that name many axes crosswise can ask for any number of these.
MAX_STEPS = 2_000_000  # of a count: a second or two
_SEARCH = 20  # times as many, shorter ones, while points are looked for
_MEMORY = 1 << 27  # bytes of masks that are remembered
_WIDE = 4096  # entries, from which on a mask costs more than a step


class Masks:
    """Axes with their values, and entries: each an axis -> the values that fit it, of axes that are there.

    ``where`` is the place in a file that a MatrixError names, of entries so entangled that no point is found in
    bounded time.
    """

    def __init__(
        self,
        axes: Mapping[str, Sequence[str]],
        entries: Sequence[Mapping[str, Collection[str]]] = (),
        where: str = "exclude",
    ) -> None:
        self.axes = axes
        self.where = where
        self._cost = 1 + len(entries) // _WIDE
        self._most = _MEMORY // (200 + len(entries) // 8)  # masks that are remembered
        self._steps = 0
        self._place = {axis: place for place, axis in enumerate(axes)}
        self.all = (1 << len(entries)) - 1
        self.done = [0] * len(axes)  # of each axis: the entries that name no later one
        self._places = [frozenset(self._place[axis] for axis in entry) for entry in entries]
        self._named: list[dict[str, int]] = [{} for _ in axes]  # of each axis: a value -> the entries that want it
        self._others = [self.all] * len(axes)  # of each axis: the entries that do not name it
        for index, entry in enumerate(entries):
            bit = 1 << index
            for axis, values in entry.items():
                place = self._place[axis]
                self._others[place] &= ~bit
                for value in values:
                    self._named[place][value] = self._named[place].get(value, 0) | bit
            if axes:
                self.done[max(self._places[index], default=0)] |= bit
        self.keep = [  # of each value: the entries that still fit once it is taken
            [others | own.get(value, 0) for value in values]
            for others, own, values in zip(self._others, self._named, axes.values(), strict=True)
        ]
        self._values = [frozenset(own) for own in axes.values()]
        self._choices = [list(dict.fromkeys(keep)) for keep in self.keep]
        self._live: dict[tuple[int, int], bool] = {}
        self._open: dict[tuple[int, frozenset[int]], bool] = {}

    def walk(self, bad: int) -> Iterator[tuple[tuple[str, ...], int]]:
        """Every point that fits no entry of ``bad``, the last axis fastest, and the mask of the entries that it fits.

        Lazy, and it never looks through a part of the product that has no point.
        """
        if not self.axes:
            return
        levels = [
            list(zip(values, keep, strict=True)) for values, keep in zip(self.axes.values(), self.keep, strict=True)
        ]
        last = len(levels) - 1
        done = [each & bad for each in self.done]
        stack = [iter(levels[0])]
        points: list[tuple[str, ...]] = [()]
        masks = [self.all]
        while stack:
            depth = len(stack) - 1
            point, mask, stop = points[depth], masks[depth], done[depth]
            if depth == last:
                for value, keep in stack.pop():
                    left = mask & keep
                    if not left & stop:
                        yield (*point, value), left
                points.pop()
                masks.pop()
                continue
            for value, keep in stack[depth]:
                left = mask & keep
                if not left & stop and self._lives(depth + 1, left & bad):
                    stack.append(iter(levels[depth + 1]))
                    points.append((*point, value))
                    masks.append(left)
                    break
            else:
                stack.pop()
                points.pop()
                masks.pop()

    def _lives(self, depth: int, mask: int) -> bool:
        """Whether the axes from ``depth`` on have values with which none of the entries in ``mask`` fits."""
        if not mask:
            return True
        while depth < len(self.keep) and not mask & ~self._others[depth]:
            depth += 1  # an axis that none of them names
        if depth == len(self.keep):
            return False
        known = self._live.get((depth, mask))
        if known is None:
            choices = {mask & keep for keep in self._choices[depth]}
            known = any(not left & self.done[depth] and self._lives(depth + 1, left) for left in choices)
            self._bound(len(self._choices[depth]), self._live)
            self._live[depth, mask] = known
        return known

    def fits_some(self, point: Mapping[str, str]) -> bool:
        """Whether a point, as far as it is known, fits an entry: whatever the axes that it lacks have."""
        mask, fixed = self._left(point)
        return bool(mask & ~self._naming(fixed))

    def fits_none(self, point: Mapping[str, str]) -> bool:
        """Whether a point that has these values exists, of those that fit no entry."""
        if any(value not in self._values[self._place[axis]] for axis, value in point.items()):
            return False  # a value that the axis lacks
        mask, fixed = self._left(point)
        try:
            return not mask or self._opens(mask, fixed)
        except RecursionError:
            raise self._tangled() from None

    def _left(self, point: Mapping[str, str]) -> tuple[int, frozenset[int]]:
        """The entries that still fit, and the axes that are known."""
        mask = self.all
        for axis, value in point.items():
            place = self._place[axis]
            mask &= self._others[place] | self._named[place].get(value, 0)
        return mask, frozenset(self._place[axis] for axis in point)

    def _naming(self, fixed: Collection[int]) -> int:
        """The entries that name an axis that is not ``fixed``."""
        named = 0
        for place, others in enumerate(self._others):
            if place not in fixed:
                named |= self.all & ~others
        return named

    def _opens(self, mask: int, fixed: frozenset[int]) -> bool:
        """Whether the other axes have values with which none of the entries in ``mask`` fits."""
        known = self._open.get((mask, fixed))
        if known is not None:
            return known
        found = False
        if not mask & ~self._naming(fixed):  # else one of them fits already
            place = next(p for p, others in enumerate(self._others) if p not in fixed and mask & ~others)
            # The value that the fewest entries want comes first: most often it is one that none of them names.
            self._bound(len(self._choices[place]), self._open)
            choices = sorted({mask & keep for keep in self._choices[place]}, key=lambda left: (left.bit_count(), left))
            if choices[0] == mask & self._others[place]:
                choices = choices[:1]  # no other value leaves less
            found = any(not left or self._opens(left, fixed | {place}) for left in choices)
        self._open[mask, fixed] = found
        return found

    def _bound(self, steps: int, known: dict[Any, bool]) -> None:
        self._steps += steps * self._cost
        if self._steps > _SEARCH * MAX_STEPS:
            raise self._tangled()
        if len(known) >= self._most:
            known.clear()

    def _tangled(self) -> MatrixError:
        problem = "these exclusions are too entangled to find the points that are left"
        return MatrixError(self.where, problem, "exclude less, or name fewer axes in an entry")

    def count(self, most: int = MAX_STEPS) -> tuple[list[int], int] | None:
        """Of the whole product: the points that each entry is the first to fit, and those that none fits.

        Exact, for products of any size. None where the entries are so entangled that it would take more than ``most``
        steps.
        """
        first, none, steps = [0] * len(self._places), 0, 0
        rest = math.prod(len(values) for values in self.axes.values())
        if not self.axes:
            return first, 0
        if not self.all:
            return first, rest
        order = self._order()
        ends = [0] * len(order)  # at each step: the entries that name no axis after it
        rank = {place: number for number, place in enumerate(order)}
        for index, own in enumerate(self._places):
            ends[max((rank[place] for place in own), default=0)] |= 1 << index
        states, done = {self.all: 1}, 0
        for place, ended in zip(order, ends, strict=True):
            groups = Counter(self.keep[place])
            rest //= len(self.keep[place])
            done |= ended
            after: dict[int, int] = {}
            steps += len(states) * len(groups) * self._cost
            if steps > most or len(states) > self._most:
                return None
            for mask, ways in states.items():
                for keep, times in groups.items():
                    left, more = mask & keep, ways * times
                    fitted = left & done
                    if fitted:
                        lowest = fitted & -fitted
                        left &= 2 * lowest - 1  # what comes after an entry that fits is not the first
                        if left == lowest:
                            first[lowest.bit_length() - 1] += more * rest
                            continue
                    if left:
                        after[left] = after.get(left, 0) + more
                    else:
                        none += more * rest
            states = after
        return first, none

    def _order(self) -> list[int]:
        """The axes, so that few entries are begun and not ended at a time; those that none names come last."""
        named = [place for place in range(len(self.keep)) if self._others[place] != self.all]
        free = [place for place in range(len(self.keep)) if self._others[place] == self.all]
        if len(named) ** 2 * len(self._places) > MAX_STEPS // 10:
            return named + free
        order: list[int] = []
        seen: set[int] = set()
        while named:
            open_ = {
                place: sum(1 for own in self._places if own & (seen | {place}) and not own <= seen | {place})
                for place in named
            }
            best = min(named, key=lambda place: (open_[place], place))
            order.append(best)
            seen.add(best)
            named.remove(best)
        return order + free

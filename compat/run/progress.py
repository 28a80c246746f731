"""Where measuring stands, for people who wait for it: what is done, what is open, and how long that will take.

What a pair costs is learnt from the pairs that were measured; a generation's start, of both runtimes, has a price of
its own. How many pairs are wanted is the judge's last answer: so that is the least, and later rounds may ask for more.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

__all__ = ["Course", "Lacking", "Pace", "Progress"]

_SOME, _SHARE = 3, 0.25  # so many of what is open, and this share of it, are measured before they stand for the others
_LOOK = 1.0  # seconds from one look for the case that takes longest to the next: there may be ten thousand

Spot = TypeVar("Spot", bound=Hashable)  # a case in one place


@dataclass(frozen=True)
class Progress:
    """Where measuring stands. Times are seconds."""

    generation: int
    pairs: int  # that exist by now; runs, where stacks cannot share a node
    done: int  # cases that want no more
    cases: int
    elapsed: float  # in this call
    item: str = ""  # the one that was measured last
    wanted: int = 0  # pairs that there will be at least
    cells_done: int = 0  # cells of which no case wants more
    cells: int = 0
    least: float | None = None  # until all that is wanted by now is measured; None while that is not known
    most: float | None = None  # until all that later rounds may ask for is measured, too
    budget: float = math.inf  # until it is spent
    waits_for: str = ""  # the open case that will take longest

    def after(self, seconds: float) -> Progress:
        """The same so much later, when nothing new is known."""
        least, most = (None if one is None else max(0.0, one - seconds) for one in (self.least, self.most))
        budget = max(0.0, self.budget - seconds)
        return replace(self, elapsed=self.elapsed + seconds, least=least, most=most, budget=budget)


@dataclass(frozen=True)
class Lacking:
    """The pairs that a case lacks in one place by now, and how many more later rounds may ask for."""

    pairs: int
    later: int = 0


@dataclass
class _Sum:
    """What is open, summed up: seconds of what was measured before, and pairs of what was not."""

    seconds: float = 0.0
    later: float = 0.0
    pairs: int = 0
    pairs_later: int = 0

    def add(self, lacking: Lacking, cost: float | None, sign: int = 1) -> None:
        if cost is None:
            self.pairs += sign * lacking.pairs
            self.pairs_later += sign * lacking.later
        else:
            self.seconds += sign * lacking.pairs * cost
            self.later += sign * lacking.later * cost


class Course(Generic[Spot]):
    """What measuring costs and what is still wanted, from which the time follows that is left.

    ``spots``: each case in each place, with the names of the case and of its cell. ``budget``: seconds after which no
    generation begins. ``each``: pairs of a spot in one generation. An answer takes as long for ten spots as for many.
    """

    def __init__(self, spots: Mapping[Spot, tuple[str, str]], budget: float, each: int) -> None:
        self._spots = spots
        self._cases = len({case for case, _ in spots.values()})
        self._cells = len({cell for _, cell in spots.values()})
        self._budget, self._each = budget, max(1, each)
        self._cost: dict[Spot, tuple[float, int]] = {}  # of a lane: seconds, and the pairs that they were for
        self._whole = (0.0, 0)  # the same of all spots
        self._lanes = 0.0  # seconds of all lanes, which may be several at once
        self._starts: list[float] = []  # seconds of them that starts took, by generation
        self._open: dict[Spot, Lacking] = {}
        self._sum = _Sum()
        self._lacking = 0  # pairs
        self._ahead = self._far = 0  # generations after this one, for what is wanted by now and for all that may be
        self._met = 0  # open spots whose cost is known
        self._done = self._cells_done = 0
        self._slowest: tuple[float, str] = (-math.inf, "")  # when it was looked for, and which it is

    def begin(self, still_open: Mapping[Spot, Lacking]) -> None:
        """A generation begins, in which each of these is measured."""
        self._open = dict(still_open)
        self._starts.append(0.0)
        self._sum = _Sum()
        for spot, lacking in self._open.items():
            self._sum.add(lacking, self._cost_of(spot))
        self._lacking = sum(lacking.pairs for lacking in self._open.values())
        self._met = sum(spot in self._cost for spot in self._open)
        self._ahead = self._generations(max((one.pairs for one in self._open.values()), default=0)) - 1
        self._far = self._generations(max((one.pairs + one.later for one in self._open.values()), default=0)) - 1
        names = [self._spots[spot] for spot in self._open]
        self._done = self._cases - len({case for case, _ in names})
        self._cells_done = self._cells - len({cell for _, cell in names})
        self._slowest = (-math.inf, "")

    def _generations(self, pairs: int) -> int:
        return max(1, math.ceil(pairs / self._each))

    def _cost_of(self, spot: Spot) -> float | None:
        seconds, pairs = self._cost.get(spot, (0.0, 0))
        return seconds / pairs if pairs else None

    def measured(self, spots: Sequence[Spot], seconds: float, started: float = 0.0) -> None:
        """A lane took ``seconds`` for a pair of each of ``spots``, of which ``started`` to start its probes."""
        self._lanes += seconds
        self._starts[-1] += started
        each = max(0.0, seconds - started) / len(spots)
        for spot in spots:
            lacking = self._open.get(spot, Lacking(0))
            left = replace(lacking, pairs=max(0, lacking.pairs - 1))
            self._sum.add(lacking, self._cost_of(spot), -1)
            self._met += spot in self._open and spot not in self._cost
            known, pairs = self._cost.get(spot, (0.0, 0))
            self._cost[spot] = known + each, pairs + 1
            self._whole = self._whole[0] + each, self._whole[1] + 1
            self._sum.add(left, self._cost_of(spot))
            self._lacking -= lacking.pairs - left.pairs
            self._open[spot] = left

    def progress(self, generation: int, pairs: int, elapsed: float, item: str = "") -> Progress:
        """Where it stands when so many pairs exist, ``elapsed`` seconds after the beginning."""
        least, most = self._left(elapsed)
        return Progress(
            generation=generation,
            pairs=pairs,
            done=self._done,
            cases=self._cases,
            elapsed=elapsed,
            item=item,
            wanted=pairs + self._lacking,
            cells_done=self._cells_done,
            cells=self._cells,
            least=least,
            most=most,
            budget=max(0.0, self._budget - elapsed),
            waits_for=self._waits_for(elapsed),
        )

    def _left(self, elapsed: float) -> tuple[float | None, float | None]:
        """Seconds until what is wanted by now is measured, and until all is that may be wanted."""
        seconds, pairs = self._whole
        if not self._lanes or self._met < min(len(self._open), max(_SOME, math.ceil(_SHARE * len(self._open)))):
            return None, None
        found, mean = self._sum, seconds / pairs
        starts = self._starts[:-1] or self._starts
        start = sum(starts) / len(starts)
        wall = elapsed / self._lanes  # several lanes at once take less, and what is between generations more
        now = max(0.0, found.seconds) + found.pairs * mean
        now += max(0.0, start - self._starts[-1])  # those of this generation that are to come
        later = max(0.0, found.later) + found.pairs_later * mean
        return wall * (now + self._ahead * start), wall * (now + later + self._far * start)

    def _waits_for(self, elapsed: float) -> str:
        """The open case that will take longest, of those that take as long the one that it was."""
        if elapsed - self._slowest[0] >= _LOOK and self._open:
            mean = self._whole[0] / self._whole[1] if self._whole[1] else 0.0

            def left(spot: Spot) -> float:
                cost = self._cost_of(spot)
                return self._open[spot].pairs * (mean if cost is None else cost)

            self._slowest = elapsed, self._spots[max(self._open, key=left)][0]
        return self._slowest[1]


class Pace:
    """Says when a progress line is due where lines cannot be rewritten: the first one, then one every ten seconds."""

    def __init__(self, seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._next = 0.0

    def due(self, progress: Progress) -> bool:
        """Whether to print ``progress``."""
        if progress.elapsed < self._next:
            return False
        self._next = progress.elapsed + self._seconds
        return True

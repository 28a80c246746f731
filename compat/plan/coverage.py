"""Coverage: which of the matrix's points a ring takes.

- ``full``: all of them.
- ``changed``: those on the way, in which every axis has its known-good or its candidate value; with every model.
- ``pairwise``, ``3-wise`` to ``6-wise``: few that have every pair (every t) of values that some point has.

The known-good and the candidate stack, with all their models, belong to every ring. Tuples are those of the free axes
(``compat.plan.space``): what follows from the runtime is covered where the runtime is.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from compat.errors import MatrixError
from compat.plan.covering import MAX_TUPLES, check, count_tuples, cover
from compat.plan.masks import Masks
from compat.plan.words import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from compat.model import Stack
    from compat.plan.expand import Point
    from compat.plan.schema import RingSpec
    from compat.plan.space import Space, StackPoint
    from compat.plan.yaml_file import YamlFile

__all__ = ["MAX_POINTS", "RingPoints", "ring_points", "strength_of"]

MAX_POINTS = 20_000  # of a ring: each is a cell with cases of its own


@dataclass(frozen=True)
class RingPoints:
    """The points that a ring takes, of how many (None: too entangled to be counted).

    ``covered`` of the ``tuples`` of ``strength`` values that the matrix's points have are in them; ``impossible`` are
    those that no point has. ``tuples`` is None where nobody counted them: all are covered, or they are too many.
    """

    coverage: str
    points: tuple[StackPoint, ...]
    of: int | None
    axes: tuple[str, ...] = ()
    strength: int = 2
    covered: int = 0
    tuples: int | None = None
    impossible: tuple[Point, ...] = ()


def strength_of(coverage: str) -> int:
    """How many values are a tuple: 2 of ``pairwise``, t of ``t-wise``; 2 of all else."""
    head = coverage.partition("-wise")[0]
    return int(head) if head.isdecimal() else 2


def ring_points(
    file: YamlFile, index: int, ring: RingSpec, space: Space, known_good: Stack, candidate: Stack
) -> RingPoints:
    """What the ring takes of the points. MatrixError where it is more than can be planned."""
    where = file.where("rings", index, "coverage")
    name = f"coverage: {ring.coverage} of the ring {ring.name!r}"
    if ring.coverage == "full":
        found = _few(space.walk())
        if found is None:
            many = f"{MAX_POINTS + 1} points or more" if space.count is None else f"{number(space.count)} points"
            remedy = "say coverage: changed or coverage: pairwise, or exclude more"
            raise MatrixError(where, f"{name} comes to {many}, and a plan has at most {MAX_POINTS}", remedy)
        return RingPoints("full", found, space.count)
    if ring.coverage == "changed":
        found = _few(space.walk({axis: {known_good[axis], candidate[axis]} for axis in known_good}))
    else:
        always = [point for stack in (known_good, candidate) for point in _models_of(space, stack)]
        try:
            found = _few([*always, *_chosen(space, strength_of(ring.coverage), known_good, always)])
        except ValueError as error:
            remedy = "say coverage: changed, or give the axes fewer values"
            raise MatrixError(where, f"{name}: {error}", remedy) from None
    if found is None:
        problem = f"{name} comes to more than {MAX_POINTS} points"
        raise MatrixError(where, problem, "exclude more, or give the axes fewer values")
    return _counted(ring, space, known_good, found)


def _few(points: Iterable[StackPoint]) -> tuple[StackPoint, ...] | None:
    """The points; None where they are too many."""
    found = tuple(itertools.islice(points, MAX_POINTS + 1))
    return found if len(found) <= MAX_POINTS else None


def _chosen(space: Space, strength: int, known_good: Stack, always: Sequence[StackPoint]) -> list[StackPoint]:
    """Points that have the tuples that are not in ``always``. ValueError where they are too many to look at."""
    domain = _Domain(space, known_good)
    known = {_key(domain.free(point)): point for point in domain.others}
    rows = cover(domain.masks, strength, [*map(domain.free, domain.others)], domain.only(always), MAX_POINTS)
    return [known.get(_key(row)) or space.point(row) for row in rows]


def _key(values: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(values.items())


def _models_of(space: Space, stack: Stack) -> Iterable[StackPoint]:
    return space.walk({axis: (value,) for axis, value in stack.items() if axis != "model"})


def _counted(ring: RingSpec, space: Space, known_good: Stack, found: Sequence[StackPoint]) -> RingPoints:
    """What the points cover, by the check alone."""
    domain = _Domain(space, known_good)
    several = tuple(axis for axis, values in domain.masks.axes.items() if len(values) > 1)
    strength = min(strength_of(ring.coverage), len(several))
    taken = RingPoints(ring.coverage, tuple(found), space.count, several, strength)
    if count_tuples(domain.masks.axes, strength) > MAX_TUPLES:
        return taken
    others = [*map(domain.free, domain.others)]
    checked = check(domain.masks, domain.only(found), strength, others)
    own = space.free
    impossible = tuple(one for one in checked.impossible if all(value in own[axis] for axis, value in one.items()))
    return replace(taken, covered=checked.covered, tuples=checked.tuples, impossible=impossible)


class _Domain:
    """The points that can be compared, by the free axes: what a covering array is made of.

    The axes have all values that points have, also those that only ``include`` brings, in ``others``. A model that the
    known-good stack does not run is nobody's: no cell that has it is compared.
    """

    def __init__(self, space: Space, known_good: Stack) -> None:
        self.space = space
        models = {model for _, model in space.own if model is not None} | {*space.free.get("model", ())}
        self.nowhere = {model for model in models if space.excludes(known_good, model)}
        self.others = [point for point in space.own if point[1] not in self.nowhere]
        axes: dict[str, Sequence[str]] = {}
        forbidden = list(space.entries)
        own = [self.free(point) for point in self.others]
        for axis, values in space.free.items():
            known = set(values)
            brought = dict.fromkeys(point[axis] for point in own if axis in point and point[axis] not in known)
            axes[axis] = [*values, *brought]
            if brought:
                forbidden.append({axis: [*brought]})
        if self.nowhere:
            forbidden.append({"model": self.nowhere})
        self.masks = Masks(axes, forbidden, space.where)

    def free(self, point: StackPoint) -> Point:
        """A point by the free axes."""
        stack, model = point
        values = stack if model is None else {**stack, "model": model}
        return {axis: values[axis] for axis in self.space.free if axis in values}

    def only(self, points: Iterable[StackPoint]) -> list[Point]:
        """Those of the points that can be compared."""
        return [self.free(point) for point in points if point[1] not in self.nowhere]

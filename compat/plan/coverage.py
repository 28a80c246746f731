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
from compat.plan.words import number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

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
            found = _few([*always, *_chosen(space, strength_of(ring.coverage), always)])
        except ValueError as error:
            remedy = "say coverage: changed, or give the axes fewer values"
            raise MatrixError(where, f"{name}: {error}", remedy) from None
    if found is None:
        problem = f"{name} comes to more than {MAX_POINTS} points"
        raise MatrixError(where, problem, "exclude more, or give the axes fewer values")
    return _counted(ring, space, found)


def _few(points: Iterable[StackPoint]) -> tuple[StackPoint, ...] | None:
    """The points; None where they are too many."""
    found = tuple(itertools.islice(points, MAX_POINTS + 1))
    return found if len(found) <= MAX_POINTS else None


def _chosen(space: Space, strength: int, always: Sequence[StackPoint]) -> list[StackPoint]:
    """Points that have the tuples that are not in ``always``. ValueError where they are too many to look at."""
    axes, forbidden = _axes(space)
    others = [_free(space, point) for point in space.own]
    known = {_key(values): point for values, point in zip(others, space.own, strict=True)}
    rows = cover(axes, strength, forbidden, others, [_free(space, point) for point in always])
    return [known.get(_key(row)) or space.point(row) for row in rows]


def _key(values: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(values.items())


def _models_of(space: Space, stack: Stack) -> Iterable[StackPoint]:
    return space.walk({axis: (value,) for axis, value in stack.items() if axis != "model"})


def _counted(ring: RingSpec, space: Space, found: Sequence[StackPoint]) -> RingPoints:
    """What the points cover, by the check alone."""
    axes, forbidden = _axes(space)
    several = tuple(axis for axis, values in axes.items() if len(values) > 1)
    strength = min(strength_of(ring.coverage), len(several))
    taken = RingPoints(ring.coverage, tuple(found), space.count, several, strength)
    if count_tuples(axes, strength) > MAX_TUPLES:
        return taken
    others = [_free(space, point) for point in space.own]
    checked = check(axes, [_free(space, point) for point in found], strength, forbidden, others)
    own = space.free
    impossible = tuple(one for one in checked.impossible if all(value in own[axis] for axis, value in one.items()))
    return replace(taken, covered=checked.covered, tuples=checked.tuples, impossible=impossible)


def _axes(space: Space) -> tuple[dict[str, Sequence[str]], list[dict[str, Collection[str]]]]:
    """The free axes with all values that points have, and what is forbidden, such as values that ``include`` brings."""
    axes: dict[str, Sequence[str]] = {}
    forbidden = list(space.entries)
    own = [_free(space, point) for point in space.own]
    for axis, values in space.free.items():
        brought = dict.fromkeys(point[axis] for point in own if axis in point)
        new = [value for value in brought if value not in values]
        axes[axis] = [*values, *new]
        if new:
            forbidden.append({axis: new})
    return axes, forbidden


def _free(space: Space, point: StackPoint) -> Point:
    """A point by the free axes."""
    stack, model = point
    values = stack if model is None else {**stack, "model": model}
    return {axis: values[axis] for axis in space.free if axis in values}

"""Covering arrays: few points that have every pair of values (or every t of them) that the points of a matrix have.

``compat.plan.density`` makes them: it is our own for what the libraries lacked (2026-11). pypict, the binding of
Microsoft's PICT, has no wheels, and its last release (0.3.0, 2021) does not build. allpairspy 2.5.1 (2023) takes 219
rows for 10^20, 9 more than PICT; covertable 3.2.0 by its defaults takes 13 for 3^4, and a minute for 2^100; coverwise
1.6.1 takes 62 rows more than PICT for the six models of ``tests/bench/test_plan.py``, and brings a program for two
processors instead of a module.

What was made is not trusted: ``check`` looks at nothing but the points and the constraints.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from compat.plan.expand import Point
    from compat.plan.masks import Masks

__all__ = ["MAX_TUPLES", "Checked", "check", "count_tuples", "cover"]

MAX_TUPLES = 200_000  # that are looked at one by one

Tuple = tuple[tuple[str, str], ...]  # axes with a value each, in the order of the matrix


@dataclass(frozen=True)
class Checked:
    """Of the tuples of values that points of the matrix have: how many there are, and how many of them are covered.

    ``impossible`` are those that no point has. ``missing`` could be covered and are not.
    """

    covered: int
    tuples: int
    impossible: tuple[Point, ...]
    missing: tuple[Point, ...]


def count_tuples(axes: Mapping[str, Sequence[str]], strength: int) -> int:
    """How many tuples of ``strength`` values there are, possible or not, of the axes that have several values."""
    sums = [1] + [0] * strength  # elementary symmetric polynomials of the axes' sizes
    several = [len(values) for values in axes.values() if len(values) > 1]
    for size in several:
        for number in range(strength, 0, -1):
            sums[number] += size * sums[number - 1]
    return sums[min(strength, len(several))]


def cover(
    masks: Masks,
    strength: int,
    others: Sequence[Mapping[str, str]] = (),
    given: Sequence[Mapping[str, str]] = (),
    most: int = MAX_TUPLES,
) -> list[Point]:
    """Points that, with ``given``, have every tuple of ``strength`` values that a point of the matrix has.

    Its points are the product of the axes of ``masks`` without those that fit an entry, and ``others``, which may lack
    an axis. Axes with one value count for nothing; where no more than ``strength`` are left, it takes all points.
    The same for the same input. ValueError where tuples are more than ``MAX_TUPLES``, where it would take more than
    ``most`` points, and where what was made fails the ``check``.
    """
    from compat.plan.density import rows  # which imports numpy

    axes = masks.axes
    if count_tuples(axes, strength) > MAX_TUPLES:
        raise ValueError(f"{count_tuples(axes, strength)} tuples are more than {MAX_TUPLES}")
    several = {axis: values for axis, values in axes.items() if len(values) > 1}
    strength = min(strength, len(several))
    there = _covered(several, given, strength)
    chosen = []
    for point in others:
        own = _covered(several, [point], strength) - there
        if any(not masks.fits_none(dict(one)) for one in own):
            chosen.append(dict(point))
            there |= own
    if strength:
        wanted = [one for one in _tuples(several, strength) if one not in there and masks.fits_none(dict(one))]
        alike = Counter(tuple(axis for axis, _ in one) for one in wanted)  # of which a point has one each
        if max(alike.values(), default=0) + len(given) > most:
            raise ValueError(f"it takes more than {most} points")
        chosen += rows(masks, strength, wanted)
    found = check(masks, [*given, *chosen], strength, others)
    if found.missing:
        raise ValueError(f"{len(found.missing)} tuples were not covered, such as {found.missing[0]}")
    return chosen


def check(
    masks: Masks,
    points: Sequence[Mapping[str, str]],
    strength: int,
    others: Sequence[Mapping[str, str]] = (),
) -> Checked:
    """What ``points`` cover; the other arguments are those of ``cover``. ValueError for one that the matrix lacks."""
    several = {axis: values for axis, values in masks.axes.items() if len(values) > 1}
    strength = min(strength, len(several))
    besides = {frozenset(point.items()) for point in others}
    strange = [one for one in points if not masks.fits_none(one) and frozenset(one.items()) not in besides]
    if strange:
        raise ValueError(f"{strange[0]} is not a point of the matrix")
    covered, added = _covered(several, points, strength), _covered(several, others, strength)
    count = tuples = 0
    impossible, missing = [], []
    for one in _tuples(several, strength) if strength else ():
        if one in covered:
            count += 1
        elif one not in added and not masks.fits_none(dict(one)):
            impossible.append(dict(one))
            continue
        else:
            missing.append(dict(one))
        tuples += 1
    return Checked(count, tuples, tuple(impossible), tuple(missing))


def _tuples(axes: Mapping[str, Sequence[str]], strength: int) -> Iterator[Tuple]:
    for names in itertools.combinations(axes, strength):
        for values in itertools.product(*(axes[axis] for axis in names)):
            yield tuple(zip(names, values, strict=True))


def _covered(axes: Mapping[str, Sequence[str]], points: Sequence[Mapping[str, str]], strength: int) -> set[Tuple]:
    """The tuples that the points have, of these axes."""
    return {
        one
        for point in points
        for one in itertools.combinations([(axis, point[axis]) for axis in axes if axis in point], strength)
    }

"""Masks against a walk through the whole product."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat.errors import MatrixError
from compat.plan.masks import Masks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Axes = dict[str, list[str]]
Entries = list[dict[str, list[str]]]


@st.composite
def spaces(draw: st.DrawFn) -> tuple[Axes, Entries]:
    axes = {f"a{n}": [str(v) for v in range(draw(st.integers(1, 4)))] for n in range(draw(st.integers(1, 5)))}
    entry = st.fixed_dictionaries(
        {}, optional={axis: st.lists(st.sampled_from([*values, "none"]), min_size=1) for axis, values in axes.items()}
    )
    return axes, draw(st.lists(entry, max_size=7))


def fits(point: Mapping[str, str], entry: Mapping[str, Sequence[str]]) -> bool:
    return all(point[axis] in values for axis, values in entry.items())


def product(axes: Axes) -> list[dict[str, str]]:
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


@given(spaces())
def test_the_count_is_that_of_a_walk(space: tuple[Axes, Entries]) -> None:
    axes, entries = space
    first, none = [0] * len(entries), 0
    for point in product(axes):
        index = next((n for n, entry in enumerate(entries) if fits(point, entry)), None)
        if index is None:
            none += 1
        else:
            first[index] += 1
    assert Masks(axes, entries).count() == (first, none)


@given(spaces())
def test_the_walk_has_every_point_in_order_and_what_it_fits(space: tuple[Axes, Entries]) -> None:
    axes, entries = space
    masks = Masks(axes, entries)
    bad = masks.all & 0b1010101
    expected = []
    for point in product(axes):
        mask = sum(1 << n for n, entry in enumerate(entries) if fits(point, entry))
        if not mask & bad:
            expected.append((tuple(point.values()), mask))
    assert list(masks.walk(bad)) == expected


@given(spaces(), st.data())
def test_part_of_a_point_becomes_a_point_or_not(space: tuple[Axes, Entries], data: st.DataObject) -> None:
    axes, entries = space
    masks = Masks(axes, entries)
    part = data.draw(
        st.fixed_dictionaries({}, optional={axis: st.sampled_from([*own, "none"]) for axis, own in axes.items()})
    )
    good = [point for point in product(axes) if not any(fits(point, entry) for entry in entries)]
    assert masks.fits_none(part) == any(part.items() <= point.items() for point in good)
    known = [entry for entry in entries if entry.keys() <= part.keys()]
    assert masks.fits_some(part) == any(fits(part, entry) for entry in known)


def test_without_axes_there_is_no_point() -> None:
    assert Masks({}, []).count() == ([], 0)
    assert list(Masks({}, []).walk(0)) == []


def test_a_trillion_points_with_forty_exclusions_are_counted() -> None:
    rng = random.Random(1)  # noqa: S311 - the same each time
    axes = {f"a{n}": [str(v) for v in range(100)] for n in range(6)}
    entries = [{f"a{n}": [str(rng.randrange(100))] for n in rng.sample(range(6), 2)} for _ in range(40)]
    counted = Masks(axes, entries).count()
    assert counted is not None
    first, none = counted
    assert none + sum(first) == 100**6
    assert first[0] == 100**4
    assert all(0 < number <= 100**4 for number in first)


def test_a_part_that_is_excluded_as_a_whole_is_not_entered() -> None:
    """Of the first nine values of the first axis each has 10^29 points, and none that is not excluded."""
    axes = {f"a{n}": [str(v) for v in range(10)] for n in range(30)}
    entries = [{"a0": [str(first)], "a29": [str(last)]} for first in range(9) for last in range(10)]
    values, mask = next(Masks(axes, entries).walk((1 << 90) - 1))
    assert (values[0], values[1:], mask) == ("9", ("0",) * 29, 0)


def test_what_is_too_entangled_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(1)  # noqa: S311 - the same each time
    axes = {f"a{n:02}": ["0", "1", "2"] for n in range(40)}
    entries = [{axis: [rng.choice("012")] for axis in rng.sample(list(axes), 3)} for _ in range(200)]
    assert Masks(axes, entries).count(most=10_000) is None
    monkeypatch.setattr("compat.plan.masks.MAX_STEPS", 1)
    with pytest.raises(MatrixError) as caught:
        Masks(axes, entries, "FILE:3").fits_none({})
    said = (
        "FILE:3: these exclusions are too entangled to find the points that are left; exclude less, or name fewer axes"
    )
    assert str(caught.value) == f"{said} in an entry"

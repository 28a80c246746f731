"""Covering arrays: that they cover, that the check sees when they do not, and that they are small."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compat.plan import covering, density
from compat.plan.covering import check, count_tuples, cover
from compat.plan.masks import Masks

from .test_masks import fits, product, spaces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .test_masks import Axes, Entries


def axes_of(*sizes: int) -> Axes:
    return {f"a{n}": [str(value) for value in range(size)] for n, size in enumerate(sizes)}


def tuples(axes: Axes, points: Sequence[Mapping[str, str]], strength: int) -> set[tuple[tuple[str, str], ...]]:
    """What the points have, the slow way."""
    several = [axis for axis in axes if len(axes[axis]) > 1]
    return {
        one
        for point in points
        for one in itertools.combinations([(axis, point[axis]) for axis in several], min(strength, len(several)))
        if one
    }


@mock.patch.object(density, "_TRIES", 2)
@settings(deadline=None)
@given(spaces(), st.integers(2, 6), st.data())
def test_every_tuple_that_some_point_has_is_covered(
    space: tuple[Axes, Entries], strength: int, data: st.DataObject
) -> None:
    axes, entries = space
    masks = Masks(axes, entries)
    every = product(axes)
    good = [point for point in every if not any(fits(point, entry) for entry in entries)]
    others = data.draw(st.lists(st.sampled_from(every), max_size=2))
    given_ = data.draw(st.lists(st.sampled_from(good), max_size=2)) if good else []
    found = cover(masks, strength, others, given_)
    assert all(point in good or point in others for point in found)
    assert tuples(axes, [*found, *given_], strength) == tuples(axes, [*good, *others], strength)
    checked = check(masks, [*found, *given_], strength, others)
    if any(len(values) > 1 for values in axes.values()):
        assert checked.covered == checked.tuples == len(tuples(axes, [*good, *others], strength))
        assert checked.tuples + len(checked.impossible) == count_tuples(axes, strength)
    assert checked.missing == ()
    assert found == cover(Masks(axes, entries), strength, others, given_)


# PICT's published sizes (https://www.pairwise.org/efficiency.html and PICT's own manual): none may be exceeded.
@pytest.mark.parametrize(
    ("sizes", "published"),
    [
        ([3] * 4, 9),
        ([3] * 13, 18),
        ([4] * 15 + [3] * 17 + [2] * 29, 37),
        ([4] + [3] * 39 + [2] * 35, 27),
        ([2] * 100, 15),
        ([10] * 20, 210),
    ],
)
def test_arrays_are_no_larger_than_those_of_pict(sizes: list[int], published: int) -> None:
    masks = Masks(axes_of(*sizes))
    found = cover(masks, 2)
    assert len(found) <= published
    checked = check(masks, found, 2)
    assert (checked.covered, checked.missing) == (count_tuples(masks.axes, 2), ())


def test_tuples_of_three_and_more() -> None:
    masks = Masks(axes_of(*[3] * 7))
    sizes = [len(cover(masks, strength)) for strength in (2, 3, 4, 5, 6)]
    assert sizes == sorted(sizes)
    assert [size >= 3**strength for strength, size in zip((2, 3, 4, 5, 6), sizes, strict=True)] == [True] * 5
    assert sizes[1] <= 55
    assert sizes[4] < 3**7


def test_where_there_are_no_more_axes_than_values_in_a_tuple_it_is_the_product() -> None:
    assert len(cover(Masks(axes_of(3, 2, 1)), 2)) == 6
    assert len(cover(Masks(axes_of(3, 2, 1)), 6)) == 6
    assert len(cover(Masks(axes_of(1, 5, 1)), 2)) == 5
    assert cover(Masks(axes_of(1, 1)), 2) == []


def test_many_values_are_covered_without_weighing_them() -> None:
    """Beyond some number of values a row begins with a tuple that is open; every pair of the first axes needs a row."""
    masks = Masks(axes_of(1200, 3, 3))
    found = cover(masks, 2)
    assert len(found) == 3600
    assert check(masks, found, 2).missing == ()


def test_what_is_missing_is_seen() -> None:
    masks = Masks(axes_of(2, 2, 2))
    found = cover(masks, 2)
    assert len(found) == 4
    checked = check(masks, found[1:], 2)
    assert len(checked.missing) == 3
    assert (checked.covered, checked.tuples) == (9, 12)
    with pytest.raises(ValueError, match="is not a point of the matrix"):
        check(Masks(axes_of(2, 2, 2), [{"a0": ["1"], "a1": ["1"]}]), [{"a0": "1", "a1": "1", "a2": "0"}], 2)


def test_an_array_that_does_not_cover_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = density.rows
    monkeypatch.setattr(density, "rows", lambda masks, strength, wanted: made(masks, strength, wanted)[1:])
    with pytest.raises(ValueError, match="tuples were not covered, such as"):
        cover(Masks(axes_of(3, 3, 3)), 2)


def test_impossible_tuples_are_listed_also_those_that_no_entry_names() -> None:
    """a0=1 with a1=1 is excluded with each value of a2: the pair is impossible, and no entry says so."""
    masks = Masks(axes_of(2, 2, 2), [{"a0": ["1"], "a1": ["1"], "a2": [value]} for value in "01"])
    found = cover(masks, 2)
    checked = check(masks, found, 2)
    assert checked.impossible == ({"a0": "1", "a1": "1"},)
    assert (checked.covered, checked.tuples) == (11, 11)


def test_too_many_tuples_are_refused_before_they_are_made() -> None:
    with pytest.raises(ValueError, match="1000000 tuples are more than 200000"):
        cover(Masks(axes_of(1000, 1000)), 2)
    assert count_tuples(axes_of(*[100] * 30), 6) > 10**17
    assert count_tuples(axes_of(3, 3, 3, 1), 2) == 27
    assert covering.MAX_TUPLES == 200_000


def test_the_same_array_in_another_process_with_other_hashes() -> None:
    code = (
        "from compat.plan.covering import cover; from compat.plan.masks import Masks\n"
        "axes = {f'a{n}': [str(v) for v in range(2 + n % 4)] for n in range(9)}\n"
        "print(cover(Masks(axes, [{'a1': {'0', '1'}, 'a2': {'3', '2'}}, {'a3': {'0'}, 'a7': {'1', '2'}}]), 2))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONHASHSEED": seed}, timeout=60
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1

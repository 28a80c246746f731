"""How close outputs are to their reference, in figures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from compat.judge.closeness import between, ulps
from compat.model import Arm, Closeness, Status

from .build import POOL, World, plan, world

ORACLE = np.linspace(-1.0, 1.0, 96).reshape(8, 12)
EXACT = ORACLE.astype("f4")


def one(value: Any, reference: Any) -> Closeness:
    return between("y", Arm.CANDIDATE, np.asarray(value), np.asarray(reference))


def test_an_exact_output_is_close_in_every_figure() -> None:
    assert one(ORACLE, ORACLE) == Closeness("y", Arm.CANDIDATE, 96, 0.0, 0.0, 0, pytest.approx(1.0), None, 0)


def test_the_figures_of_one_wrong_element() -> None:
    found = one(np.array([3.0, 4.0, 0.0]), np.array([3.0, 4.0, 0.5]))
    assert found.max_error == 0.5
    assert found.relative_l2 == pytest.approx(0.5 / math.sqrt(25.25))
    assert found.cosine == pytest.approx(25 / (5 * math.sqrt(25.25)))
    assert (found.mismatches, found.nonfinite) == (None, 0)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("value", [0.0, 1.0, -1.5, 1e-5, 60000.0])
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_ulps_count_the_values_of_the_output_s_own_type(dtype: str, value: float, steps: int) -> None:
    reference = np.array([value], dtype)
    for direction in (-np.inf, np.inf):
        near = reference
        for _ in range(steps):
            near = np.nextafter(near, np.array(direction, dtype))
        assert ulps(near, reference.astype("f8")) == steps


def test_ulps_across_zero_and_from_end_to_end() -> None:
    tiny = np.array([np.nextafter(np.float32(0), np.float32(1))])
    assert ulps(-tiny, tiny.astype("f8")) == 2
    assert ulps(np.array([-0.0], "f4"), np.array([0.0])) == 0
    largest = np.array([np.finfo("f8").max])
    assert ulps(-largest, largest) == 2 * int(largest.view(np.uint64)[0])


def test_a_reference_is_rounded_to_the_output_s_type_first() -> None:
    assert ulps(np.array([0.1], "f4"), np.array([0.1])) == 0
    assert ulps(np.array([0.1], ">f4"), np.array([0.1])) == 0
    assert ulps(np.array([0.1 + 0.1j], "c8"), np.array([0.1 + 0.1j])) == 0
    assert ulps(np.array([0.1], np.longdouble), np.array([0.1])) is None


def test_what_is_not_finite_is_counted_and_left_out_of_the_rest() -> None:
    found = one(np.array([np.nan, 2.0, np.inf], "f4"), np.array([1.0, 2.0, np.inf]))
    assert (found.max_error, found.relative_l2, found.ulps, found.nonfinite) == (0.0, 0.0, 0, 2)
    lost = one(np.array([np.nan], "f4"), np.array([1.0]))
    assert (lost.max_error, lost.ulps, lost.cosine, lost.nonfinite) == (None, None, None, 1)


def test_figures_without_a_meaning_are_left_out() -> None:
    found = one(np.array([1.0, 2.0]), np.zeros(2))
    assert (found.max_error, found.relative_l2, found.cosine) == (2.0, None, None)
    assert one(np.zeros((0, 3)), np.zeros((0, 3))).max_error is None


def test_vectors_too_long_to_square_have_an_angle() -> None:
    assert one(np.array([1e200, 0.0]), np.array([1e200, 1e200])).cosine == pytest.approx(math.sqrt(0.5))
    assert one(np.array([1e-200, 0.0]), np.array([-1e-200, 0.0])).cosine == -1.0


@pytest.mark.parametrize(
    ("value", "reference", "wrong"),
    [
        (np.array([1, 2, 3]), np.array([1.0, 2.0, 3.0]), 0),
        (np.array([1, 2, 3]), np.array([1.0, 2.5, 4.0]), 2),
        (np.array([2**60 + 1]), np.array([2**60]), 1),
        (np.array([True, False]), np.array([1.0, 1.0]), 1),
        (np.array([1, 2, 3]), np.array([1.0, 2.0]), 3),
    ],
)
def test_what_must_be_exact_is_counted(value: Any, reference: Any, wrong: int) -> None:
    found = one(value, reference)
    assert (found.mismatches, found.max_error, found.ulps) == (wrong, None, None)


def test_texts_are_one_element() -> None:
    assert between("t", Arm.CANDIDATE, "a", "a").mismatches == 0
    assert between("t", Arm.CANDIDATE, "a", "b").mismatches == 1
    assert between("t", Arm.CANDIDATE, "a", np.zeros(3)).mismatches == 1


def of_pool(w: World) -> dict[tuple[str, Arm], Closeness]:
    (comparison,) = (c for c in w.verdict().comparisons if c.workload == POOL.case.workload and c.metric == "outputs")
    return {(figures.output, figures.arm): figures for figures in comparison.closeness}


def test_a_comparison_has_the_worst_process_of_each_arm() -> None:
    w = world(plan(POOL), pairs=4)
    worse = EXACT.copy()
    worse[0, 0] += 1e-6
    w.edit(w.returns(y=worse, y_ref=ORACLE), arm=Arm.CANDIDATE, pairs=(2,))
    found = of_pool(w)
    assert set(found) == {("y", Arm.KNOWN_GOOD), ("y", Arm.CANDIDATE)}
    good, new = found["y", Arm.KNOWN_GOOD], found["y", Arm.CANDIDATE]
    assert good.max_error is not None
    assert new.max_error is not None
    assert good.ulps == 0
    assert new.ulps is not None
    assert new.ulps > 10
    assert good.max_error < 1e-7 < new.max_error < 2e-6
    assert good.elements == new.elements == 96


def test_integers_with_a_reference_are_counted_in_both_arms_and_held_where_both_are_wrong() -> None:
    w = world(plan(POOL), pairs=2)
    wrong = np.array([1, 2, 4])
    w.edit(w.returns(y=wrong, y_ref=np.array([1.0, 2.0, 3.0])))
    (comparison,) = (c for c in w.verdict().comparisons if c.workload == POOL.case.workload and c.metric == "outputs")
    assert comparison.status is Status.PREEXISTING  # the arms agree, and are wrong
    assert [figures.mismatches for figures in comparison.closeness] == [1, 1]


def test_without_a_reference_there_are_no_figures() -> None:
    w = world(plan(POOL), pairs=2)
    w.edit(w.returns(y=EXACT))
    assert of_pool(w) == {}

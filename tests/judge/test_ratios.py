"""The ratio of two measurements."""

from __future__ import annotations

import math

import pytest

from compat.judge.ratios import log_ratio


@pytest.mark.parametrize(
    ("known_good", "candidate", "tens"),
    [(1e200, 1e-200, -400), (1e-200, 1e200, 400), (5e-324, 1e300, 623.306), (1.0, 10.0, 1), (2.5, 2.5, 0)],
)
def test_a_ratio_is_finite_where_the_quotient_is_none(known_good: float, candidate: float, tens: float) -> None:
    assert log_ratio(known_good, candidate) == pytest.approx(tens * math.log(10), abs=0.01)


@pytest.mark.parametrize("value", [None, 0.0, -0.0, -1.0, math.nan, math.inf, -math.inf])
def test_what_has_no_logarithm_has_no_ratio(value: float | None) -> None:
    assert log_ratio(value, 1.0) is None
    assert log_ratio(1.0, value) is None

"""Outputs of any kind: what is wrong passes nowhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from compat.judge.admit import in_pairs
from compat.judge.arrays import not_finite
from compat.judge.numerics import judge_outputs
from compat.model import Arm, NumericsPolicy, Status

from .build import TEXT, plan, world
from .worlds import SEEDS, examples

ODD = st.lists(st.tuples(st.integers(0, 99), st.sampled_from([math.nan, math.inf, -math.inf, 1e3])), max_size=2)


@examples(300)
@given(
    SEEDS,
    st.integers(1, 100),
    st.sampled_from([0.0, 1e-7, 8e-6, 1.2e-5, 1e-2]),
    st.sampled_from([0.0, 1e-7, 8e-6, 1.2e-5, 1e-2]),
    st.tuples(ODD, ODD, ODD),
    st.booleans(),
)
def test_outputs_that_pass_are_near_and_finite_where_they_should_be(
    seed: int, size: int, good_error: float, new_error: float, odd: tuple[Any, Any, Any], oracle: bool
) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(0.0, 1.0, size)
    arrays = [truth + error * rng.normal(0.0, 1.0, size) for error in (good_error, new_error, 0.0)]
    for array, places in zip(arrays, odd, strict=True):
        for index, value in places:
            array[index % size] = value
    good, new, should = arrays
    w = world(plan(TEXT), pairs=2)
    more = {"y_ref": should} if oracle else {}
    w.edit(w.returns(y=good, **more), arm=Arm.KNOWN_GOOD).edit(w.returns(y=new, **more), arm=Arm.CANDIDATE)
    outcome = judge_outputs(in_pairs(w.evidence)[0], TEXT.case, NumericsPolicy(), w.blobs.__getitem__)
    assert outcome is not None
    reference = should if oracle else good
    newly_odd = (not_finite(new) != not_finite(reference)) & (not_finite(good) == not_finite(reference))
    assert not newly_odd.any() or outcome.status is Status.REGRESS
    if outcome.status in (Status.PASS, Status.FIXED):
        assert (not_finite(new) == not_finite(reference)).all()
        assert oracle or np.isfinite(new).all()
        finite = np.isfinite(reference)
        apart, length = (math.hypot(*v) for v in (new[finite] - reference[finite], reference[finite]))
        assert apart <= TEXT.case.tolerance * length * (1 + 1e-9)
    if good_error == new_error == 0.0 and not any(odd):
        assert outcome.status is Status.PASS


EXACT = st.text(max_size=3) | st.lists(st.integers(0, 3), min_size=1, max_size=4).map(np.array)


@examples(150)
@given(EXACT, EXACT)
def test_text_and_integers_pass_when_they_are_equal(good: Any, new: Any) -> None:
    w = world(plan(TEXT), pairs=2)
    w.edit(w.returns(y=good), arm=Arm.KNOWN_GOOD).edit(w.returns(y=new), arm=Arm.CANDIDATE)
    outcome = judge_outputs(in_pairs(w.evidence)[0], TEXT.case, NumericsPolicy(), w.blobs.__getitem__)
    assert outcome is not None
    equal = type(good) is type(new) and np.array_equal(good, new)
    assert outcome.status is (Status.PASS if equal else Status.REGRESS)

from __future__ import annotations

import pytest

from compat.plan.cost import Cost, evaluate
from compat.plan.roofline import roofline
from compat.plan.support.tables import load_tables

H100 = next(card for card in load_tables().cards if card.target == "sm_90")
PRODUCT = Cost("2 * M * N * K", "width * (M * K + K * N + M * N)")


def test_a_large_product_is_bound_by_compute_and_a_thin_one_by_memory() -> None:
    large = roofline(PRODUCT, {"M": 4096, "N": 4096, "K": 4096, "dtype": "fp16"}, H100, matrix=True)
    assert (large.operations, large.bytes, large.bound) == (2 * 4096**3, 3 * 2 * 4096**2, "compute")
    assert large.seconds == pytest.approx(2 * 4096**3 / 989e12)
    thin = roofline(PRODUCT, {"M": 1, "N": 4096, "K": 4096, "dtype": "fp16"}, H100, matrix=True)
    assert (thin.bound, thin.seconds) == ("memory", pytest.approx(thin.bytes / 3350e9))


def test_without_matrix_instructions_the_peak_is_that_of_scalar_arithmetic() -> None:
    params = {"M": 4096, "N": 4096, "K": 4096, "dtype": "fp16"}
    assert roofline(PRODUCT, params, H100, matrix=False).seconds == pytest.approx(2 * 4096**3 / 67e12)


def test_a_type_without_a_peak_is_bound_by_memory() -> None:
    found = roofline(PRODUCT, {"M": 64, "N": 64, "K": 64, "dtype": "fp8e5"}, H100, matrix=True)
    assert (found.compute, found.bound) == (None, "memory")


@pytest.mark.parametrize(
    ("formula", "value"),
    [("2 * n + 1", 15.0), ("n // 2 - -1", 4.0), ("(n + 1) / 2", 4.0), ("width", 2.0), ("0.5 * n", 3.5)],
)
def test_formulas(formula: str, value: float) -> None:
    assert evaluate(formula, {"n": 7, "dtype": "bf16", "name": "x"}) == value


@pytest.mark.parametrize("formula", ["n ** 2", "m", "name", "f(n)", "n if n else 1", "'a'", "True", "n +", "1 / 0"])
def test_what_is_no_formula_is_refused(formula: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be evaluated|is not \+ - \* / // of numbers and of n, width"):
        evaluate(formula, {"n": 7, "name": "x"})

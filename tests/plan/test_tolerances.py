from __future__ import annotations

import pytest

from compat.plan.tolerances import tolerance_of


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"dtype": "fp32"}, 2.0**-24 + 4 * 2.0**-24),
        ({"dtype": "fp32", "length": 1024}, 2.0**-24 + 128 * 2.0**-24),
        ({"dtype": "fp32", "length": 0}, 5 * 2.0**-24),
        ({"dtype": "fp16", "length": 256}, 2.0**-11 + 64 * 2.0**-24),
        ({"dtype": "tf32", "length": 256}, 2.0**-11 + 64 * 2.0**-24),
        ({"dtype": "fp8e4nv", "out": "bf16"}, 2.0**-8 + 4 * 2.0**-24),
        ({"dtype": "fp64"}, 5 * 2.0**-53),
        ({"dtype": "i8", "length": 999}, 0.0),
        ({"dtype": "fp16", "tolerance": 0.0}, 0.0),
    ],
)
def test_the_type_and_the_length_of_the_sums_decide(params: dict[str, object], expected: float) -> None:
    assert tolerance_of(params) == expected


def test_half_precision_sums_are_outside() -> None:
    """A sum of 512 products in fp16 is off by about sqrt(512 / 2) * 2**-11: sixteen times what fp16 results may be."""
    assert tolerance_of({"dtype": "fp16", "length": 512}) < 2.0**-11 * (512 / 2) ** 0.5 / 8

"""How far a result may be from its float64 reference: by the type it is rounded to and the length of its sums.

A result is rounded once to its own type, which costs each element at most the unit roundoff u = 2**-p (p digits, IEEE
754-2019, table 3.5; OCP 8-bit Floating Point Specification 1.0 for fp8; tf32 has 11 digits in NVIDIA's PTX ISA,
5.2.3). A sum of n products in float32 adds about sqrt(n) * 2**-24 for errors that are independent (Higham and Mary, A
New Approach to Probabilistic Rounding Error Analysis, SIAM J. Sci. Comput. 41(5), 2019, theorem 3.1); the factor covers
exponentials and quotients on the way. The relative L2 error of a right result is half of it or less; one that was
summed in half precision is far outside.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DIGITS", "tolerance_of"]

# Binary digits of a significand, the hidden one included; 0 for types that must be equal.
DIGITS = {
    "fp64": 53,
    "fp32": 24,
    "tf32": 11,
    "fp16": 11,
    "bf16": 8,
    "fp8e4nv": 4,
    "fp8e5": 3,
    "i64": 0,
    "i32": 0,
    "i16": 0,
    "i8": 0,
    "u8": 0,
    "i1": 0,
}

_SUMMED = 24  # digits in which sums are kept, unless the type itself has more
_FACTOR = 4.0


def tolerance_of(params: Mapping[str, Any]) -> float:
    """The tolerance of a case: its own, or that of ``out`` (else ``dtype``) and of ``length`` (else 1)."""
    if "tolerance" in params:
        return float(params["tolerance"])
    digits = DIGITS[params.get("out", params["dtype"])]
    if not digits:
        return 0.0
    sums = _FACTOR * math.sqrt(max(1, params.get("length", 1))) * 2.0 ** -max(digits, _SUMMED)
    return 2.0**-digits + sums

"""sympy's own tests of what it makes of numpy: code for it, arrays from it, and functions that call it.

They were written for the numpy of their day. An upgrade that renames a type, or prints a number in another way, fails
them, as it fails the users who have written the same.
"""

from __future__ import annotations

KIND = "pytest"
COMPONENTS = ("numpy", "sympy")
TIERS = ("cpu",)
CASES = {
    "lambdify": {"module": "sympy.utilities.tests.test_lambdify"},
    "arrays": {"module": "sympy.external.tests.test_numpy"},
    "printing": {"module": "sympy.printing.tests.test_numpy"},
}

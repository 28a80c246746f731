"""pandas' own tests of types and of numpy's functions on its columns.

Of its many files those whose tests are called the same under each numpy: a name with a number's repr in it is another
name under another numpy, and then there is nothing to compare.
"""

from __future__ import annotations

KIND = "pytest"
COMPONENTS = ("numpy", "pandas")
TIERS = ("cpu",)
CASES = {
    "types": {"module": "pandas.tests.dtypes.test_inference"},
    "functions": {"module": "pandas.tests.series.test_ufunc"},
}

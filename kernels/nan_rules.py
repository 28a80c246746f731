"""Maxima and minima with NaN: of a whole row, and element by element.

x and y are (rows, columns), contiguous. ``largest`` and ``smallest`` of a row are tl.max and tl.min; ``maximum`` is
tl.maximum of x and y with propagate_nan=ALL, a NaN where either is one, as IEEE 754-2019 wants of its maximum;
``greater`` is tl.maximum as it is by default, for which no rule says what a NaN becomes. ``BLOCK`` is a power of two of
at least ``columns``.

Why upgrades break it: a GPU has both kinds of instruction, and a release may choose the other one for a reduction. A
loss that was NaN then looks like a number, or the other way round. tl.max of a row with a NaN is NaN up to triton 3.4
and a number from 3.5.1 on, when it is interpreted.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# All values are multiples of 2**-23 and are chosen, never computed: every bit has to be right (tolerance 0).
CASES = {
    "fp32-5x37-numbers": {"dtype": "fp32", "rows": 5, "columns": 37, "nan": False, "tolerance": 0.0},
    "fp32-9x37-nan": {"dtype": "fp32", "rows": 9, "columns": 37, "nan": True, "tolerance": 0.0},
    "fp16-9x64-nan": {"dtype": "fp16", "rows": 9, "columns": 64, "nan": True, "tolerance": 0.0},
    "fp32-3x1-nan": {"dtype": "fp32", "rows": 3, "columns": 1, "nan": True, "tolerance": 0.0},
    "fp32-4096x1024-nan": {
        "dtype": "fp32", "rows": 4096, "columns": 1024, "nan": True, "tolerance": 0.0, "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "4 * rows * columns", "bytes": "4 * rows * columns * width"}

AOT = {
    "fp32-1024": {
        "signature": {
            "x_ptr": "*fp32",
            "y_ptr": "*fp32",
            "largest_ptr": "*fp32",
            "smallest_ptr": "*fp32",
            "maximum_ptr": "*fp32",
            "greater_ptr": "*fp32",
            "columns": "i32",
        },
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "divisible": ("x_ptr", "y_ptr", "largest_ptr", "smallest_ptr", "maximum_ptr", "greater_ptr", "columns"),
    },
    "fp16-2048": {
        "signature": {
            "x_ptr": "*fp16",
            "y_ptr": "*fp16",
            "largest_ptr": "*fp16",
            "smallest_ptr": "*fp16",
            "maximum_ptr": "*fp16",
            "greater_ptr": "*fp16",
            "columns": "i32",
        },
        "constexprs": {"BLOCK": 2048},
        "num_warps": 8,
        "divisible": ("x_ptr", "y_ptr", "largest_ptr", "smallest_ptr", "maximum_ptr", "greater_ptr", "columns"),
    },
}


@triton.jit
def nan_rules(x_ptr, y_ptr, largest_ptr, smallest_ptr, maximum_ptr, greater_ptr, columns, BLOCK: tl.constexpr):
    """One row; the grid has one program for each row."""
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    inside = offsets < columns
    at = row * columns + offsets
    x = tl.load(x_ptr + at, mask=inside, other=-float("inf"))
    y = tl.load(y_ptr + at, mask=inside, other=0.0)
    tl.store(largest_ptr + row, tl.max(x, axis=0))
    tl.store(smallest_ptr + row, tl.min(tl.where(inside, x, float("inf")), axis=0))
    tl.store(maximum_ptr + at, tl.maximum(x, y, propagate_nan=tl.PropagateNan.ALL), mask=inside)
    tl.store(greater_ptr + at, tl.maximum(x, y), mask=inside)


def prepare(params, tools):
    """Negative rows, so that a filling zero would be the largest; with ``nan`` every third has a NaN, at any place."""
    x, y, results = _tensors(params, tools)

    def work():
        nan_rules[(params["rows"],)](x, y, *results.values(), params["columns"], BLOCK=_block(params))
        return results

    return work


def reference(params, tools):
    """What the rules say; with NaN no rule covers the reductions and the default, so these are left to the arms."""
    import torch

    x, y, _ = _tensors(params, tools)
    wide = x.double()
    found = {"maximum": torch.maximum(wide, y.double())}
    if not params["nan"]:
        found.update(largest=wide.amax(dim=1), smallest=wide.amin(dim=1), greater=found["maximum"])
    return found


def _tensors(params, tools):
    shape, dtype = (params["rows"], params["columns"]), params["dtype"]
    x, y = tools.uniform(shape) - 2.0, tools.uniform(shape) - 2.0
    if params["nan"]:
        for row in range(0, shape[0], 3):
            x[row, (7 * row) % shape[1]] = float("nan")
        y[1, 0] = float("nan")
    results = {
        "largest": tools.empty(shape[0], dtype),
        "smallest": tools.empty(shape[0], dtype),
        "maximum": tools.empty(shape, dtype),
        "greater": tools.empty(shape, dtype),
    }
    return tools.tensor(x, dtype), tools.tensor(y, dtype), results


def _block(params):
    return triton.next_power_of_2(params["columns"])

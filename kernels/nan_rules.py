"""Maxima and minima with NaN: of a whole row, and element by element.

x and y are (rows, columns), contiguous. ``largest`` and ``smallest`` of a row of x are tl.max and tl.min. ``maximum``
and ``minimum`` of x and y are asked to propagate NaN (PropagateNan.ALL): a NaN where either is one, which IEEE 754-2019
wants of its maximum and minimum. ``greater`` and ``lesser`` are the same functions as they are by default, for which
the documentation leaves open what becomes of a NaN. ``BLOCK`` is a power of two of at least ``columns``.

Why upgrades break it: a GPU has both kinds of instruction, and a release may choose the other one for a reduction. A
loss that was NaN then looks like a number, or the other way round. When they are interpreted, tl.max of a row with a
NaN is NaN up to triton 3.4 and a number from 3.5 on, and tl.maximum, as it is by default, changed so in 3.8.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# All values are multiples of 2**-10 and are chosen, never computed: every bit has to be right (tolerance 0). In the
# cases with NaN each third row of x has one, at another place, and y has two.
# every: of a large case, each so-manieth row is compared.
CASES = {
    "fp32-5x37": {"dtype": "fp32", "rows": 5, "columns": 37, "tolerance": 0.0},
    "fp16-3x64": {"dtype": "fp16", "rows": 3, "columns": 64, "tolerance": 0.0},
    "fp32-9x37-nan": {"dtype": "fp32", "rows": 9, "columns": 37, "nan": True, "tolerance": 0.0},
    "fp16-9x64-nan": {"dtype": "fp16", "rows": 9, "columns": 64, "nan": True, "tolerance": 0.0},
    "fp32-3x1-nan": {"dtype": "fp32", "rows": 3, "columns": 1, "nan": True, "tolerance": 0.0},
    "fp32-0x16": {"dtype": "fp32", "rows": 0, "columns": 16, "tolerance": 0.0},
    "fp32-16384x1021": {
        "dtype": "fp32", "rows": 16384, "columns": 1021, "every": 16, "tolerance": 0.0, "tiers": ("gpu",)
    },
    "fp16-4096x1024-nan": {
        "dtype": "fp16", "rows": 4096, "columns": 1024, "nan": True, "every": 4, "tolerance": 0.0, "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "6 * rows * columns", "bytes": "6 * rows * columns * width + 2 * rows * width"}

AOT = {
    "fp32-1024": {
        "signature": {
            "x_ptr": "*fp32",
            "y_ptr": "*fp32",
            "largest_ptr": "*fp32",
            "smallest_ptr": "*fp32",
            "maximum_ptr": "*fp32",
            "minimum_ptr": "*fp32",
            "greater_ptr": "*fp32",
            "lesser_ptr": "*fp32",
            "columns": "i32",
        },
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "divisible": (
            "x_ptr", "y_ptr", "largest_ptr", "smallest_ptr", "maximum_ptr", "minimum_ptr", "greater_ptr", "lesser_ptr",
            "columns",
        ),
    },
    "fp16-2048": {
        "signature": {
            "x_ptr": "*fp16",
            "y_ptr": "*fp16",
            "largest_ptr": "*fp16",
            "smallest_ptr": "*fp16",
            "maximum_ptr": "*fp16",
            "minimum_ptr": "*fp16",
            "greater_ptr": "*fp16",
            "lesser_ptr": "*fp16",
            "columns": "i32",
        },
        "constexprs": {"BLOCK": 2048},
        "num_warps": 8,
        "divisible": (
            "x_ptr", "y_ptr", "largest_ptr", "smallest_ptr", "maximum_ptr", "minimum_ptr", "greater_ptr", "lesser_ptr",
            "columns",
        ),
    },
}  # fmt: skip


@triton.jit
def nan_rules(
    x_ptr,
    y_ptr,
    largest_ptr,
    smallest_ptr,
    maximum_ptr,
    minimum_ptr,
    greater_ptr,
    lesser_ptr,
    columns,
    BLOCK: tl.constexpr,
):
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
    tl.store(minimum_ptr + at, tl.minimum(x, y, propagate_nan=tl.PropagateNan.ALL), mask=inside)
    tl.store(greater_ptr + at, tl.maximum(x, y), mask=inside)
    tl.store(lesser_ptr + at, tl.minimum(x, y), mask=inside)


def prepare(params, tools):
    """Rows of one sign each, so that a zero that fills the block would win one of the two reductions."""
    x, y, results = _tensors(params, tools)
    columns, every = x.shape[1], params.get("every", 1)

    def work():
        if len(x):
            nan_rules[(len(x),)](x, y, *results.values(), columns, BLOCK=triton.next_power_of_2(columns))
        found = {name: result[::every] for name, result in results.items()}
        return _masked(found) if params.get("nan") else found

    return work


def _masked(found):
    """Where no rule says whether NaN comes out, that it does is a result of its own, and the numbers are another."""
    import torch

    told = {name: found[name] for name in ("maximum", "minimum")}
    for name in ("largest", "smallest", "greater", "lesser"):
        told[name] = torch.nan_to_num(found[name], nan=0.0)
        told[f"{name} is NaN"] = torch.isnan(found[name]).to(torch.int8)
    return told


def reference(params, tools):
    """What the rules say; with NaN none covers the reductions and the default, so these are left to the arms."""
    import torch

    x, y, _ = _tensors(params, tools)
    x, y = (tensor[:: params.get("every", 1)].double() for tensor in (x, y))
    found = {"maximum": torch.maximum(x, y), "minimum": torch.minimum(x, y)}
    if not params.get("nan"):
        found.update(largest=x.amax(dim=1), smallest=x.amin(dim=1), greater=found["maximum"], lesser=found["minimum"])
    return found


def _tensors(params, tools):
    import numpy as np

    (rows, columns), dtype = (params["rows"], params["columns"]), params["dtype"]
    x, y = (tools.integers(1024, 2048, (rows, columns)) * 2.0**-10 for _ in range(2))
    sign = np.where(np.arange(rows) % 2, 1.0, -1.0)[:, None]
    x, y = x * sign, y * sign
    if params.get("nan"):
        for row in range(0, rows, 3):
            x[row, (7 * row) % columns] = float("nan")
        y[1, 0] = y[0, columns - 1] = float("nan")
    shapes = {"largest": rows, "smallest": rows}
    names = ("largest", "smallest", "maximum", "minimum", "greater", "lesser")
    results = {name: tools.empty(shapes.get(name, (rows, columns)), dtype) for name in names}
    return tools.tensor(x, dtype), tools.tensor(y, dtype), results

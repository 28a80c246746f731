"""Rows in order: sorted, the k largest with their places, and the first largest and smallest.

x is (rows, columns) of int32, contiguous; ``BLOCK`` a power of two of at least ``columns``. ``ordered`` is tl.sort, the
smallest first. For the k largest, value and place become one number of 64 bits, the place counted from the end: equal
values come in the order of their places, and one sort gives both. ``first`` and ``last`` are the places of the first
largest (tl.argmax) and the first smallest element (tl.argmin). Everything is exact.

Why upgrades break it: a bitonic sort is nothing but reshapes and exchanges between lanes, on which layouts depend that
releases keep rewriting; which of two equal elements argmax takes is a promise that only a tie can break.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")
NEEDS = ("sort",)

# range: of the drawn numbers; a small one makes many ties. below: all negative, so that a fill of 0 would be largest.
CASES = {
    "i32-5x64": {"dtype": "i32", "rows": 5, "columns": 64, "k": 7, "range": 1073741824},
    "i32-7x37-ties": {"dtype": "i32", "rows": 7, "columns": 37, "k": 11, "range": 3},
    "i32-4x33-below": {"dtype": "i32", "rows": 4, "columns": 33, "k": 33, "range": 1000, "below": True},
    "i32-3x1": {"dtype": "i32", "rows": 3, "columns": 1, "k": 1, "range": 10},
    "i32-2x16-equal": {"dtype": "i32", "rows": 2, "columns": 16, "k": 5, "range": 1},
    "i32-4096x1000": {"dtype": "i32", "rows": 4096, "columns": 1000, "k": 50, "range": 1073741824, "tiers": ("gpu",)},
}
COST = {"operations": "100 * rows * columns", "bytes": "8 * rows * columns + 12 * rows * k"}

AOT = {
    "512": {
        "signature": {
            "x_ptr": "*i32",
            "ordered_ptr": "*i32",
            "top_ptr": "*i32",
            "place_ptr": "*i32",
            "first_ptr": "*i32",
            "last_ptr": "*i32",
            "columns": "i32",
            "k": "i32",
        },
        "constexprs": {"BLOCK": 512},
        "num_warps": 4,
        "divisible": ("x_ptr", "ordered_ptr", "top_ptr", "place_ptr", "first_ptr", "last_ptr"),
    },
    "1024": {
        "signature": {
            "x_ptr": "*i32",
            "ordered_ptr": "*i32",
            "top_ptr": "*i32",
            "place_ptr": "*i32",
            "first_ptr": "*i32",
            "last_ptr": "*i32",
            "columns": "i32",
            "k": "i32",
        },
        "constexprs": {"BLOCK": 1024},
        "num_warps": 8,
        "divisible": ("x_ptr", "ordered_ptr", "top_ptr", "place_ptr", "first_ptr", "last_ptr", "columns"),
    },
}


@triton.jit
def sort(x_ptr, ordered_ptr, top_ptr, place_ptr, first_ptr, last_ptr, columns, k, BLOCK: tl.constexpr):
    """One row; the grid has one program for each row."""
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    inside = offsets < columns
    high = tl.load(x_ptr + row * columns + offsets, mask=inside, other=2147483647)
    low = tl.load(x_ptr + row * columns + offsets, mask=inside, other=-2147483648)
    ordered = (
        tl.sort(high).to(tl.int64).to(tl.int32)
    )  # the interpreter of Triton 3.2 sorts in 64 bits, and stores those
    tl.store(ordered_ptr + row * columns + offsets, ordered, mask=inside)
    keys = low.to(tl.int64) * 65536 + (65535 - offsets)
    keys = tl.sort(keys, descending=True)
    among = offsets < k
    tl.store(top_ptr + row * k + offsets, (keys >> 16).to(tl.int32), mask=among)
    tl.store(place_ptr + row * k + offsets, 65535 - (keys & 65535).to(tl.int32), mask=among)
    tl.store(first_ptr + row, tl.argmax(low, axis=0))
    tl.store(last_ptr + row, tl.argmin(high, axis=0))


def prepare(params, tools):
    """Drawn whole numbers."""
    x, results = _tensors(params, tools)
    rows, columns = x.shape
    block = max(2, triton.next_power_of_2(columns))

    def work():
        sort[(rows,)](x, *results.values(), columns, params["k"], BLOCK=block)
        return results

    return work


def reference(params, tools):
    """Stable sorts of whole rows."""
    import torch

    x, _ = _tensors(params, tools)
    down = torch.sort(x.long(), dim=1, descending=True, stable=True)
    up = torch.sort(x.long(), dim=1, stable=True)
    found = {
        "ordered": up.values,
        "top": down.values[:, : params["k"]],
        "place": down.indices[:, : params["k"]],
        "first": down.indices[:, 0],
        "last": up.indices[:, 0],
    }
    return {name: value.to(torch.int32) for name, value in found.items()}


def _tensors(params, tools):
    rows, columns, k = params["rows"], params["columns"], params["k"]
    x = tools.integers(0, params["range"], (rows, columns)) - (2 * params["range"] if params.get("below") else 0)
    shapes = {"ordered": (rows, columns), "top": (rows, k), "place": (rows, k), "first": (rows,), "last": (rows,)}
    return tools.tensor(x, "i32"), {name: tools.empty(shape, "i32") for name, shape in shapes.items()}

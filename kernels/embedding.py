"""Rows of a table by their indices, and the gradients scattered back to the table with atomic additions.

table and its gradient are (entries, columns), rows contiguous; indices (n,) of int64; y and dy (n, columns). An index
that is not from 0 to entries - 1 gives a row of zeros, and its gradient goes nowhere. The gradient is in float32, zero
before, and the same entry may be asked for many times.

Why upgrades break it: addresses come from memory in 64 bits, so nothing about them is known when it is compiled; and
the additions of many programs meet in one row, where a plain store would keep the last.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# repeated: few entries, many indices. outside: some indices below 0 and beyond the table. Gradients are whole numbers,
# whose sums are exact in any order, and rows are copied: every bit has to be right (tolerance 0).
CASES = {
    "fp32-37-of-20x67": {"dtype": "fp32", "n": 37, "entries": 20, "columns": 67, "tolerance": 0.0},
    "fp32-60-of-3x18-repeated": {"dtype": "fp32", "n": 60, "entries": 3, "columns": 18, "tolerance": 0.0},
    "fp16-21-of-50x33-outside": {
        "dtype": "fp16", "n": 21, "entries": 50, "columns": 33, "outside": True, "tolerance": 0.0
    },
    "fp32-1-of-1x1": {"dtype": "fp32", "n": 1, "entries": 1, "columns": 1, "tolerance": 0.0},
    "fp32-0-of-4x16": {"dtype": "fp32", "n": 0, "entries": 4, "columns": 16, "tolerance": 0.0},
    "bf16-8192-of-4096x256": {
        "dtype": "bf16", "n": 8192, "entries": 4096, "columns": 256, "block": 256, "tolerance": 0.0,
        "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "n * columns", "bytes": "3 * n * columns * width + 8 * n * columns"}

AOT = {
    "gather-fp16-1024": {
        "signature": {"table_ptr": "*fp16", "index_ptr": "*i64", "y_ptr": "*fp16", "entries": "i32", "columns": "i32"},
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "divisible": ("table_ptr", "index_ptr", "y_ptr", "columns"),
        "kernel": "gather",
    },
    "scatter-fp16-1024": {
        "signature": {"dy_ptr": "*fp16", "index_ptr": "*i64", "d_ptr": "*fp32", "entries": "i32", "columns": "i32"},
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "divisible": ("dy_ptr", "index_ptr", "d_ptr", "columns"),
        "kernel": "scatter",
    },
    "scatter-bf16-2048": {
        "signature": {"dy_ptr": "*bf16", "index_ptr": "*i64", "d_ptr": "*fp32", "entries": "i32", "columns": "i32"},
        "constexprs": {"BLOCK": 2048},
        "num_warps": 8,
        "divisible": ("dy_ptr", "index_ptr", "d_ptr", "columns"),
        "since": 80,
        "kernel": "scatter",
    },
}


@triton.jit
def gather(table_ptr, index_ptr, y_ptr, entries, columns, BLOCK: tl.constexpr):
    """One block of a row; the grid is (n, blocks of columns)."""
    row = tl.program_id(0).to(tl.int64)
    offsets = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < columns
    index = tl.load(index_ptr + row)
    there = tl.where((index >= 0) & (index < entries), columns, 0)  # of the columns
    x = tl.load(table_ptr + index * columns + offsets, mask=offsets < there, other=0.0)
    tl.store(y_ptr + row * columns + offsets, x, mask=inside)


@triton.jit
def scatter(dy_ptr, index_ptr, d_ptr, entries, columns, BLOCK: tl.constexpr):
    """One block of a row of gradients; the grid is (n, blocks of columns)."""
    row = tl.program_id(0).to(tl.int64)
    offsets = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < columns
    index = tl.load(index_ptr + row)
    there = tl.where((index >= 0) & (index < entries), columns, 0)  # of the columns
    dy = tl.load(dy_ptr + row * columns + offsets, mask=inside, other=0.0).to(tl.float32)
    tl.atomic_add(d_ptr + index * columns + offsets, dy, mask=offsets < there)


def prepare(params, tools):
    """Drawn entries, indices and gradients; the table's gradient is made zero in each call."""
    table, indices, dy, y, d = _tensors(params, tools)
    n, entries, columns, block = (params.get(name, 16) for name in ("n", "entries", "columns", "block"))

    def work():
        d.zero_()
        if n:
            grid = n, triton.cdiv(columns, block)
            gather[grid](table, indices, y, entries, columns, BLOCK=block)
            scatter[grid](dy, indices, d, entries, columns, BLOCK=block)
        return {"y": y, "d": d}

    return work


def reference(params, tools):
    """Row by row: indexing, and an addition for each index."""
    import torch

    table, indices, dy, *_ = _tensors(params, tools)
    there = (indices >= 0) & (indices < params["entries"])
    y = table.double()[indices.clamp(0, params["entries"] - 1)] * there[:, None]
    d = torch.zeros_like(table, dtype=torch.float64).index_add(0, indices[there], dy.double()[there])
    return {"y": y, "d": d}


def _tensors(params, tools):
    n, entries, columns, dtype = (params[name] for name in ("n", "entries", "columns", "dtype"))
    indices = tools.integers(0, entries, n)
    most = 5000 if dtype == "fp32" else 4  # of more digits than float16 has
    if params.get("outside"):
        indices[::5], indices[1::7] = -1, entries
    return (
        tools.tensor(tools.uniform((entries, columns)), dtype),
        tools.tensor(indices, "i64"),
        tools.tensor(tools.integers(-most, most + 1, (n, columns)).astype("float32"), dtype),
        tools.empty((n, columns), dtype),
        tools.empty((entries, columns), "fp32"),
    )

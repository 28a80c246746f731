"""Sums, maxima, minima and means along a row, and sums along a column, in blocks.

x is (rows, columns), rows ``stride`` elements apart. ``row_sums`` walks a row in blocks and keeps everything in
float32: total, largest, smallest and mean, each (rows,). ``column_sums`` walks down a block of columns: (columns,).

Why upgrades break it: how a reduction is spread over lanes and warps is the compiler's choice, and differs between the
two axes; a tail that is filled with the wrong value is in the sum, or is the maximum.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")
NEEDS = ("runtime_loop",)

# offset: below 0, so that a fill of 0 would be the largest; above, so that it would be the smallest, and the sum grows.
# whole: drawn whole numbers, whose sums are exact in float32 (tolerance 0).
CASES = {
    "fp32-7x131-below": {"dtype": "fp32", "rows": 7, "columns": 131, "length": 131, "offset": -2.0},
    "fp32-37x67-above": {"dtype": "fp32", "rows": 37, "columns": 67, "length": 67, "offset": 3.0, "pitch": 5},
    "fp16-19x100-whole": {
        "dtype": "fp16", "rows": 19, "columns": 100, "whole": 100, "offset": -300.0, "tolerance": 0.0
    },
    "fp32-1x1": {"dtype": "fp32", "rows": 1, "columns": 1, "offset": -2.0},
    "fp32-18x33-infinite": {"dtype": "fp32", "rows": 18, "columns": 33, "length": 33, "offset": -2.0, "infinite": True},
    "bf16-8192x8191": {
        "dtype": "bf16", "rows": 8192, "columns": 8191, "length": 8192, "offset": 1.0, "out": "fp32", "block": 1024,
        "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "5 * rows * columns", "bytes": "2 * rows * columns * width + 16 * rows + 4 * columns"}

AOT = {
    "rows-fp16-4096": {
        "signature": {
            "x_ptr": "*fp16",
            "total_ptr": "*fp32",
            "largest_ptr": "*fp32",
            "smallest_ptr": "*fp32",
            "mean_ptr": "*fp32",
            "stride": "i32",
            "columns": "i32",
        },
        "constexprs": {"BLOCK": 4096},
        "num_warps": 8,
        "divisible": ("x_ptr", "total_ptr", "largest_ptr", "smallest_ptr", "mean_ptr", "stride", "columns"),
        "kernel": "row_sums",
    },
    "columns-fp32-64x128": {
        "signature": {"x_ptr": "*fp32", "down_ptr": "*fp32", "stride": "i32", "rows": "i32", "columns": "i32"},
        "constexprs": {"BLOCK_M": 64, "BLOCK_N": 128},
        "num_warps": 4,
        "divisible": ("x_ptr", "down_ptr", "stride", "columns"),
        "kernel": "column_sums",
    },
}


@triton.jit
def row_sums(x_ptr, total_ptr, largest_ptr, smallest_ptr, mean_ptr, stride, columns, BLOCK: tl.constexpr):
    """One row; the grid has one program for each row."""
    row = tl.program_id(0)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    largest = tl.full((BLOCK,), -float("inf"), dtype=tl.float32)
    smallest = tl.full((BLOCK,), float("inf"), dtype=tl.float32)
    for start in range(0, columns, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        inside = offsets < columns
        x = tl.load(x_ptr + row * stride + offsets, mask=inside, other=0.0).to(tl.float32)
        total += x
        largest = tl.maximum(largest, tl.where(inside, x, -float("inf")))
        smallest = tl.minimum(smallest, tl.where(inside, x, float("inf")))
    whole = tl.sum(total, axis=0)
    tl.store(total_ptr + row, whole)
    tl.store(largest_ptr + row, tl.max(largest, axis=0))
    tl.store(smallest_ptr + row, tl.min(smallest, axis=0))
    tl.store(mean_ptr + row, whole / columns)


@triton.jit
def column_sums(x_ptr, down_ptr, stride, rows, columns, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr):
    """One block of columns; the grid has one program for each block."""
    across = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    total = tl.zeros((BLOCK_N,), dtype=tl.float32)
    for start in range(0, rows, BLOCK_M):
        down = start + tl.arange(0, BLOCK_M)
        inside = (down[:, None] < rows) & (across[None, :] < columns)
        x = tl.load(x_ptr + down[:, None] * stride + across[None, :], mask=inside, other=0.0)
        total += tl.sum(x.to(tl.float32), axis=0)
    tl.store(down_ptr + across, total, mask=across < columns)


def prepare(params, tools):
    """Drawn rows around ``offset``."""
    x, results = _tensors(params, tools)
    rows, columns = x.shape
    block = params.get("block", 16)

    def work():
        along = [results[name] for name in ("total", "largest", "smallest", "mean")]
        row_sums[(rows,)](x, *along, x.stride(0), columns, BLOCK=block)
        grid = (triton.cdiv(columns, 32),)
        column_sums[grid](x, results["down"], x.stride(0), rows, columns, BLOCK_M=16, BLOCK_N=32)
        return results

    return work


def reference(params, tools):
    """The same in float64."""
    x, _ = _tensors(params, tools)
    x = x.double()
    return {
        "total": x.sum(dim=1),
        "largest": x.amax(dim=1),
        "smallest": x.amin(dim=1),
        "mean": x.mean(dim=1).float().double() if "whole" in params else x.mean(dim=1),
        "down": x.sum(dim=0),
    }


def _tensors(params, tools):
    shape, whole = (params["rows"], params["columns"]), params.get("whole")
    x = tools.uniform(shape) if whole is None else tools.integers(-whole, whole + 1, shape).astype("float32")
    x = x + params["offset"]
    if params.get("infinite"):
        x[3, 7], x[17, 32] = float("inf"), -float("inf")
    strides = shape[1] + params.get("pitch", 0), 1
    along = {name: tools.empty(shape[0], "fp32") for name in ("total", "largest", "smallest", "mean")}
    return tools.tensor(x, params["dtype"], strides), {**along, "down": tools.empty(shape[1], "fp32")}

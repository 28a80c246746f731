"""Matrices turned over, tile by tile, and copied between any strides with a change of type.

x is (batch, rows, columns) with any strides, y (batch, columns, rows) with others, in another type if asked for. A
tile is read row by row, turned by tl.trans and written row by row. Offsets are of 64 bits.

Why upgrades break it: nothing is computed, so all there is are two layouts and the conversion between them in shared
memory; a tile at the edge that is turned with the wrong mask writes over its neighbour.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# order: of x's axes in memory, the outermost first. A copy is exact, also of float16 to float32; float32 to float16 is
# rounded once (its tolerance follows from the type).
CASES = {
    "fp32-2x37x50": {"dtype": "fp32", "batch": 2, "rows": 37, "columns": 50, "order": (0, 1, 2), "tolerance": 0.0},
    "fp16-3x18x33-to-fp32": {
        "dtype": "fp16", "out": "fp32", "batch": 3, "rows": 18, "columns": 33, "order": (2, 0, 1), "tolerance": 0.0
    },
    "fp32-1x67x17-to-fp16": {"dtype": "fp32", "out": "fp16", "batch": 1, "rows": 67, "columns": 17, "order": (1, 2, 0)},
    "i32-2x16x31-to-i64": {"dtype": "i32", "out": "i64", "batch": 2, "rows": 16, "columns": 31, "order": (0, 2, 1)},
    "fp32-1x1x1": {"dtype": "fp32", "batch": 1, "rows": 1, "columns": 1, "order": (0, 1, 2), "tolerance": 0.0},
    "fp32-2x0x5": {"dtype": "fp32", "batch": 2, "rows": 0, "columns": 5, "order": (0, 1, 2), "tolerance": 0.0},
    "fp16-1x2049x2051": {
        "dtype": "fp16", "batch": 1, "rows": 2049, "columns": 2051, "order": (0, 1, 2), "block": 64, "tolerance": 0.0,
        "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "0", "bytes": "2 * batch * rows * columns * width"}

AOT = {
    "fp16-64": {
        "signature": {
            "x_ptr": "*fp16",
            "y_ptr": "*fp16",
            "stride_xb": "i64",
            "stride_xr": "i64",
            "stride_xc": "i64",
            "stride_yb": "i64",
            "stride_yr": "i64",
            "stride_yc": "i64",
            "rows": "i32",
            "columns": "i32",
        },
        "constexprs": {"BLOCK": 64},
        "num_warps": 4,
        "divisible": ("x_ptr", "y_ptr", "stride_xb", "stride_xr", "stride_yb", "stride_yr", "rows", "columns"),
    },
    "fp32-32": {
        "signature": {
            "x_ptr": "*fp32",
            "y_ptr": "*fp32",
            "stride_xb": "i64",
            "stride_xr": "i64",
            "stride_xc": "i64",
            "stride_yb": "i64",
            "stride_yr": "i64",
            "stride_yc": "i64",
            "rows": "i32",
            "columns": "i32",
        },
        "constexprs": {"BLOCK": 32},
        "num_warps": 4,
        "divisible": ("x_ptr", "y_ptr"),
    },
}


@triton.jit
def transpose(
    x_ptr,
    y_ptr,
    stride_xb,
    stride_xr,
    stride_xc,
    stride_yb,
    stride_yr,
    stride_yc,
    rows,
    columns,
    BLOCK: tl.constexpr,
):
    """One tile; the grid is (tiles down, tiles across, batch)."""
    down = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    across = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    x_ptr += tl.program_id(2) * stride_xb
    y_ptr += tl.program_id(2) * stride_yb
    inside = (down[:, None] < rows) & (across[None, :] < columns)
    x = tl.load(x_ptr + down[:, None] * stride_xr + across[None, :] * stride_xc, mask=inside)
    y = tl.trans(x).to(y_ptr.dtype.element_ty)
    turned = (across[:, None] < columns) & (down[None, :] < rows)
    tl.store(y_ptr + across[:, None] * stride_yr + down[None, :] * stride_yc, y, mask=turned)


def prepare(params, tools):
    """Drawn numbers; y lies with gaps between its rows."""
    x, y = _tensors(params, tools)
    batch, rows, columns = x.shape
    block = params.get("block", 16)

    def work():
        if x.numel():
            grid = triton.cdiv(rows, block), triton.cdiv(columns, block), batch
            transpose[grid](x, y, *x.stride(), *y.stride(), rows, columns, BLOCK=block)
        return {"y": y}

    return work


def reference(params, tools):
    """The definition; floating-point numbers in float64."""
    import torch

    x, y = _tensors(params, tools)
    return {"y": x.transpose(1, 2).to(torch.float64 if x.is_floating_point() else y.dtype)}


def _tensors(params, tools):
    shape = params["batch"], params["rows"], params["columns"]
    strides, step = [0, 0, 0], 1
    for axis in reversed(params["order"]):
        strides[axis] = step
        step *= shape[axis] + 2
    drawn = tools.integers(-(2**31), 2**31, shape) if params["dtype"] == "i32" else tools.uniform(shape)
    out = params.get("out", params["dtype"])
    gaps = (shape[2] * (shape[1] + 3), shape[1] + 3, 1)
    return tools.tensor(drawn, params["dtype"], strides), tools.empty((shape[0], shape[2], shape[1]), out, gaps)

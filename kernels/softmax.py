"""Softmax of each row in one pass: y = exp(x - max(x)) / sum(exp(x - max(x))).

x and y are (rows, columns), rows ``stride_x`` and ``stride_y`` elements apart. One program reads a whole row into
registers, so ``BLOCK`` is a power of two of at least ``columns``; what lies beyond the row is -inf and adds nothing.

Why upgrades break it: it is two reductions across a block and an exponential. Releases change how a reduction is laid
out over lanes and warps (shared memory, registers) and which approximation ``tl.exp`` becomes; a row that no longer
fits in registers spills.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# length: of the sum in a row. The odd ones leave most of a block masked; the pitched ones have gaps between rows.
CASES = {
    "fp32-64x128": {"dtype": "fp32", "rows": 64, "columns": 128, "length": 128},
    "fp32-7x1021-pitched": {"dtype": "fp32", "rows": 7, "columns": 1021, "length": 1021, "pitch": 1040},
    "fp16-5x257": {"dtype": "fp16", "rows": 5, "columns": 257, "length": 257},
    "fp32-3x1": {"dtype": "fp32", "rows": 3, "columns": 1},
    "fp32-0x64": {"dtype": "fp32", "rows": 0, "columns": 64},
    "fp32-4x97-large": {"dtype": "fp32", "rows": 4, "columns": 97, "length": 97, "scale": 5000.0},
    "fp32-4x97-infinite": {"dtype": "fp32", "rows": 4, "columns": 97, "length": 97, "infinite": True},
    "bf16-1024x4096": {"dtype": "bf16", "rows": 1024, "columns": 4096, "length": 4096, "tiers": ("gpu",)},
}
COST = {"operations": "5 * rows * columns", "bytes": "2 * rows * columns * width"}

AOT = {
    "fp32-1024": {
        "signature": {"x_ptr": "*fp32", "y_ptr": "*fp32", "stride_x": "i32", "stride_y": "i32", "columns": "i32"},
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("x_ptr", "y_ptr", "stride_x", "stride_y"),
    },
    "fp16-4096": {
        "signature": {"x_ptr": "*fp16", "y_ptr": "*fp16", "stride_x": "i32", "stride_y": "i32", "columns": "i32"},
        "constexprs": {"BLOCK": 4096},
        "num_warps": 8,
        "num_stages": 2,
        "divisible": ("x_ptr", "y_ptr", "stride_x", "stride_y"),
    },
}


@triton.jit
def softmax(x_ptr, y_ptr, stride_x, stride_y, columns, BLOCK: tl.constexpr):
    """Normalise one row; the grid has one program for each row."""
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    inside = offsets < columns
    x = tl.load(x_ptr + row * stride_x + offsets, mask=inside, other=-float("inf")).to(tl.float32)
    raised = tl.exp(x - tl.max(x, axis=0))
    y = raised / tl.sum(raised, axis=0)
    tl.store(y_ptr + row * stride_y + offsets, y.to(y_ptr.dtype.element_ty), mask=inside)


def prepare(params, tools):
    """Softmax of drawn rows; ``scale`` stretches them, ``infinite`` puts -inf into each and NaN into the last."""
    x, y = _rows(params, tools)
    return lambda: {"y": _launch(x, y)}


def reference(params, tools):
    """The definition, in float64, of what the rows are once rounded to their type."""
    import torch

    x, _ = _rows(params, tools)
    return {"y": torch.softmax(x.double(), dim=1)}


def split(params, tools):
    """Each row by itself."""
    x, y = _rows(params, tools)

    def work():
        for row in range(x.shape[0]):
            _launch(x[row : row + 1], y[row : row + 1])
        return {"y": y}

    return work


def _rows(params, tools):
    shape = params["rows"], params["columns"]
    values = tools.uniform(shape) * params.get("scale", 4.0)
    if params.get("infinite"):
        values[:, ::3] = -float("inf")
        values[-1, 1] = float("nan")
    pitch = params.get("pitch", shape[1])
    return tools.tensor(values, params["dtype"], (pitch, 1)), tools.empty(shape, params["dtype"], (pitch + 16, 1))


def _launch(x, y):
    rows, columns = x.shape
    block = triton.next_power_of_2(columns)
    if rows:
        softmax[(rows,)](x, y, x.stride(0), y.stride(0), columns, BLOCK=block)
    return y

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
IMPORTS = ("triton",)

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

"""Layer normalisation of each row: y = (x - mean) / sqrt(variance + eps) * weight + bias.

x and y are (rows, columns), rows ``stride`` elements apart; weight and bias are (columns,); mean and inverse standard
deviation are stored in float32 for a backward pass, one each a row. The variance is that of the centred values, not a
difference of squares, so rows with a large mean keep their digits. ``BLOCK`` is a power of two of at least ``columns``.

Why upgrades break it: two dependent reductions with values that live across both, so register pressure shows here
first; and how multiplications and additions are fused decides the last bits.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("triton",)

AOT = {
    "fp16-1024": {
        "signature": {
            "x_ptr": "*fp16",
            "y_ptr": "*fp16",
            "weight_ptr": "*fp16",
            "bias_ptr": "*fp16",
            "mean_ptr": "*fp32",
            "inverse_ptr": "*fp32",
            "stride": "i32",
            "columns": "i32",
            "eps": "fp32",
        },
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("x_ptr", "y_ptr", "weight_ptr", "bias_ptr", "mean_ptr", "inverse_ptr", "stride"),
    },
    "fp32-4096": {
        "signature": {
            "x_ptr": "*fp32",
            "y_ptr": "*fp32",
            "weight_ptr": "*fp32",
            "bias_ptr": "*fp32",
            "mean_ptr": "*fp32",
            "inverse_ptr": "*fp32",
            "stride": "i32",
            "columns": "i32",
            "eps": "fp32",
        },
        "constexprs": {"BLOCK": 4096},
        "num_warps": 8,
        "num_stages": 2,
        "divisible": ("x_ptr", "y_ptr", "weight_ptr", "bias_ptr", "mean_ptr", "inverse_ptr", "stride"),
    },
}


@triton.jit
def layer_norm(x_ptr, y_ptr, weight_ptr, bias_ptr, mean_ptr, inverse_ptr, stride, columns, eps, BLOCK: tl.constexpr):
    """Normalise one row; the grid has one program for each row."""
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    inside = offsets < columns
    x = tl.load(x_ptr + row * stride + offsets, mask=inside, other=0.0).to(tl.float32)
    mean = tl.sum(x, axis=0) / columns
    centred = tl.where(inside, x - mean, 0.0)
    inverse = 1.0 / tl.sqrt(tl.sum(centred * centred, axis=0) / columns + eps)
    weight = tl.load(weight_ptr + offsets, mask=inside, other=0.0).to(tl.float32)
    bias = tl.load(bias_ptr + offsets, mask=inside, other=0.0).to(tl.float32)
    y = centred * inverse * weight + bias
    tl.store(y_ptr + row * stride + offsets, y.to(y_ptr.dtype.element_ty), mask=inside)
    tl.store(mean_ptr + row, mean)
    tl.store(inverse_ptr + row, inverse)

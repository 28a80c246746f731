"""Gradients of root-mean-square normalisation, for x and for the weight.

With n = x * inverse and w = weight * dy: dx = inverse * (w - n * mean(w * n)), and the weight's gradient is the sum of
dy * n over all rows. x, dy and dx are (rows, columns), rows ``stride`` elements apart; inverse is the forward pass's,
(rows,) in float32. The weight's gradient, (columns,) in float32, is zero before, and summed with atomic additions.

Why upgrades break it: the reduction's result is needed again by every element of the row, so a layout that is wrong by
one lane gives gradients that are nearly right; and the additions of many programs meet in one place.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# exact: drawn whole multiples of powers of two and such an inverse (not the rows' own), so that sums do not depend on
# the order of the additions: with many programs, that is chance. scale: rows so small that eps matters, without which
# a row of one column would have the gradient 0. every: of a large case, each so-manieth row of dx is compared.
CASES = {
    "fp32-9x128": {"dtype": "fp32", "rows": 9, "columns": 128, "length": 128},
    "fp32-7x1021-pitched": {"dtype": "fp32", "rows": 7, "columns": 1021, "length": 1021, "pitch": 1040},
    "fp16-5x257": {"dtype": "fp16", "rows": 5, "columns": 257, "length": 257},
    "fp32-5x3": {"dtype": "fp32", "rows": 5, "columns": 3, "length": 5},
    "fp32-11x1-small": {"dtype": "fp32", "rows": 11, "columns": 1, "length": 11, "scale": 0.004},
    "fp16-13x67-exact": {"dtype": "fp16", "rows": 13, "columns": 67, "length": 67, "exact": True},
    "fp32-0x64": {"dtype": "fp32", "rows": 0, "columns": 64},
    "bf16-8192x4096-exact": {
        "dtype": "bf16", "rows": 8192, "columns": 4096, "length": 8192, "exact": True, "every": 8, "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "10 * rows * columns", "bytes": "3 * rows * columns * width + columns * (width + 4) + 4 * rows"}

AOT = {
    "fp16-1024": {
        "signature": {
            "x_ptr": "*fp16",
            "dy_ptr": "*fp16",
            "weight_ptr": "*fp16",
            "inverse_ptr": "*fp32",
            "dx_ptr": "*fp16",
            "dweight_ptr": "*fp32",
            "stride": "i32",
            "columns": "i32",
        },
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "divisible": ("x_ptr", "dy_ptr", "weight_ptr", "inverse_ptr", "dx_ptr", "dweight_ptr", "stride", "columns"),
    },
    "fp32-4096": {
        "signature": {
            "x_ptr": "*fp32",
            "dy_ptr": "*fp32",
            "weight_ptr": "*fp32",
            "inverse_ptr": "*fp32",
            "dx_ptr": "*fp32",
            "dweight_ptr": "*fp32",
            "stride": "i32",
            "columns": "i32",
        },
        "constexprs": {"BLOCK": 4096},
        "num_warps": 8,
        "divisible": ("x_ptr", "dy_ptr", "weight_ptr", "inverse_ptr", "dx_ptr", "dweight_ptr", "stride", "columns"),
    },
}


@triton.jit
def rms_norm_backward(
    x_ptr, dy_ptr, weight_ptr, inverse_ptr, dx_ptr, dweight_ptr, stride, columns, BLOCK: tl.constexpr
):
    """One row; the grid has one program for each row. The weight's gradient is zero before."""
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    inside = offsets < columns
    x = tl.load(x_ptr + row * stride + offsets, mask=inside, other=0.0).to(tl.float32)
    dy = tl.load(dy_ptr + row * stride + offsets, mask=inside, other=0.0).to(tl.float32)
    weight = tl.load(weight_ptr + offsets, mask=inside, other=0.0).to(tl.float32)
    inverse = tl.load(inverse_ptr + row)
    normal = x * inverse
    weighted = weight * dy
    shared = tl.sum(weighted * normal, axis=0) / columns
    dx = inverse * (weighted - normal * shared)
    tl.store(dx_ptr + row * stride + offsets, dx.to(dx_ptr.dtype.element_ty), mask=inside)
    tl.atomic_add(dweight_ptr + offsets, dy * normal, mask=inside)


def prepare(params, tools):
    """Drawn rows, gradients and weights; the inverse roots are those of the rows, rounded to float32, or ``exact``."""
    x, dy, weight, inverse, dx, dweight = _tensors(params, tools)
    rows, columns = x.shape

    def work():
        dweight.zero_()
        if rows:
            block = triton.next_power_of_2(columns)
            rms_norm_backward[(rows,)](x, dy, weight, inverse, dx, dweight, x.stride(0), columns, BLOCK=block)
        return {"dx": dx[:: params.get("every", 1)], "dweight": dweight}

    return work


def reference(params, tools):
    """Autograd of the definition, in float64; the formula, where the inverse is not the rows' own."""
    import torch

    x, dy, weight, inverse, *_ = (tensor.double() for tensor in _tensors(params, tools))
    if params.get("exact"):
        normal = x * inverse[:, None]
        along = (weight * dy * normal).mean(dim=1, keepdim=True)
        dx, dweight = inverse[:, None] * (weight * dy - normal * along), (dy * normal).sum(dim=0)
    else:
        x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
        y = x / torch.sqrt((x**2).mean(dim=1, keepdim=True) + 1e-5) * weight
        dx, dweight = torch.autograd.grad(y, (x, weight), dy)
    return {"dx": dx[:: params.get("every", 1)], "dweight": dweight}


def _tensors(params, tools):
    import torch

    rows, columns, dtype = params["rows"], params["columns"], params["dtype"]
    strides = params.get("pitch", columns), 1
    if params.get("exact"):
        values, dy = (tools.integers(-8, 9, (rows, columns)) / 8.0 for _ in range(2))
        inverse = 2.0 ** tools.integers(-1, 3, rows)
    else:
        values, dy = (tools.uniform((rows, columns)) * params.get("scale", 1.0) for _ in range(2))
    x = tools.tensor(values, dtype, strides)
    if not params.get("exact"):
        inverse = (1.0 / torch.sqrt((x.double() ** 2).mean(dim=1) + 1e-5)).cpu().numpy()
    return (
        x,
        tools.tensor(dy, dtype, strides),
        tools.tensor(tools.uniform(columns) + 1.0, dtype),
        tools.tensor(inverse, "fp32"),
        tools.empty((rows, columns), dtype, strides),
        tools.empty(columns, "fp32"),
    )

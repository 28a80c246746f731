"""Gradients of layer normalisation, for x, weight and bias.

With n = (x - mean) * inverse and w = weight * dy: dx = inverse * (w - mean(w) - n * mean(w * n)); the weight's gradient
is the sum of dy * n over all rows, the bias's that of dy. x, dy and dx are (rows, columns), rows ``stride`` elements
apart; mean and inverse are the forward pass's, (rows,) in float32. Each program takes every ``programs``-th row and
writes its part of the sums to a row of (programs, columns) in float32; ``column_sums`` adds these up without atomics.

Why upgrades break it: two reductions per row are live at once with two sums that are carried through the loop, so it is
the first to spill; and the second kernel reads what the first one wrote in another layout.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")
NEEDS = ("runtime_loop",)

# programs: that share the rows, and no divisor of their number; more than 4 are added up in two steps. Of 3 columns dx
# keeps one direction in three, what is left of differences of larger numbers, so its error is larger than a sum's; a
# row of one column has the gradient 0, and exactly that. every: of a large case, each so-manieth row of dx is compared.
CASES = {
    "fp32-9x128": {"dtype": "fp32", "rows": 9, "columns": 128, "programs": 4, "length": 128},
    "fp32-7x521-pitched": {"dtype": "fp32", "rows": 7, "columns": 521, "programs": 3, "length": 521, "pitch": 528},
    "fp16-5x257": {"dtype": "fp16", "rows": 5, "columns": 257, "programs": 2, "length": 257},
    "fp32-2x67": {"dtype": "fp32", "rows": 2, "columns": 67, "programs": 5, "length": 67},
    "fp32-5x3": {"dtype": "fp32", "rows": 5, "columns": 3, "programs": 2, "length": 5, "tolerance": 2e-6},
    "fp32-11x1": {"dtype": "fp32", "rows": 11, "columns": 1, "programs": 9, "length": 11},
    "fp32-0x16": {"dtype": "fp32", "rows": 0, "columns": 16, "programs": 2},
    "bf16-8192x4096": {
        "dtype": "bf16", "rows": 8192, "columns": 4096, "programs": 256, "length": 8192, "every": 8, "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "12 * rows * columns", "bytes": "3 * rows * columns * width + 8 * programs * columns"}

AOT = {
    "fp16-1024": {
        "signature": {
            "x_ptr": "*fp16",
            "dy_ptr": "*fp16",
            "weight_ptr": "*fp16",
            "mean_ptr": "*fp32",
            "inverse_ptr": "*fp32",
            "dx_ptr": "*fp16",
            "dweight_ptr": "*fp32",
            "dbias_ptr": "*fp32",
            "stride": "i32",
            "rows": "i32",
            "columns": "i32",
        },
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": (
            "x_ptr", "dy_ptr", "weight_ptr", "mean_ptr", "inverse_ptr", "dx_ptr", "dweight_ptr", "dbias_ptr", "stride",
            "columns",
        ),
    },
    "sums-64x128": {
        "signature": {"part_ptr": "*fp32", "sum_ptr": "*fp32", "rows": "i32", "columns": "i32"},
        "constexprs": {"BLOCK_M": 64, "BLOCK_N": 128},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("part_ptr", "sum_ptr", "columns"),
        "kernel": "column_sums",
    },
}  # fmt: skip


@triton.jit
def layer_norm_backward(
    x_ptr,
    dy_ptr,
    weight_ptr,
    mean_ptr,
    inverse_ptr,
    dx_ptr,
    dweight_ptr,
    dbias_ptr,
    stride,
    rows,
    columns,
    BLOCK: tl.constexpr,
):
    """Every row of a program, and its part of the sums; the grid has one program for each row of these."""
    program = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    inside = offsets < columns
    weight = tl.load(weight_ptr + offsets, mask=inside, other=0.0).to(tl.float32)
    dweight = tl.zeros((BLOCK,), dtype=tl.float32)
    dbias = tl.zeros((BLOCK,), dtype=tl.float32)
    for row in range(program, rows, tl.num_programs(0)):
        x = tl.load(x_ptr + row * stride + offsets, mask=inside, other=0.0).to(tl.float32)
        dy = tl.load(dy_ptr + row * stride + offsets, mask=inside, other=0.0).to(tl.float32)
        inverse = tl.load(inverse_ptr + row)
        normal = tl.where(inside, (x - tl.load(mean_ptr + row)) * inverse, 0.0)
        weighted = weight * dy
        along = tl.sum(weighted * normal, axis=0) / columns
        level = tl.sum(weighted, axis=0) / columns
        dx = inverse * (weighted - level - normal * along)
        tl.store(dx_ptr + row * stride + offsets, dx.to(dx_ptr.dtype.element_ty), mask=inside)
        dweight += dy * normal
        dbias += dy
    tl.store(dweight_ptr + program * columns + offsets, dweight, mask=inside)
    tl.store(dbias_ptr + program * columns + offsets, dbias, mask=inside)


@triton.jit
def column_sums(part_ptr, sum_ptr, rows, columns, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr):
    """The sums of a block of columns; the grid has one program for each block."""
    across = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(0, rows, BLOCK_M):
        down = start + tl.arange(0, BLOCK_M)
        inside = (down[:, None] < rows) & (across[None, :] < columns)
        total += tl.load(part_ptr + down[:, None] * columns + across[None, :], mask=inside, other=0.0)
    tl.store(sum_ptr + across, tl.sum(total, axis=0), mask=across < columns)


def prepare(params, tools):
    """Drawn rows, gradients and weights; mean and inverse are those of the rows, rounded to float32."""
    x, dy, weight, mean, inverse, dx, *sums = _tensors(params, tools)
    (rows, columns), programs = x.shape, params["programs"]
    parts = [tools.empty((programs, columns), "fp32") for _ in sums]

    def work():
        block = triton.next_power_of_2(columns)
        layer_norm_backward[(programs,)](
            x, dy, weight, mean, inverse, dx, *parts, x.stride(0), rows, columns, BLOCK=block
        )
        for part, whole in zip(parts, sums):
            column_sums[(triton.cdiv(columns, 64),)](part, whole, programs, columns, BLOCK_M=4, BLOCK_N=64)
        return {"dx": dx[:: params.get("every", 1)], "dweight": sums[0], "dbias": sums[1]}

    return work


def reference(params, tools):
    """Autograd of the definition, in float64."""
    import torch

    x, dy, weight, *_ = (tensor.double() for tensor in _tensors(params, tools))
    bias = torch.zeros_like(weight, requires_grad=True)
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    centred = x - x.mean(dim=1, keepdim=True)  # of torch's own function, a row of one column has gradients of 1e-14
    y = centred / torch.sqrt((centred**2).mean(dim=1, keepdim=True) + 1e-5) * weight + bias
    dx, dweight, dbias = torch.autograd.grad(y, (x, weight, bias), dy)
    return {"dx": dx[:: params.get("every", 1)], "dweight": dweight, "dbias": dbias}


def _tensors(params, tools):
    rows, columns, dtype = params["rows"], params["columns"], params["dtype"]
    strides = params.get("pitch", columns), 1
    x = tools.tensor(tools.uniform((rows, columns)) + 0.25, dtype, strides)
    mean = x.double().mean(dim=1)
    inverse = 1.0 / (((x.double() - mean[:, None]) ** 2).mean(dim=1) + 1e-5).sqrt()
    return (
        x,
        tools.tensor(tools.uniform((rows, columns)), dtype, strides),
        tools.tensor(tools.uniform(columns) + 1.0, dtype),
        tools.tensor(mean.cpu().numpy(), "fp32"),
        tools.tensor(inverse.cpu().numpy(), "fp32"),
        tools.empty((rows, columns), dtype, strides),
        tools.empty(columns, "fp32"),
        tools.empty(columns, "fp32"),
    )

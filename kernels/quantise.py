"""Quantisation of each row by its largest magnitude: q = round(x / scale), scale = max|x| * clip / 127.

x is (rows, columns) with any strides, q is (rows, columns) with contiguous rows, scale is (rows,) in float32. To int8,
``EVEN`` rounds halves to even, otherwise away from zero; what lies beyond 127 steps, because ``clip`` is below 1 or the
scale was rounded down, becomes 127 or -127. To fp8e4nv (``quantise_fp8``) the last step is 448 and the type itself
rounds, halves to even. A row of zeros, or one whose scale is too small for float32, has a scale of 0 and is all zeros.
Quotients are rounded as IEEE 754 says (``tl.div_rn``) and both roundings are made of exact operations, so the result is
one and the same everywhere.

Why upgrades break it: ``/`` of float32 is an approximation on a GPU and ``div_rn`` is not, and a compiler decides what
each becomes. Conversions to integers and to fp8 are lowered differently for each architecture, with rules of their own
for halves and for what is too large. One step more or less in a weight is within every tolerance of a model.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# grid: inputs are halves of whole numbers up to 127 and each row has 127, so that many quotients are exact halves.
# huge: one value of each row dwarfs the others. tiny: denormals, whose scale is rounded by up to a third.
# fp8e4nv: its tolerance of 0 asks for equal values, as of integers: IEEE's quotient, then one rounding of the type.
# exact: numbers of fp8e4nv times a power of two for each row, so that nothing is rounded, which no interpreter can.
CASES = {
    "fp32-64x128": {"dtype": "fp32", "out": "i8", "rows": 64, "columns": 128},
    "fp32-7x257-pitched": {"dtype": "fp32", "out": "i8", "rows": 7, "columns": 257, "pitch": 280},
    "fp16-13x61-transposed": {"dtype": "fp16", "out": "i8", "rows": 13, "columns": 61, "transposed": True, "even": 0},
    "bf16-5x67": {"dtype": "bf16", "out": "i8", "rows": 5, "columns": 67},
    "fp32-9x101-halves-even": {"dtype": "fp32", "out": "i8", "rows": 9, "columns": 101, "fill": "grid"},
    "fp32-9x101-halves-away": {"dtype": "fp32", "out": "i8", "rows": 9, "columns": 101, "fill": "grid", "even": 0},
    "fp32-6x97-clipped": {"dtype": "fp32", "out": "i8", "rows": 6, "columns": 97, "clip": 0.3},
    "fp32-6x97-huge": {"dtype": "fp32", "out": "i8", "rows": 6, "columns": 97, "fill": "huge"},
    "fp32-6x97-tiny": {"dtype": "fp32", "out": "i8", "rows": 6, "columns": 97, "fill": "tiny", "even": 0},
    "fp32-6x33-zeros": {"dtype": "fp32", "out": "i8", "rows": 6, "columns": 33, "fill": "zeros"},
    "fp32-5x1": {"dtype": "fp32", "out": "i8", "rows": 5, "columns": 1},
    "fp32-0x64": {"dtype": "fp32", "out": "i8", "rows": 0, "columns": 64},
    "fp32-fp8e4nv-7x131-exact": {
        "dtype": "fp32",
        "out": "fp8e4nv",
        "rows": 7,
        "columns": 131,
        "pitch": 140,
        "fill": "exact",
        "clip": 0.5,
        "tolerance": 0.0,
    },
    "fp16-fp8e4nv-13x61-exact": {
        "dtype": "fp16",
        "out": "fp8e4nv",
        "rows": 13,
        "columns": 61,
        "transposed": True,
        "fill": "exact",
        "tolerance": 0.0,
    },
    "fp16-fp8e4nv-7x257-pitched": {
        "dtype": "fp16",
        "out": "fp8e4nv",
        "rows": 7,
        "columns": 257,
        "pitch": 280,
        "tolerance": 0.0,
        "needs": ("fp8_cast",),
    },
    "bf16-1024x4096": {"dtype": "bf16", "out": "i8", "rows": 1024, "columns": 4096, "tiers": ("gpu",)},
    "bf16-fp8e4nv-1024x4096": {
        "dtype": "bf16",
        "out": "fp8e4nv",
        "rows": 1024,
        "columns": 4096,
        "tolerance": 0.0,
        "tiers": ("gpu",),
        "needs": ("fp8_cast",),
    },
}
COST = {"operations": "6 * rows * columns", "bytes": "rows * columns * (width + 1) + 4 * rows"}

AOT = {
    "fp16-1x4096-even": {
        "signature": {
            "x_ptr": "*fp16",
            "q_ptr": "*i8",
            "scale_ptr": "*fp32",
            "stride_xm": "i32",
            "stride_qm": "i32",
            "rows": "i32",
            "columns": "i32",
            "clip": "fp32",
        },
        "constexprs": {"stride_xn": 1, "EVEN": 1, "BLOCK_M": 1, "BLOCK_N": 4096},
        "num_warps": 8,
        "num_stages": 2,
        "divisible": ("x_ptr", "q_ptr", "scale_ptr", "stride_xm", "stride_qm"),
    },
    "fp32-4x512-away": {
        "signature": {
            "x_ptr": "*fp32",
            "q_ptr": "*i8",
            "scale_ptr": "*fp32",
            "stride_xm": "i32",
            "stride_qm": "i32",
            "rows": "i32",
            "columns": "i32",
            "clip": "fp32",
        },
        "constexprs": {"stride_xn": 1, "EVEN": 0, "BLOCK_M": 4, "BLOCK_N": 512},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("x_ptr", "q_ptr", "scale_ptr", "stride_xm", "stride_qm"),
    },
    "bf16-4x1024-even": {
        "signature": {
            "x_ptr": "*bf16",
            "q_ptr": "*i8",
            "scale_ptr": "*fp32",
            "stride_xm": "i32",
            "stride_qm": "i32",
            "rows": "i32",
            "columns": "i32",
            "clip": "fp32",
        },
        "constexprs": {"stride_xn": 1, "EVEN": 1, "BLOCK_M": 4, "BLOCK_N": 1024},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("x_ptr", "q_ptr", "scale_ptr", "stride_xm", "stride_qm"),
        "since": 80,
    },
    "bf16-fp8e4nv-1x4096": {
        "kernel": "quantise_fp8",
        "signature": {
            "x_ptr": "*bf16",
            "q_ptr": "*fp8e4nv",
            "scale_ptr": "*fp32",
            "stride_xm": "i32",
            "stride_qm": "i32",
            "rows": "i32",
            "columns": "i32",
            "clip": "fp32",
        },
        "constexprs": {"stride_xn": 1, "BLOCK_M": 1, "BLOCK_N": 4096},
        "num_warps": 8,
        "num_stages": 2,
        "divisible": ("x_ptr", "q_ptr", "scale_ptr", "stride_xm", "stride_qm"),
        "since": 89,
    },
}


@triton.jit
def quantise(
    x_ptr,
    q_ptr,
    scale_ptr,
    stride_xm,
    stride_xn: tl.constexpr,
    stride_qm,
    rows,
    columns,
    clip,
    EVEN: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """Quantise BLOCK_M rows to int8; the grid has one program for each such block."""
    row = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    column = tl.arange(0, BLOCK_N)
    inside = (row[:, None] < rows) & (column[None, :] < columns)
    x = tl.load(x_ptr + row[:, None] * stride_xm + column[None, :] * stride_xn, mask=inside, other=0.0).to(tl.float32)
    y, scale = in_steps(x, clip, 127.0)
    if EVEN:
        q = (y + 12582912.0) - 12582912.0  # 1.5 * 2**23, where float32 has no digits after the point left
    else:
        size = tl.abs(y)
        whole = tl.floor(size)
        whole += tl.where(size - whole >= 0.5, 1.0, 0.0)
        q = tl.where(y < 0.0, -whole, whole)
    tl.store(q_ptr + row[:, None] * stride_qm + column[None, :], q.to(tl.int8), mask=inside)
    tl.store(scale_ptr + row, scale, mask=row < rows)


@triton.jit
def quantise_fp8(
    x_ptr,
    q_ptr,
    scale_ptr,
    stride_xm,
    stride_xn: tl.constexpr,
    stride_qm,
    rows,
    columns,
    clip,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """Quantise BLOCK_M rows to fp8e4nv; the grid has one program for each such block."""
    row = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    column = tl.arange(0, BLOCK_N)
    inside = (row[:, None] < rows) & (column[None, :] < columns)
    x = tl.load(x_ptr + row[:, None] * stride_xm + column[None, :] * stride_xn, mask=inside, other=0.0).to(tl.float32)
    y, scale = in_steps(x, clip, 448.0)
    tl.store(q_ptr + row[:, None] * stride_qm + column[None, :], y.to(q_ptr.dtype.element_ty), mask=inside)
    tl.store(scale_ptr + row, scale, mask=row < rows)


@triton.jit
def in_steps(x, clip, LAST: tl.constexpr):
    """The rows of a block in steps, between -LAST and LAST and not yet rounded, and the scale of each row."""
    largest = tl.max(tl.abs(x), axis=1) * clip
    scale = tl.div_rn(largest, tl.zeros_like(largest) + LAST)
    # Where the scale is 0 there are zeros, or denormals that are none of a step of any size.
    y = tl.div_rn(x, tl.where(scale > 0.0, scale, 1.0)[:, None] + tl.zeros_like(x))
    return tl.minimum(tl.maximum(y, -LAST), LAST), scale


def prepare(params, tools):
    """Quantise drawn rows."""
    x, q, scale = _rows(params, tools)
    return lambda: _launch(x, q, scale, params)


def reference(params, tools):
    """The definition. A quotient of float32 numbers that is rounded in float64 first is rounded right in float32."""
    import torch

    x, _, _ = _rows(params, tools)
    last = 448.0 if params["out"] == "fp8e4nv" else 127.0
    largest = x.double().abs().amax(dim=1) if len(x) else torch.zeros(0, dtype=torch.float64)
    clip = torch.tensor(params.get("clip", 1.0), dtype=torch.float32).double()
    scale = ((largest * clip).float().double() / last).float().double()
    y = (x.double() / scale[:, None]).float().double()
    y = torch.where(scale[:, None] > 0.0, y, 0.0).clamp(-last, last)
    if last == 448.0:
        return {"q": y.float().to(torch.float8_e4m3fn).double(), "scale": scale}
    rounded = torch.round(y) if params.get("even", 1) else torch.sign(y) * torch.floor(y.abs() + 0.5)
    return {"q": rounded.to(torch.int8), "scale": scale}


def split(params, tools):
    """Each row by itself."""
    x, q, scale = _rows(params, tools)

    def work():
        for row in range(x.shape[0]):
            one = slice(row, row + 1)
            _launch(x[one], q[one], scale[one], params)
        return {"q": q, "scale": scale}

    return work


def _rows(params, tools):
    rows, columns = shape = params["rows"], params["columns"]
    values, fill = tools.uniform(shape), params.get("fill")
    if fill == "grid":
        values = tools.integers(-254, 255, shape) * 0.5
        values[:, columns // 2] = 127.0
    elif fill == "huge":
        values[:, :: columns - 1] = 0.0
        values[:, columns // 3] = -30.0  # a step of which is larger than some of the others, and half of most
    elif fill == "exact":
        values = tools.integers(8, 16, shape) * 2.0 ** tools.integers(-9, 5, shape) * (1 - 2 * (values < 0.0))
        values[:, -1] = -448.0
        values *= 2.0 ** (tools.integers(0, 5, (rows, 1)) - 14.0)
    elif fill == "tiny":
        values *= 2.0**-141  # up to 256 of the smallest denormals
    elif fill == "zeros":
        values[::2] = 0.0
        values[1] *= 2.0**-144  # some denormals: less than half of one step
    pitch = params.get("pitch", columns)
    strides = (1, rows + 3) if params.get("transposed") else (pitch, 1)
    x = tools.tensor(values, params["dtype"], strides)
    return x, tools.empty(shape, params["out"], (pitch + 11, 1)), tools.empty(rows)


def _launch(x, q, scale, params):
    rows, columns = x.shape
    wide = triton.next_power_of_2(columns)
    tall = max(1, min(4, 4096 // wide))
    if rows:
        grid, clip = (triton.cdiv(rows, tall),), params.get("clip", 1.0)
        if params["out"] == "fp8e4nv":
            quantise_fp8[grid](x, q, scale, *x.stride(), q.stride(0), rows, columns, clip, BLOCK_M=tall, BLOCK_N=wide)
        else:
            even = params.get("even", 1)
            quantise[grid](x, q, scale, *x.stride(), q.stride(0), rows, columns, clip, even, BLOCK_M=tall, BLOCK_N=wide)
    return {"q": q, "scale": scale}

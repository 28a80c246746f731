"""Arithmetic element by element, with a mask: y = where(m, a * b + c, a / b - c), and whole numbers that wrap around.

a, b and c are (rows, columns) of floating-point numbers, each with strides of its own, and m of int8; y lies like c.
n = (i * j + (i << 3)) ^ j of int32, contiguous, wraps around at 2**32. Everything shorter is computed in float32.

Why upgrades break it: it shows how a release treats what IEEE 754 fixes (infinities, NaN, signed zeros, subnormal
numbers, the rounding of a quotient), whether loads with strides stay correct, and how a select is predicated.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# special: every pair of +-0, +-1, +-inf, NaN and large numbers, as IEEE 754 says. Subnormal results are not among them:
# whether a GPU flushes those of a quotient is the compiler's choice.
CASES = {
    "fp32-13x37": {"dtype": "fp32", "rows": 13, "columns": 37},
    "fp16-7x131-strided": {"dtype": "fp16", "rows": 7, "columns": 131, "pitch": 5},
    "fp32-9x33-transposed": {"dtype": "fp32", "rows": 9, "columns": 33, "transposed": True, "pitch": 3},
    "fp32-18x18-special": {"dtype": "fp32", "rows": 18, "columns": 18, "special": True},
    "fp32-3x1": {"dtype": "fp32", "rows": 3, "columns": 1, "length": 4},
    "fp32-0x8": {"dtype": "fp32", "rows": 0, "columns": 8},
    "fp16-8192x8191": {"dtype": "fp16", "rows": 8192, "columns": 8191, "block": 1024, "tiers": ("gpu",)},
}
COST = {"operations": "8 * rows * columns", "bytes": "4 * rows * columns * width + 13 * rows * columns"}

AOT = {
    "fp32-1024": {
        "signature": {
            "a_ptr": "*fp32",
            "b_ptr": "*fp32",
            "c_ptr": "*fp32",
            "m_ptr": "*i8",
            "y_ptr": "*fp32",
            "i_ptr": "*i32",
            "j_ptr": "*i32",
            "n_ptr": "*i32",
            "stride_a": "i32",
            "stride_b": "i32",
            "stride_y": "i32",
            "columns": "i32",
        },
        "constexprs": {"step_a": 1, "step_b": 1, "BLOCK": 1024},
        "num_warps": 4,
        "divisible": (
            "a_ptr", "b_ptr", "c_ptr", "m_ptr", "y_ptr", "i_ptr", "j_ptr", "n_ptr", "stride_a", "stride_b", "stride_y",
            "columns",
        ),
    },
    "fp16-2048": {
        "signature": {
            "a_ptr": "*fp16",
            "b_ptr": "*fp16",
            "c_ptr": "*fp16",
            "m_ptr": "*i8",
            "y_ptr": "*fp16",
            "i_ptr": "*i32",
            "j_ptr": "*i32",
            "n_ptr": "*i32",
            "stride_a": "i32",
            "stride_b": "i32",
            "stride_y": "i32",
            "columns": "i32",
        },
        "constexprs": {"step_a": 1, "step_b": 1, "BLOCK": 2048},
        "num_warps": 8,
        "divisible": (
            "a_ptr", "b_ptr", "c_ptr", "m_ptr", "y_ptr", "i_ptr", "j_ptr", "n_ptr", "stride_a", "stride_b", "stride_y",
            "columns",
        ),
    },
}  # fmt: skip


@triton.jit
def elementwise(
    a_ptr,
    b_ptr,
    c_ptr,
    m_ptr,
    y_ptr,
    i_ptr,
    j_ptr,
    n_ptr,
    stride_a,
    step_a: tl.constexpr,
    stride_b,
    step_b: tl.constexpr,
    stride_y,
    columns,
    BLOCK: tl.constexpr,
):
    """One block of a row; the grid is (rows, blocks of columns). The whole numbers are contiguous."""
    row = tl.program_id(0)
    offsets = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < columns
    a = tl.load(a_ptr + row * stride_a + offsets * step_a, mask=inside, other=0.0).to(tl.float32)
    b = tl.load(b_ptr + row * stride_b + offsets * step_b, mask=inside, other=1.0).to(tl.float32)
    c = tl.load(c_ptr + row * stride_y + offsets, mask=inside, other=0.0).to(tl.float32)
    flat = row * columns + offsets
    chosen = tl.load(m_ptr + flat, mask=inside, other=0) != 0
    y = tl.where(chosen, a * b + c, a / b - c)
    tl.store(y_ptr + row * stride_y + offsets, y.to(y_ptr.dtype.element_ty), mask=inside)
    i = tl.load(i_ptr + flat, mask=inside, other=0)
    j = tl.load(j_ptr + flat, mask=inside, other=0)
    tl.store(n_ptr + flat, (i * j + (i << 3)) ^ j, mask=inside)


def prepare(params, tools):
    """Drawn numbers, with divisors away from 0; or the special ones, each with each."""
    a, b, c, m, y, i, j, n = _tensors(params, tools)
    rows, columns = y.shape
    block = params.get("block", 16)

    def work():
        if rows:
            elementwise[rows, triton.cdiv(columns, block)](
                a,
                b,
                c,
                m,
                y,
                i,
                j,
                n,
                a.stride(0),
                a.stride(1),
                b.stride(0),
                b.stride(1),
                y.stride(0),
                columns,
                BLOCK=block,
            )
        return {"y": y, "n": n}

    return work


def reference(params, tools):
    """The same in float64, and in int64 reduced to 32 bits."""
    import torch

    a, b, c, m, _, i, j, _ = _tensors(params, tools)
    a, b, c, i, j = a.double(), b.double(), c.double(), i.long(), j.long()
    wrapped = (i * j + (i << 3)) ^ j
    return {"y": torch.where(m != 0, a * b + c, a / b - c), "n": wrapped.to(torch.int32)}


def _tensors(params, tools):
    import numpy as np

    shape, dtype, pitch = (params["rows"], params["columns"]), params["dtype"], params.get("pitch", 0)
    a, b, c = tools.uniform(shape), tools.uniform(shape), tools.uniform(shape)
    b = np.where(b < 0, b - 0.5, b + 0.5)
    if params.get("special"):
        inf = float("inf")
        values = np.array([0.0, -0.0, 1.0, -1.0, inf, -inf, float("nan"), 3e18, -3e18])
        a = np.tile(np.repeat(values, 2)[:, None], (1, shape[1]))
        b = np.tile(np.tile(values, 2)[None], (shape[0], 1))
        c = np.zeros(shape)
    m = (np.arange(a.size).reshape(shape) * 7 // 3 % 2).astype(np.int8)
    whole = [tools.integers(-(2**31), 2**31, shape, "int32") for _ in range(2)]
    across = (1, shape[0] + pitch) if params.get("transposed") else (shape[1] + 2 * pitch, 1)
    along = (shape[1] + 3 * pitch, 1)
    return (
        tools.tensor(a, dtype, (shape[1] + pitch, 1)),
        tools.tensor(b, dtype, across),
        tools.tensor(c, dtype, along),
        tools.tensor(m, "i8"),
        tools.empty(shape, dtype, along),
        *(tools.tensor(each, "i32") for each in whole),
        tools.empty(shape, "i32"),
    )

"""Fused arithmetic element by element: products, quotients, an activation and a select, and whole numbers that wrap.

a, b, c and the results y and z are (rows, columns) of floating-point numbers, bias is (columns,), m (rows, columns) of
int8. Where m is not 0, y = a * b + c and z = c; elsewhere y = a / b - c and z = c + gelu(a + bias), by the formula with
the hyperbolic tangent. ``negative`` says where y has a minus sign, zeros included and NaN not. a and b have strides
for both dimensions, c, y and z rows ``stride_c`` elements apart. All is computed in float32. ``whole_numbers`` computes
n = (i * j + (i << 3)) ^ j, which wraps around, and quotient and rest of i and d, rounded to 0 as in C.

Why upgrades break it: it shows how a release treats what IEEE 754 fixes (infinities, NaN, signed zeros, subnormal
numbers), whether loads with strides stay right, and how a select is predicated; and signed division has many short
cuts, each of which is another chance to round to the wrong side.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# values: "special" is every pair of +-0, +-1, +-inf, NaN and +-3e18, in both branches. "subnormal" are a few times the
# smallest number, in products and sums alone, which are exact (tolerance 0): what division and exponential make of
# subnormal numbers is left open, since a GPU's approximations may flush them. whole: the type of the whole numbers.
# every: of a large case, each so-manieth row is compared.
CASES = {
    "fp32-13x37": {"dtype": "fp32", "rows": 13, "columns": 37, "length": 4},
    "fp16-7x131-strided": {"dtype": "fp16", "rows": 7, "columns": 131, "pitch": 5, "whole": "i16"},
    "fp32-9x33-transposed": {
        "dtype": "fp32", "rows": 9, "columns": 33, "length": 4, "transposed": True, "pitch": 3, "whole": "i64"
    },
    "fp32-18x18-special": {"dtype": "fp32", "rows": 18, "columns": 18, "length": 4, "values": "special"},
    "fp32-5x19-subnormal": {"dtype": "fp32", "rows": 5, "columns": 19, "values": "subnormal", "tolerance": 0.0},
    "fp16-5x19-subnormal": {"dtype": "fp16", "rows": 5, "columns": 19, "values": "subnormal", "tolerance": 0.0},
    "fp32-1x1": {"dtype": "fp32", "rows": 1, "columns": 1, "length": 4, "whole": "i8"},
    "fp32-0x8": {"dtype": "fp32", "rows": 0, "columns": 8},
    "fp16-4096x8191": {
        "dtype": "fp16", "rows": 4096, "columns": 8191, "block": 1024, "every": 32, "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "20 * rows * columns", "bytes": "5 * rows * columns * width + 26 * rows * columns"}

AOT = {
    "fp32-1024": {
        "signature": {
            "a_ptr": "*fp32",
            "b_ptr": "*fp32",
            "c_ptr": "*fp32",
            "bias_ptr": "*fp32",
            "m_ptr": "*i8",
            "y_ptr": "*fp32",
            "z_ptr": "*fp32",
            "negative_ptr": "*i8",
            "stride_a": "i32",
            "stride_b": "i32",
            "stride_c": "i32",
            "columns": "i32",
        },
        "constexprs": {"step_a": 1, "step_b": 1, "BLOCK": 1024},
        "num_warps": 4,
        "divisible": (
            "a_ptr", "b_ptr", "c_ptr", "bias_ptr", "m_ptr", "y_ptr", "z_ptr", "negative_ptr", "stride_a", "stride_b",
            "stride_c", "columns",
        ),
    },
    "fp16-2048": {
        "signature": {
            "a_ptr": "*fp16",
            "b_ptr": "*fp16",
            "c_ptr": "*fp16",
            "bias_ptr": "*fp16",
            "m_ptr": "*i8",
            "y_ptr": "*fp16",
            "z_ptr": "*fp16",
            "negative_ptr": "*i8",
            "stride_a": "i32",
            "stride_b": "i32",
            "stride_c": "i32",
            "columns": "i32",
        },
        "constexprs": {"step_a": 1, "step_b": 1, "BLOCK": 2048},
        "num_warps": 8,
        "divisible": (
            "a_ptr", "b_ptr", "c_ptr", "bias_ptr", "m_ptr", "y_ptr", "z_ptr", "negative_ptr", "stride_a", "stride_b",
            "stride_c", "columns",
        ),
    },
    "i32-1024": {
        "signature": {
            "i_ptr": "*i32",
            "j_ptr": "*i32",
            "d_ptr": "*i32",
            "n_ptr": "*i32",
            "quotient_ptr": "*i32",
            "rest_ptr": "*i32",
            "count": "i32",
        },
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "divisible": ("i_ptr", "j_ptr", "d_ptr", "n_ptr", "quotient_ptr", "rest_ptr", "count"),
        "kernel": "whole_numbers",
    },
}  # fmt: skip


@triton.jit
def elementwise(
    a_ptr,
    b_ptr,
    c_ptr,
    bias_ptr,
    m_ptr,
    y_ptr,
    z_ptr,
    negative_ptr,
    stride_a,
    step_a: tl.constexpr,
    stride_b,
    step_b: tl.constexpr,
    stride_c,
    columns,
    BLOCK: tl.constexpr,
):
    """One block of a row; the grid is (rows, blocks of columns). m and negative are contiguous."""
    row = tl.program_id(0)
    offsets = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < columns
    a = tl.load(a_ptr + row * stride_a + offsets * step_a, mask=inside, other=0.0).to(tl.float32)
    b = tl.load(b_ptr + row * stride_b + offsets * step_b, mask=inside, other=1.0).to(tl.float32)
    c = tl.load(c_ptr + row * stride_c + offsets, mask=inside, other=0.0).to(tl.float32)
    bias = tl.load(bias_ptr + offsets, mask=inside, other=0.0).to(tl.float32)
    keeps = tl.load(m_ptr + row * columns + offsets, mask=inside, other=0) != 0
    y = tl.where(keeps, a * b + c, a / b - c).to(y_ptr.dtype.element_ty)
    tl.store(y_ptr + row * stride_c + offsets, y, mask=inside)
    # 1 + tanh(u) = 2 / (1 + exp(-2 u)): an exponential that overflows leaves a zero
    v = a + bias
    twice = 1.5957691216057308 * (v + 0.044715 * v * v * v)
    z = tl.where(keeps, c, c + v / (1.0 + tl.exp(-twice)))
    tl.store(z_ptr + row * stride_c + offsets, z.to(z_ptr.dtype.element_ty), mask=inside)
    negative = (y.to(tl.float32).to(tl.int32, bitcast=True) < 0) & (y == y)
    tl.store(negative_ptr + row * columns + offsets, negative.to(tl.int8), mask=inside)


@triton.jit
def whole_numbers(i_ptr, j_ptr, d_ptr, n_ptr, quotient_ptr, rest_ptr, count, BLOCK: tl.constexpr):
    """One block of ``count`` whole numbers, all contiguous; the grid is (blocks,)."""
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < count
    i = tl.load(i_ptr + offsets, mask=inside, other=0)
    j = tl.load(j_ptr + offsets, mask=inside, other=0)
    d = tl.load(d_ptr + offsets, mask=inside, other=1)
    tl.store(n_ptr + offsets, (i * j + (i << 3)) ^ j, mask=inside)
    tl.store(quotient_ptr + offsets, i // d, mask=inside)
    tl.store(rest_ptr + offsets, i % d, mask=inside)


def prepare(params, tools):
    """Drawn numbers, with divisors away from 0, or those of ``values``; whole numbers over all of their type."""
    a, b, c, bias, m = _numbers(params, tools)
    whole = _whole(params, tools)
    shape, every = a.shape, params.get("every", 1)
    y, z = (tools.empty(shape, params["dtype"], c.stride()) for _ in range(2))
    negative = tools.empty(shape, "i8")
    results = [tools.empty(shape, params.get("whole", "i32")) for _ in range(3)]
    block = params.get("block", 16)
    steps = a.stride(0), a.stride(1), b.stride(0), b.stride(1), c.stride(0)
    grid = shape[0], triton.cdiv(shape[1], block)
    found = dict(zip(("y", "z", "n", "quotient", "rest"), (y, z, *results)))
    if "values" in params:  # of others, a y that is all but 0 may have either sign
        found["negative"] = negative

    def work():
        if a.numel():
            elementwise[grid](a, b, c, bias, m, y, z, negative, *steps, shape[1], BLOCK=block)
            whole_numbers[(triton.cdiv(a.numel(), block),)](*whole, *results, a.numel(), BLOCK=block)
        return {name: result[::every] for name, result in found.items()}

    return work


def reference(params, tools):
    """The same in float64, torch's own gelu among it; whole numbers in int64, cut to their type."""
    import torch

    a, b, c, bias, m = (tensor.double() for tensor in _numbers(params, tools))
    i, j, d = _whole(params, tools)
    kind, every = i.dtype, params.get("every", 1)
    i, j, d = i.long(), j.long(), d.long()
    y = torch.where(m != 0, a * b + c, a / b - c)
    found = {
        "y": y,
        "z": torch.where(m != 0, c, c + torch.nn.functional.gelu(a + bias, approximate="tanh")),
        "n": ((i * j + (i << 3)) ^ j).to(kind),
        "quotient": torch.div(i, d, rounding_mode="trunc").to(kind),
        "rest": torch.fmod(i, d).to(kind),
    }
    if "values" in params:
        found["negative"] = (torch.signbit(y) & ~torch.isnan(y)).to(torch.int8)
    return {name: result[::every] for name, result in found.items()}


def _numbers(params, tools):
    import numpy as np

    shape, dtype, pitch = (params["rows"], params["columns"]), params["dtype"], params.get("pitch", 0)
    a, b, c, bias = tools.uniform(shape), tools.uniform(shape), tools.uniform(shape), tools.uniform(shape[1])
    m = tools.integers(-1, 3, shape, "int8")  # whatever is not 0 counts
    b = np.where(b < 0, b - 0.5, b + 0.5)
    if params.get("values") == "special":
        each = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 3e18, -3e18])
        a = np.repeat(each, 2)[:, None] + np.zeros(shape[1])  # this makes +0 of -0, which is put back
        a[2:4] = -0.0
        b = np.tile(each, (shape[0], 2))
        m[:] = np.arange(shape[0])[:, None] % 2
        c, bias = np.where(m != 0, -0.0, 0.0), bias * 0.0  # neither changes the sign of what it is added to
    if params.get("values") == "subnormal":
        smallest = 2.0**-149 if dtype == "fp32" else 2.0**-24
        a, c = np.floor(a * 64.0) * smallest, np.floor(c * 64.0) * smallest
        b, m = np.where(b < 0, -2.0, 1.0), m * 0 + 1
    spread = 3 * shape[1] + pitch, 3
    transposed = params.get("transposed")
    return (
        tools.tensor(a, dtype, spread if transposed else (shape[1] + pitch, 1)),
        tools.tensor(b, dtype, (1, shape[0] + pitch) if transposed else spread),
        tools.tensor(c, dtype, (shape[1] + 3 * pitch, 1)),
        tools.tensor(bias, dtype),
        tools.tensor(m, "i8"),
    )


def _whole(params, tools):
    import numpy as np

    shape, kind = (params["rows"], params["columns"]), params.get("whole", "i32")
    bits = min(32, 8 * {"i8": 1, "i16": 2, "i32": 4, "i64": 8}[kind])
    i, j, d = (tools.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), shape) for _ in range(3))
    if kind == "i64":
        i, j = i * 2**31 + j, j * 2**31 + i
    d = d // 2 ** (bits // 2)  # so that quotients have many digits
    d = np.where((d == 0) | (d == -1), 3, d)  # the smallest number over -1 is not one of its type
    return [tools.tensor(values, kind) for values in (i, j, d)]

"""Dequantisation: int8 and fp8e4nv with a scale for each row, 4-bit numbers with a scale and a zero for each group.

q is (rows, columns) with contiguous rows, y is (rows, columns) with any strides. ``dequantise``: y = q * scale, with
scale (rows,) in float32. ``dequantise_int4``: q is (rows, ceil(columns / 2)) bytes, in each of which the column that is
even has the low four bits; y = (number - zero) * scale, with zero (uint8) and scale (float32) of the shape (rows,
ceil(columns / group)) and groups of any size, odd ones included. With ``JOIN`` a block of bytes is loaded once and both
halves are interleaved, otherwise each column loads its byte by itself; the result is the same.

Why upgrades break it: what is loaded has another width than what is stored, so a release decides anew which thread has
which element and how they are exchanged; interleaving is all layout. fp8 is widened by instructions on some
architectures and by bit operations on others, and the sign of a byte is the compiler's to keep.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# dtype: of q; u8 is two 4-bit numbers. The blocks are small, so that even small cases have several and a tail.
# every: all finite numbers of fp8e4nv; nan: its NaN as well, which no interpreter knows.
CASES = {
    "i8-fp32-64x128": {"dtype": "i8", "out": "fp32", "rows": 64, "columns": 128},
    "i8-fp16-13x67-transposed": {"dtype": "i8", "out": "fp16", "rows": 13, "columns": 67, "transposed": True},
    "i8-fp32-17x131-pitched": {"dtype": "i8", "out": "fp32", "rows": 17, "columns": 131, "pitch": 150},
    "i8-fp32-1x1": {"dtype": "i8", "out": "fp32", "rows": 1, "columns": 1},
    "i8-fp32-0x64": {"dtype": "i8", "out": "fp32", "rows": 0, "columns": 64},
    "u8-fp32-32x128": {"dtype": "u8", "out": "fp32", "rows": 32, "columns": 128, "group": 32},
    "u8-fp32-32x128-joined": {"dtype": "u8", "out": "fp32", "rows": 32, "columns": 128, "group": 32, "join": 1},
    "u8-fp32-13x77-pitched": {"dtype": "u8", "out": "fp32", "rows": 13, "columns": 77, "group": 7, "pitch": 90},
    "u8-fp16-13x77-joined": {"dtype": "u8", "out": "fp16", "rows": 13, "columns": 77, "group": 7, "join": 1},
    "u8-fp32-11x94-transposed": {
        "dtype": "u8",
        "out": "fp32",
        "rows": 11,
        "columns": 94,
        "group": 40,
        "join": 1,
        "transposed": True,
    },
    "u8-fp32-3x1-joined": {"dtype": "u8", "out": "fp32", "rows": 3, "columns": 1, "group": 16, "join": 1},
    "u8-fp32-0x64": {"dtype": "u8", "out": "fp32", "rows": 0, "columns": 64, "group": 16},
    "fp8e4nv-fp32-12x71-every": {"dtype": "fp8e4nv", "out": "fp32", "rows": 12, "columns": 71, "pitch": 80},
    "fp8e4nv-fp16-12x71-every": {"dtype": "fp8e4nv", "out": "fp16", "rows": 12, "columns": 71},
    "fp8e4nv-fp32-12x71-nan": {
        "dtype": "fp8e4nv",
        "out": "fp32",
        "rows": 12,
        "columns": 71,
        "nan": True,
        "needs": ("fp8_cast",),
    },
    "i8-bf16-1024x4096": {"dtype": "i8", "out": "bf16", "rows": 1024, "columns": 4096, "tiers": ("gpu",)},
    "u8-fp16-1024x4096": {
        "dtype": "u8",
        "out": "fp16",
        "rows": 1024,
        "columns": 4096,
        "group": 128,
        "join": 1,
        "tiers": ("gpu",),
    },
    "fp8e4nv-bf16-1024x4096": {
        "dtype": "fp8e4nv",
        "out": "bf16",
        "rows": 1024,
        "columns": 4096,
        "nan": True,
        "tiers": ("gpu",),
    },
}
COST = {"operations": "2 * rows * columns", "bytes": "2.5 * rows * columns"}

AOT = {
    "i8-fp16-16x256": {
        "signature": {
            "q_ptr": "*i8",
            "scale_ptr": "*fp32",
            "y_ptr": "*fp16",
            "stride_qm": "i32",
            "stride_ym": "i32",
            "stride_yn": "i32",
            "rows": "i32",
            "columns": "i32",
        },
        "constexprs": {"BLOCK_M": 16, "BLOCK_N": 256},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("q_ptr", "scale_ptr", "y_ptr", "stride_qm", "stride_ym"),
    },
    "fp8e4nv-bf16-16x256": {
        "signature": {
            "q_ptr": "*fp8e4nv",
            "scale_ptr": "*fp32",
            "y_ptr": "*bf16",
            "stride_qm": "i32",
            "stride_ym": "i32",
            "stride_yn": "i32",
            "rows": "i32",
            "columns": "i32",
        },
        "constexprs": {"BLOCK_M": 16, "BLOCK_N": 256},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("q_ptr", "scale_ptr", "y_ptr", "stride_qm", "stride_ym"),
        "since": 89,
    },
    "int4-fp16-32x128-joined": {
        "kernel": "dequantise_int4",
        "signature": {
            "q_ptr": "*u8",
            "zero_ptr": "*u8",
            "scale_ptr": "*fp32",
            "y_ptr": "*fp16",
            "stride_qm": "i32",
            "stride_gm": "i32",
            "stride_ym": "i32",
            "rows": "i32",
            "columns": "i32",
            "group": "i32",
        },
        "constexprs": {"stride_yn": 1, "JOIN": 1, "BLOCK_M": 32, "BLOCK_N": 128},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("q_ptr", "zero_ptr", "scale_ptr", "y_ptr", "stride_qm", "stride_ym", "group"),
    },
    "int4-fp32-16x128": {
        "kernel": "dequantise_int4",
        "signature": {
            "q_ptr": "*u8",
            "zero_ptr": "*u8",
            "scale_ptr": "*fp32",
            "y_ptr": "*fp32",
            "stride_qm": "i32",
            "stride_gm": "i32",
            "stride_ym": "i32",
            "rows": "i32",
            "columns": "i32",
            "group": "i32",
        },
        "constexprs": {"stride_yn": 1, "JOIN": 0, "BLOCK_M": 16, "BLOCK_N": 128},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("q_ptr", "zero_ptr", "scale_ptr", "y_ptr", "stride_qm", "stride_ym", "group"),
    },
}


@triton.jit
def dequantise(
    q_ptr,
    scale_ptr,
    y_ptr,
    stride_qm,
    stride_ym,
    stride_yn,
    rows,
    columns,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """Widen one block; the grid has a program for each block, rows first."""
    row = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    column = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = (row[:, None] < rows) & (column[None, :] < columns)
    q = tl.load(q_ptr + row[:, None] * stride_qm + column[None, :], mask=inside)
    scale = tl.load(scale_ptr + row, mask=row < rows)
    y = q.to(tl.float32) * scale[:, None]
    tl.store(y_ptr + row[:, None] * stride_ym + column[None, :] * stride_yn, y.to(y_ptr.dtype.element_ty), mask=inside)


@triton.jit
def dequantise_int4(
    q_ptr,
    zero_ptr,
    scale_ptr,
    y_ptr,
    stride_qm,
    stride_gm,
    stride_ym,
    stride_yn: tl.constexpr,
    rows,
    columns,
    group,
    JOIN: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """Unpack one block of BLOCK_N columns, which are half as many bytes; a program for each block, rows first."""
    row = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    column = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = (row[:, None] < rows) & (column[None, :] < columns)
    if JOIN:
        byte = tl.program_id(1) * (BLOCK_N // 2) + tl.arange(0, BLOCK_N // 2)
        present = (row[:, None] < rows) & (byte[None, :] * 2 < columns)
        packed = tl.load(q_ptr + row[:, None] * stride_qm + byte[None, :], mask=present).to(tl.int32)
        number = tl.interleave(packed & 15, packed >> 4)
    else:
        packed = tl.load(q_ptr + row[:, None] * stride_qm + column[None, :] // 2, mask=inside).to(tl.int32)
        number = (packed >> (column[None, :] % 2) * 4) & 15
    of_group = row[:, None] * stride_gm + column[None, :] // group
    zero = tl.load(zero_ptr + of_group, mask=inside).to(tl.int32)
    scale = tl.load(scale_ptr + of_group, mask=inside)
    y = (number - zero).to(tl.float32) * scale
    tl.store(y_ptr + row[:, None] * stride_ym + column[None, :] * stride_yn, y.to(y_ptr.dtype.element_ty), mask=inside)


def prepare(params, tools):
    """Widen drawn numbers, of which each type has all that there are."""
    inputs, y = _inputs(params, tools)
    return lambda: {"y": _launch(inputs, y, params)}


def reference(params, tools):
    """The definition, in float64."""
    import torch

    (q, scale, *rest), _ = _inputs(params, tools)
    if not rest:
        return {"y": q.double() * scale.double()[:, None]}
    numbers = torch.stack((q % 16, torch.div(q, 16, rounding_mode="floor")), dim=2).reshape(len(q), q.shape[1] * 2)
    group = torch.arange(params["columns"], device=q.device) // params["group"]
    return {"y": (numbers[:, : params["columns"]].double() - rest[0].double()[:, group]) * scale.double()[:, group]}


def split(params, tools):
    """Each row by itself."""
    inputs, y = _inputs(params, tools)

    def work():
        for row in range(y.shape[0]):
            _launch([one[row : row + 1] for one in inputs], y[row : row + 1], params)
        return {"y": y}

    return work


def _inputs(params, tools):
    """(q, scale, and zero of 4-bit numbers), and where the result goes."""
    rows, columns = shape = params["rows"], params["columns"]
    kind, pitch = params["dtype"], params.get("pitch", columns)
    if kind == "u8":
        wide, groups = -(-columns // 2), -(-columns // params["group"])
        q = tools.tensor(tools.integers(0, 256, (rows, wide)), kind, (wide + 5, 1))
        scale = tools.tensor(tools.uniform((rows, groups)), "fp32", (groups + 3, 1))
        zero = tools.tensor(tools.integers(0, 16, (rows, groups)), kind, (groups + 3, 1))
        inputs = q, scale, zero
    else:
        values = _numbers(tools, shape, params.get("nan")) if kind == "fp8e4nv" else tools.integers(-128, 128, shape)
        inputs = tools.tensor(values, kind, (pitch + 5, 1)), tools.tensor(tools.uniform(rows))
    strides = (1, rows + 3) if params.get("transposed") else (pitch, 1)
    return inputs, tools.empty(shape, params["out"], strides)


def _numbers(tools, shape, nan):
    """What each of the 256 patterns of fp8e4nv is; 0 instead of NaN unless ``nan``. float32."""
    import torch

    values = torch.from_numpy(tools.integers(0, 256, shape, "uint8")).view(torch.float8_e4m3fn).float()
    return (values if nan else values.nan_to_num(0.0)).numpy()


def _launch(inputs, y, params):
    rows, columns = y.shape
    tall, wide = (8, 32) if rows < 1000 else (32, 128)
    grid = triton.cdiv(rows, tall), triton.cdiv(columns, wide)
    if rows and params["dtype"] == "u8":
        q, scale, zero = inputs
        dequantise_int4[grid](
            q,
            zero,
            scale,
            y,
            q.stride(0),
            scale.stride(0),
            *y.stride(),
            rows,
            columns,
            params["group"],
            JOIN=params.get("join", 0),
            BLOCK_M=tall,
            BLOCK_N=wide,
        )
    elif rows:
        q, scale = inputs
        dequantise[grid](q, scale, y, q.stride(0), *y.stride(), rows, columns, BLOCK_M=tall, BLOCK_N=wide)
    return y

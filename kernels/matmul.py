"""Blocked matrix product C = A @ B with masked edges: the shape of most of a model's time.

A is (M, K), B is (K, N), C is (M, N), each with any strides; sums are kept in float32 and stored in C's type. Programs
walk the output in groups of ``GROUP_M`` block rows, so that neighbours share columns of B in the L2 cache. Every edge
is masked, so no size need be a multiple of a block.

Why upgrades break it: whether ``tl.dot`` becomes matrix instructions is decided by the compiler for each architecture,
operand type and block shape. A release that stops lowering it for an older architecture still compiles and still gives
the right numbers, from scalar multiply-adds and spilled registers, many times slower. The count of matrix instructions
shows that without a GPU.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# M, N, K with blocks of 16, so that there are several of them and a tail in each direction, and a last group of block
# rows that is not full. a, b, c: "t" is transposed, and all strides differ from each other; step: nor is one of them 1.
# whole: drawn whole numbers, whose sums are exact in the type they are added in, so that every bit has to be right
# whatever the order (tolerance 0). poison: NaN in one row of A and inf in another, which may spoil these only.
CASES = {
    "fp32-33x35x37": {"dtype": "fp32", "M": 33, "N": 35, "K": 37, "length": 37, "needs": ("runtime_loop",)},
    "fp32-67x18x129-tt": {
        "dtype": "fp32", "M": 67, "N": 18, "K": 129, "length": 129, "a": "t", "b": "t", "c": "t",
        "needs": ("runtime_loop",)
    },
    "fp32-19x37x35-steps": {
        "dtype": "fp32", "M": 19, "N": 37, "K": 35, "length": 35, "b": "t", "step": 2, "pitch": 3,
        "needs": ("runtime_loop",)
    },
    "fp16-17x18x515-pitched": {
        "dtype": "fp16", "M": 17, "N": 18, "K": 515, "length": 515, "pitch": 9, "needs": ("runtime_loop",)
    },
    "fp16-50x33x100-whole": {
        "dtype": "fp16", "M": 50, "N": 33, "K": 100, "whole": 2, "out": "fp32", "tolerance": 0.0,
        "needs": ("runtime_loop",)
    },
    "i8-35x50x300-whole": {"dtype": "i8", "M": 35, "N": 50, "K": 300, "out": "i32", "needs": ("runtime_loop",)},
    "fp32-1x1x1031": {"dtype": "fp32", "M": 1, "N": 1, "K": 1031, "length": 1031, "needs": ("runtime_loop",)},
    "fp32-1x40x16": {"dtype": "fp32", "M": 1, "N": 40, "K": 16, "length": 16, "needs": ("runtime_loop",)},
    "fp32-53x1x17": {"dtype": "fp32", "M": 53, "N": 1, "K": 17, "length": 17, "needs": ("runtime_loop",)},
    "fp32-20x20x0": {"dtype": "fp32", "M": 20, "N": 20, "K": 0, "needs": ("runtime_loop",)},
    "fp32-0x20x16": {"dtype": "fp32", "M": 0, "N": 20, "K": 16},
    "fp32-20x0x16": {"dtype": "fp32", "M": 20, "N": 0, "K": 16},
    "fp32-40x33x20-poison": {
        "dtype": "fp32", "M": 40, "N": 33, "K": 20, "length": 20, "poison": True, "needs": ("runtime_loop",)
    },
    "bf16-33x35x40": {
        "dtype": "bf16", "M": 33, "N": 35, "K": 40, "length": 40, "needs": ("runtime_loop", "bf16_dot", "bf16_cast")
    },
    "fp8e4nv-35x33x100-whole": {
        "dtype": "fp8e4nv", "M": 35, "N": 33, "K": 100, "whole": 2, "out": "fp32", "tolerance": 0.0,
        "needs": ("runtime_loop",)
    },
    "tf32-1027x1031x1033": {
        "dtype": "tf32", "M": 1027, "N": 1031, "K": 1033, "length": 1033, "block": 64,
        # Both operands lose up to 13 bits of 24, whichever way the units round them, and their errors add up.
        "tolerance": 1e-3, "tiers": ("gpu",)
    },
    "fp16-2048x2048x8192": {
        "dtype": "fp16", "M": 2048, "N": 2048, "K": 8192, "length": 8192, "block": 64, "tiers": ("gpu",)
    },
    "bf16-2047x2049x4099": {
        "dtype": "bf16", "M": 2047, "N": 2049, "K": 4099, "length": 4099, "block": 64, "tiers": ("gpu",)
    },
    "fp16-2048x2048x2048-whole": {
        "dtype": "fp16", "M": 2048, "N": 2048, "K": 2048, "whole": 2, "out": "fp32", "tolerance": 0.0, "block": 64,
        "tiers": ("gpu",)
    },
    "i8-1027x1040x2051-whole": {
        "dtype": "i8", "M": 1027, "N": 1040, "K": 2051, "out": "i32", "block": 64, "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "2 * M * N * K", "bytes": "width * (M * K + K * N + M * N)"}

# The divisible arguments are those that frameworks' allocators align; without them the loads do not pipeline. fp16 has
# units in every target; bf16 for sm_75 does not compile with triton 3.2 and 3.3.
AOT = {
    "fp16-64x64x32": {
        "signature": {
            "a_ptr": "*fp16", "b_ptr": "*fp16", "c_ptr": "*fp16", "M": "i32", "N": "i32", "K": "i32",
            "stride_am": "i32", "stride_bk": "i32", "stride_cm": "i32",
        },
        "constexprs": {
            "stride_ak": 1, "stride_bn": 1, "stride_cn": 1, "BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 32, "GROUP_M": 8,
            "PRECISION": "ieee",
        },
        "num_warps": 4,
        "num_stages": 3,
        "divisible": ("a_ptr", "b_ptr", "c_ptr", "K", "stride_am", "stride_bk", "stride_cm"),
    },
    "fp16-128x64x32": {
        "signature": {
            "a_ptr": "*fp16", "b_ptr": "*fp16", "c_ptr": "*fp16", "M": "i32", "N": "i32", "K": "i32",
            "stride_am": "i32", "stride_bk": "i32", "stride_cm": "i32",
        },
        "constexprs": {
            "stride_ak": 1, "stride_bn": 1, "stride_cn": 1, "BLOCK_M": 128, "BLOCK_N": 64, "BLOCK_K": 32, "GROUP_M": 8,
            "PRECISION": "ieee",
        },
        "num_warps": 4,
        "num_stages": 3,
        "divisible": ("a_ptr", "b_ptr", "c_ptr", "K", "stride_am", "stride_bk", "stride_cm"),
    },
    "bf16-128x128x32": {
        "signature": {
            "a_ptr": "*bf16", "b_ptr": "*bf16", "c_ptr": "*bf16", "M": "i32", "N": "i32", "K": "i32",
            "stride_am": "i32", "stride_bk": "i32", "stride_cm": "i32",
        },
        "constexprs": {
            "stride_ak": 1, "stride_bn": 1, "stride_cn": 1, "BLOCK_M": 128, "BLOCK_N": 128, "BLOCK_K": 32, "GROUP_M": 8,
            "PRECISION": "ieee",
        },
        "num_warps": 8,
        "num_stages": 3,
        "divisible": ("a_ptr", "b_ptr", "c_ptr", "K", "stride_am", "stride_bk", "stride_cm"),
        "since": 80,
    },
    "tf32-64x64x32": {
        "signature": {
            "a_ptr": "*fp32", "b_ptr": "*fp32", "c_ptr": "*fp32", "M": "i32", "N": "i32", "K": "i32",
            "stride_am": "i32", "stride_bk": "i32", "stride_cm": "i32",
        },
        "constexprs": {
            "stride_ak": 1, "stride_bn": 1, "stride_cn": 1, "BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 32, "GROUP_M": 8,
            "PRECISION": "tf32",
        },
        "num_warps": 4,
        "num_stages": 3,
        "divisible": ("a_ptr", "b_ptr", "c_ptr", "K", "stride_am", "stride_bk", "stride_cm"),
        "since": 80,
    },
    "fp8-128x128x64": {
        "signature": {
            "a_ptr": "*fp8e4nv", "b_ptr": "*fp8e4nv", "c_ptr": "*fp16", "M": "i32", "N": "i32", "K": "i32",
            "stride_am": "i32", "stride_bk": "i32", "stride_cm": "i32",
        },
        "constexprs": {
            "stride_ak": 1, "stride_bn": 1, "stride_cn": 1, "BLOCK_M": 128, "BLOCK_N": 128, "BLOCK_K": 64, "GROUP_M": 8,
            "PRECISION": "ieee",
        },
        "num_warps": 8,
        "num_stages": 3,
        "divisible": ("a_ptr", "b_ptr", "c_ptr", "K", "stride_am", "stride_bk", "stride_cm"),
        "since": 89,
    },
    "i8-64x64x64": {
        "signature": {
            "a_ptr": "*i8", "b_ptr": "*i8", "c_ptr": "*i32", "M": "i32", "N": "i32", "K": "i32", "stride_am": "i32",
            "stride_bk": "i32", "stride_cm": "i32",
        },
        "constexprs": {
            "stride_ak": 1, "stride_bn": 1, "stride_cn": 1, "BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 64, "GROUP_M": 8,
            "PRECISION": "ieee",
        },
        "num_warps": 4,
        "num_stages": 3,
        "divisible": ("a_ptr", "b_ptr", "c_ptr", "K", "stride_am", "stride_bk", "stride_cm"),
    },
}  # fmt: skip


@triton.jit
def matmul(
    a_ptr,
    b_ptr,
    c_ptr,
    M,
    N,
    K,
    stride_am,
    stride_ak: tl.constexpr,
    stride_bk,
    stride_bn: tl.constexpr,
    stride_cm,
    stride_cn: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Compute one (BLOCK_M, BLOCK_N) block of C; the grid has one program for each block."""
    program = tl.program_id(0)
    blocks_m = tl.cdiv(M, BLOCK_M)
    blocks_n = tl.cdiv(N, BLOCK_N)
    in_group = GROUP_M * blocks_n
    group = program // in_group
    first = group * GROUP_M
    rows_in_group = tl.minimum(blocks_m - first, GROUP_M)
    block_m = first + (program % in_group) % rows_in_group
    block_n = (program % in_group) // rows_in_group

    rows = block_m * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = block_n * BLOCK_N + tl.arange(0, BLOCK_N)
    inside_m = rows[:, None] < M
    inside_n = columns[None, :] < N
    inner = tl.arange(0, BLOCK_K)
    a = a_ptr + rows[:, None] * stride_am + inner[None, :] * stride_ak
    b = b_ptr + inner[:, None] * stride_bk + columns[None, :] * stride_bn
    whole: tl.constexpr = a_ptr.dtype.element_ty == tl.int8
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.int32 if whole else tl.float32)
    for start in range(0, K, BLOCK_K):
        left = K - start
        a_block = tl.load(a, mask=inside_m & (inner[None, :] < left), other=0.0)
        b_block = tl.load(b, mask=(inner[:, None] < left) & inside_n, other=0.0)
        if whole:
            total = tl.dot(a_block, b_block, total, out_dtype=tl.int32)
        else:
            total = tl.dot(a_block, b_block, total, input_precision=PRECISION)
        a += BLOCK_K * stride_ak
        b += BLOCK_K * stride_bk
    c = c_ptr + rows[:, None] * stride_cm + columns[None, :] * stride_cn
    tl.store(c, total.to(c_ptr.dtype.element_ty), mask=inside_m & inside_n)


def prepare(params, tools):
    """The product of drawn matrices; A has its shape, B too, and C is where every element is NaN before."""
    tensors = _tensors(params, tools)
    return lambda: {"c": _launch(*tensors, params)}


def reference(params, tools):
    """The product in float64, where that of whole numbers of 8 bits is exact."""
    import torch

    a, b, _ = _tensors(params, tools)
    if params["dtype"] == "i8":
        return {"c": (a.double() @ b.double()).to(torch.int32)}  # exact: sums of whole numbers below 2**53
    return {"c": a.double() @ b.double()}


def split(params, tools):
    """A few rows of A at a time, in other blocks than before: a row's sums are to have the same bits."""
    a, b, c = _tensors(params, tools)

    def work():
        for row in range(0, params["M"], 7):
            _launch(a[row : row + 7], b, c[row : row + 7], params)
        return {"c": c}

    return work


def _tensors(params, tools):
    import numpy as np

    m, n, k, dtype = params["M"], params["N"], params["K"], params["dtype"]
    draw = tools.uniform
    if "whole" in params or dtype == "i8":
        most = params.get("whole", 128)

        def draw(shape):
            return tools.integers(-most, most, shape).astype(np.int8 if dtype == "i8" else np.float32)

    pitch, step, memory = params.get("pitch", 0), params.get("step", 1), "fp32" if dtype == "tf32" else dtype
    a, b = draw((m, k)), draw((k, n))
    if params.get("poison"):
        a[17, 3], a[5, 0], b[:, 4] = float("nan"), float("inf"), np.abs(b[:, 4]) + 1.0
    return (
        tools.tensor(a, memory, _strides(m, k, params.get("a"), step, pitch)),
        tools.tensor(b, memory, _strides(k, n, params.get("b"), step * step, 2 * pitch)),
        tools.empty((m, n), params.get("out", memory), _strides(m, n, params.get("c"), step * step * step, 3 * pitch)),
    )


def _strides(rows, columns, order, step, pitch):
    """Of a matrix that lies row by row, or transposed, an element every ``step``, and so many more between two rows."""
    return (step, rows * step + pitch) if order == "t" else (columns * step + pitch, step)


def _launch(a, b, c, params):
    (m, k), n = a.shape, b.shape[1]
    block = params.get("block", 16)
    if m and n:
        matmul[(triton.cdiv(m, block) * triton.cdiv(n, block),)](
            a,
            b,
            c,
            m,
            n,
            k,
            a.stride(0),
            a.stride(1),
            b.stride(0),
            b.stride(1),
            c.stride(0),
            c.stride(1),
            BLOCK_M=block,
            BLOCK_N=block,
            BLOCK_K=32 if params["dtype"] in ("i8", "fp8e4nv") else 16,
            GROUP_M=2,
            PRECISION="tf32" if params["dtype"] == "tf32" else "ieee",
        )
    return c

"""A matrix product whose sum is split among programs: each adds its part of C = A @ B with atomic additions.

A is (M, K) and B (K, N), row by row with rows ``stride_am`` and ``stride_bk`` elements apart; C is (M, N) in float32
and zero before. ``SPLIT`` programs share a block of C, each with every SPLIT-th block of K.

Why upgrades break it: additions of several programs meet in one place, in an order that nobody knows. A store in their
place gives the last part only, and nothing but a race shows it; whole numbers have to come out exactly in any order.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")
NEEDS = ("runtime_loop",)

# whole: drawn whole numbers, whose sums are exact in float32 (tolerance 0). K is no multiple of block times split.
CASES = {
    "fp16-33x35x149-whole": {"dtype": "fp16", "M": 33, "N": 35, "K": 149, "split": 3, "whole": 4, "tolerance": 0.0},
    "fp32-20x50x100": {"dtype": "fp32", "M": 20, "N": 50, "K": 100, "split": 4, "length": 100},
    "fp32-17x18x37-pitched": {"dtype": "fp32", "M": 17, "N": 18, "K": 37, "split": 2, "length": 37, "pitch": 3},
    "fp32-1x1x515": {"dtype": "fp32", "M": 1, "N": 1, "K": 515, "split": 4, "length": 515},
    "fp32-20x20x7": {"dtype": "fp32", "M": 20, "N": 20, "K": 7, "split": 3, "length": 7},
    "fp32-8x0x16": {"dtype": "fp32", "M": 8, "N": 0, "K": 16, "split": 2},
    "fp16-64x64x65536-whole": {
        "dtype": "fp16", "M": 64, "N": 64, "K": 65536, "split": 16, "whole": 2, "block": 64, "tolerance": 0.0,
        "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "2 * M * N * K", "bytes": "width * (M * K + K * N) + 8 * split * M * N"}

AOT = {
    "fp16-64x64x32": {
        "signature": {
            "a_ptr": "*fp16",
            "b_ptr": "*fp16",
            "c_ptr": "*fp32",
            "M": "i32",
            "N": "i32",
            "K": "i32",
            "stride_am": "i32",
            "stride_bk": "i32",
        },
        "constexprs": {"SPLIT": 4, "BLOCK": 64, "BLOCK_K": 32},
        "num_warps": 4,
        "num_stages": 3,
        "divisible": ("a_ptr", "b_ptr", "c_ptr", "K", "N", "stride_am", "stride_bk"),
    },
    "bf16-128x128x32": {
        "signature": {
            "a_ptr": "*bf16",
            "b_ptr": "*bf16",
            "c_ptr": "*fp32",
            "M": "i32",
            "N": "i32",
            "K": "i32",
            "stride_am": "i32",
            "stride_bk": "i32",
        },
        "constexprs": {"SPLIT": 8, "BLOCK": 128, "BLOCK_K": 32},
        "num_warps": 8,
        "num_stages": 3,
        "divisible": ("a_ptr", "b_ptr", "c_ptr", "K", "N", "stride_am", "stride_bk"),
        "since": 80,
    },
}


@triton.jit
def matmul_split_k(
    a_ptr,
    b_ptr,
    c_ptr,
    M,
    N,
    K,
    stride_am,
    stride_bk,
    SPLIT: tl.constexpr,
    BLOCK: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """A part of one block of C; the grid is (block rows, block columns, SPLIT)."""
    rows = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(tl.program_id(2) * BLOCK_K, K, SPLIT * BLOCK_K):
        inner = start + tl.arange(0, BLOCK_K)
        a_at = rows[:, None] * stride_am + inner[None, :]
        b_at = inner[:, None] * stride_bk + columns[None, :]
        a = tl.load(a_ptr + a_at, mask=(rows[:, None] < M) & (inner[None, :] < K), other=0.0)
        b = tl.load(b_ptr + b_at, mask=(inner[:, None] < K) & (columns[None, :] < N), other=0.0)
        total = tl.dot(a, b, total, input_precision="ieee")
    inside = (rows[:, None] < M) & (columns[None, :] < N)
    tl.atomic_add(c_ptr + rows[:, None] * N + columns[None, :], total, mask=inside)


def prepare(params, tools):
    """The product of drawn matrices; C is made zero in each call."""
    a, b, c = _tensors(params, tools)
    m, n, k, block = params["M"], params["N"], params["K"], params.get("block", 16)
    grid = triton.cdiv(m, block), triton.cdiv(n, block), params["split"]

    def work():
        c.zero_()
        if m and n:
            matmul_split_k[grid](
                a, b, c, m, n, k, a.stride(0), b.stride(0), SPLIT=params["split"], BLOCK=block, BLOCK_K=16
            )
        return {"c": c}

    return work


def reference(params, tools):
    """The product in float64."""
    a, b, _ = _tensors(params, tools)
    return {"c": a.double() @ b.double()}


def _tensors(params, tools):
    m, n, k, pitch = params["M"], params["N"], params["K"], params.get("pitch", 0)
    whole = params.get("whole")

    def draw(shape):
        return tools.uniform(shape) if whole is None else tools.integers(-whole, whole + 1, shape).astype("float32")

    return (
        tools.tensor(draw((m, k)), params["dtype"], (k + pitch, 1)),
        tools.tensor(draw((k, n)), params["dtype"], (n + 2 * pitch, 1)),
        tools.empty((m, n), "fp32"),
    )

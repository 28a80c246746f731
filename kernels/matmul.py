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
IMPORTS = ("triton",)

# The divisible arguments are those that frameworks' allocators align; without them the loads do not pipeline. All is
# fp16, which every target has units for: bf16 for sm_75 does not compile with triton 3.2 and 3.3.
AOT = {
    "fp16-64x64x32": {
        "signature": {
            "a_ptr": "*fp16",
            "b_ptr": "*fp16",
            "c_ptr": "*fp16",
            "M": "i32",
            "N": "i32",
            "K": "i32",
            "stride_am": "i32",
            "stride_bk": "i32",
            "stride_cm": "i32",
        },
        "constexprs": {
            "stride_ak": 1,
            "stride_bn": 1,
            "stride_cn": 1,
            "BLOCK_M": 64,
            "BLOCK_N": 64,
            "BLOCK_K": 32,
            "GROUP_M": 8,
        },
        "num_warps": 4,
        "num_stages": 3,
        "divisible": ("a_ptr", "b_ptr", "c_ptr", "K", "stride_am", "stride_bk", "stride_cm"),
    },
    "fp16-128x64x32": {
        "signature": {
            "a_ptr": "*fp16",
            "b_ptr": "*fp16",
            "c_ptr": "*fp16",
            "M": "i32",
            "N": "i32",
            "K": "i32",
            "stride_am": "i32",
            "stride_bk": "i32",
            "stride_cm": "i32",
        },
        "constexprs": {
            "stride_ak": 1,
            "stride_bn": 1,
            "stride_cn": 1,
            "BLOCK_M": 128,
            "BLOCK_N": 64,
            "BLOCK_K": 32,
            "GROUP_M": 8,
        },
        "num_warps": 4,
        "num_stages": 3,
        "divisible": ("a_ptr", "b_ptr", "c_ptr", "K", "stride_am", "stride_bk", "stride_cm"),
    },
}


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
    inner = tl.arange(0, BLOCK_K)
    a = a_ptr + rows[:, None] * stride_am + inner[None, :] * stride_ak
    b = b_ptr + inner[:, None] * stride_bk + columns[None, :] * stride_bn
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(0, K, BLOCK_K):
        left = K - start
        a_block = tl.load(a, mask=(rows[:, None] < M) & (inner[None, :] < left), other=0.0)
        b_block = tl.load(b, mask=(inner[:, None] < left) & (columns[None, :] < N), other=0.0)
        total = tl.dot(a_block, b_block, total)
        a += BLOCK_K * stride_ak
        b += BLOCK_K * stride_bk
    c = c_ptr + rows[:, None] * stride_cm + columns[None, :] * stride_cn
    tl.store(c, total.to(c_ptr.dtype.element_ty), mask=(rows[:, None] < M) & (columns[None, :] < N))

"""Products of many matrices at once: C[i] = A[i] @ B[i], as in attention heads and in projections by head.

A is (batches, M, K), B is (batches, K, N), C is (batches, M, N), each with any strides; one matrix for all batches has
stride 0. Sums are kept in float32. With ``BLOCK_B`` 1 a program makes a block of one product; else of so many, as one
product of three-dimensional blocks. The first of a batch is found with 64 bits.

Why upgrades break it: a product of three dimensions is lowered by paths of its own, with layouts that nothing else
uses, so that it can lose its matrix instructions, or mix its strides up, where that of two dimensions is right.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")
NEEDS = ("runtime_loop",)

# shared: which operand is one matrix for all. a, b, c: "t" is transposed. outer: the rows of all batches lie between
# two rows of one, as those of heads do. together: BLOCK_B. whole: drawn whole numbers, whose sums are exact.
CASES = {
    "fp32-3x19x21x23": {"dtype": "fp32", "batch": 3, "M": 19, "N": 21, "K": 23, "length": 23},
    "fp32-5x17x18x35-tt": {
        "dtype": "fp32", "batch": 5, "M": 17, "N": 18, "K": 35, "length": 35, "a": "t", "b": "t", "pitch": 3
    },
    "fp16-4x18x33x70-heads": {"dtype": "fp16", "batch": 4, "M": 18, "N": 33, "K": 70, "length": 70, "outer": True},
    "fp32-3x20x17x40-shared": {"dtype": "fp32", "batch": 3, "M": 20, "N": 17, "K": 40, "length": 40, "shared": "b"},
    "fp16-2x16x16x64-whole": {
        "dtype": "fp16", "batch": 2, "M": 16, "N": 16, "K": 64, "whole": 2, "out": "fp32", "tolerance": 0.0
    },
    "fp32-7x18x19x33-together": {
        "dtype": "fp32", "batch": 7, "M": 18, "N": 19, "K": 33, "length": 33, "together": 4, "pitch": 2
    },
    "fp16-5x17x20x50-together": {
        "dtype": "fp16", "batch": 5, "M": 17, "N": 20, "K": 50, "length": 50, "together": 2, "c": "t", "outer": True
    },
    "fp32-4x16x16x16-together-shared": {
        "dtype": "fp32", "batch": 4, "M": 16, "N": 16, "K": 16, "length": 16, "together": 4, "shared": "a"
    },
    "fp32-1x1x1x37": {"dtype": "fp32", "batch": 1, "M": 1, "N": 1, "K": 37, "length": 37},
    "fp32-2x5x3x0": {"dtype": "fp32", "batch": 2, "M": 5, "N": 3, "K": 0},
    "fp32-0x5x3x8": {"dtype": "fp32", "batch": 0, "M": 5, "N": 3, "K": 8},
    "fp16-96x512x512x128": {
        "dtype": "fp16", "batch": 96, "M": 512, "N": 512, "K": 128, "length": 128, "block": 64, "every": 4,
        "tiers": ("gpu",)
    },
    "bf16-64x128x128x64-together": {
        "dtype": "bf16", "batch": 64, "M": 128, "N": 128, "K": 64, "length": 64, "block": 32, "together": 2,
        "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "2 * batch * M * N * K", "bytes": "width * batch * (M * K + K * N + M * N)"}

AOT = {
    "fp16-64x64x32": {
        "signature": {
            "a_ptr": "*fp16", "b_ptr": "*fp16", "c_ptr": "*fp16", "batches": "i32", "M": "i32", "N": "i32", "K": "i32",
            "stride_ab": "i32", "stride_am": "i32", "stride_bb": "i32", "stride_bk": "i32", "stride_cb": "i32",
            "stride_cm": "i32",
        },
        "constexprs": {
            "stride_ak": 1, "stride_bn": 1, "stride_cn": 1, "BLOCK_B": 1, "BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 32,
        },
        "num_warps": 4,
        "num_stages": 3,
        "divisible": (
            "a_ptr", "b_ptr", "c_ptr", "K", "stride_ab", "stride_am", "stride_bb", "stride_bk", "stride_cb",
            "stride_cm",
        ),
    },
    "fp16-4x32x32x32": {
        "signature": {
            "a_ptr": "*fp16", "b_ptr": "*fp16", "c_ptr": "*fp16", "batches": "i32", "M": "i32", "N": "i32", "K": "i32",
            "stride_ab": "i32", "stride_am": "i32", "stride_bb": "i32", "stride_bk": "i32", "stride_cb": "i32",
            "stride_cm": "i32",
        },
        "constexprs": {
            "stride_ak": 1, "stride_bn": 1, "stride_cn": 1, "BLOCK_B": 4, "BLOCK_M": 32, "BLOCK_N": 32, "BLOCK_K": 32,
        },
        "num_warps": 4,
        "num_stages": 2,
        "divisible": (
            "a_ptr", "b_ptr", "c_ptr", "K", "stride_ab", "stride_am", "stride_bb", "stride_bk", "stride_cb",
            "stride_cm",
        ),
    },
}  # fmt: skip


@triton.jit
def matmul_batched(
    a_ptr,
    b_ptr,
    c_ptr,
    batches,
    M,
    N,
    K,
    stride_ab,
    stride_am,
    stride_ak: tl.constexpr,
    stride_bb,
    stride_bk,
    stride_bn: tl.constexpr,
    stride_cb,
    stride_cm,
    stride_cn: tl.constexpr,
    BLOCK_B: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """One block of BLOCK_B products; the grid is (block rows, block columns, blocks of batches)."""
    rows = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    inner = tl.arange(0, BLOCK_K)
    if BLOCK_B == 1:
        batch = tl.program_id(2).to(tl.int64)
        down, across, inner_a, inner_b = rows[:, None], columns[None, :], inner[None, :], inner[:, None]
        inside, beside = down < M, across < N
        total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    else:
        batch = (tl.program_id(2).to(tl.int64) * BLOCK_B + tl.arange(0, BLOCK_B))[:, None, None]
        down, across = rows[None, :, None], columns[None, None, :]
        inner_a, inner_b = inner[None, None, :], inner[None, :, None]
        inside, beside = (batch < batches) & (down < M), (batch < batches) & (across < N)
        total = tl.zeros((BLOCK_B, BLOCK_M, BLOCK_N), dtype=tl.float32)
    a = a_ptr + batch * stride_ab + down * stride_am + inner_a * stride_ak
    b = b_ptr + batch * stride_bb + inner_b * stride_bk + across * stride_bn
    for start in range(0, K, BLOCK_K):
        a_block = tl.load(a, mask=inside & (inner_a < K - start), other=0.0)
        b_block = tl.load(b, mask=beside & (inner_b < K - start), other=0.0)
        total = tl.dot(a_block, b_block, total, input_precision="ieee")
        a += BLOCK_K * stride_ak
        b += BLOCK_K * stride_bk
    c = c_ptr + batch * stride_cb + down * stride_cm + across * stride_cn
    tl.store(c, total.to(c_ptr.dtype.element_ty), mask=inside & beside)


def prepare(params, tools):
    """The products of drawn matrices."""
    tensors = _tensors(params, tools)
    every = params.get("every", 1)
    return lambda: {"c": _launch(*tensors, params)[::every]}


def reference(params, tools):
    """Each product in float64."""
    a, b, _ = _tensors(params, tools)
    every = params.get("every", 1)
    return {"c": a[::every].double() @ b[::every].double()}


def split(params, tools):
    """One batch after another: the bits of a product are not to depend on the others."""
    a, b, c = _tensors(params, tools)

    def work():
        for batch in range(params["batch"]):
            _launch(a[batch : batch + 1], b[batch : batch + 1], c[batch : batch + 1], params)
        return {"c": c[:: params.get("every", 1)]}

    return work


def _tensors(params, tools):
    batch, m, n, k, dtype = (params[name] for name in ("batch", "M", "N", "K", "dtype"))
    a = _operand(params, tools, "a", m, k)
    b = _operand(params, tools, "b", k, n)
    strides = _strides(params, params.get("c"), m, n)
    return a, b, tools.empty((batch, m, n), params.get("out", dtype), strides)


def _operand(params, tools, name, rows, columns):
    batch = params["batch"]
    shape = (1 if params.get("shared") == name else batch, rows, columns)
    if "whole" in params:
        values = tools.integers(-params["whole"], params["whole"] + 1, shape).astype("float32")
    else:
        values = tools.uniform(shape)
    strides = _strides(params, params.get(name), rows, columns)
    return tools.tensor(values, params["dtype"], strides).expand(batch, rows, columns)


def _strides(params, order, rows, columns):
    """Of matrices one after another, or side by side where the batch is an inner dimension."""
    pitch = params.get("pitch", 0)
    if order == "t":
        return (columns * (rows + pitch) + pitch, 1, rows + pitch)
    if params.get("outer"):
        return (columns + pitch, params["batch"] * (columns + pitch), 1)
    return (rows * (columns + pitch) + pitch, columns + pitch, 1)


def _launch(a, b, c, params):
    (batch, m, k), n = a.shape, b.shape[2]
    block, together = params.get("block", 16), params.get("together", 1)
    if batch and m and n:
        matmul_batched[(triton.cdiv(m, block), triton.cdiv(n, block), triton.cdiv(batch, together))](
            a,
            b,
            c,
            batch,
            m,
            n,
            k,
            *a.stride(),
            *b.stride(),
            *c.stride(),
            BLOCK_B=together,
            BLOCK_M=block,
            BLOCK_N=block,
            BLOCK_K=16,
        )
    return c

"""The products of a mixture of experts: every token's row times the weights of the expert that it was sent to.

a is (tokens, K), sorted by expert; w is (experts, K, N); c is (tokens, N), all contiguous. offsets (experts + 1,) of
int32: the tokens of expert e are the rows from offsets[e] up to offsets[e + 1]; an expert may have none. Where all have
the same number it is a batched product. Sums are kept in float32.

Why upgrades break it: bounds and base addresses are read from memory, so what is uniform among the threads of a block
has to be found out by the compiler; blocks at an expert's last token are masked by a number that no program knows
before. An expert without tokens is where loops that assume one turn went wrong.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")
NEEDS = ("runtime_loop",)

# tokens: of each expert, with none and with one among them. The grid has room for the largest expert.
CASES = {
    "fp32-5-experts": {"dtype": "fp32", "tokens": (17, 0, 1, 33, 5), "N": 35, "K": 37, "length": 37},
    "fp16-3-experts": {"dtype": "fp16", "tokens": (16, 20, 3), "N": 50, "K": 129, "length": 129},
    "fp16-4-experts-whole": {"dtype": "fp16", "tokens": (0, 31, 18, 0), "N": 18, "K": 64, "whole": 1, "tolerance": 0.0},
    "fp32-batch-3x19": {"dtype": "fp32", "tokens": (19, 19, 19), "N": 20, "K": 20, "length": 20},
    "fp32-one-token": {"dtype": "fp32", "tokens": (0, 0, 1), "N": 1, "K": 50, "length": 50},
    "fp32-no-token": {"dtype": "fp32", "tokens": (0, 0), "N": 16, "K": 16},
    "bf16-8-experts": {
        "dtype": "bf16", "tokens": (4096, 1, 0, 977, 2048, 63, 64, 65), "N": 512, "K": 2048, "length": 2048,
        "block": 64, "tiers": ("gpu",)
    },
}  # fmt: skip

AOT = {
    "fp16-64x64x32": {
        "signature": {
            "a_ptr": "*fp16",
            "w_ptr": "*fp16",
            "c_ptr": "*fp16",
            "offset_ptr": "*i32",
            "N": "i32",
            "K": "i32",
        },
        "constexprs": {"BLOCK": 64, "BLOCK_K": 32},
        "num_warps": 4,
        "num_stages": 3,
        "divisible": ("a_ptr", "w_ptr", "c_ptr", "offset_ptr", "N", "K"),
    },
    "bf16-128x128x64": {
        "signature": {
            "a_ptr": "*bf16",
            "w_ptr": "*bf16",
            "c_ptr": "*bf16",
            "offset_ptr": "*i32",
            "N": "i32",
            "K": "i32",
        },
        "constexprs": {"BLOCK": 128, "BLOCK_K": 64},
        "num_warps": 8,
        "num_stages": 2,
        "divisible": ("a_ptr", "w_ptr", "c_ptr", "offset_ptr", "N", "K"),
        "since": 80,
    },
}


@triton.jit
def matmul_grouped(a_ptr, w_ptr, c_ptr, offset_ptr, N, K, BLOCK: tl.constexpr, BLOCK_K: tl.constexpr):
    """One block of an expert's rows; the grid is (blocks of the largest expert, block columns, experts)."""
    expert = tl.program_id(2)
    begin = tl.load(offset_ptr + expert)
    end = tl.load(offset_ptr + expert + 1)
    rows = begin + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    if begin + tl.program_id(0) * BLOCK < end:
        w_ptr += expert.to(tl.int64) * K * N
        total = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
        for start in range(0, K, BLOCK_K):
            inner = start + tl.arange(0, BLOCK_K)
            a_at = rows[:, None] * K + inner[None, :]
            w_at = inner[:, None] * N + columns[None, :]
            a = tl.load(a_ptr + a_at, mask=(rows[:, None] < end) & (inner[None, :] < K), other=0.0)
            w = tl.load(w_ptr + w_at, mask=(inner[:, None] < K) & (columns[None, :] < N), other=0.0)
            total = tl.dot(a, w, total, input_precision="ieee")
        inside = (rows[:, None] < end) & (columns[None, :] < N)
        tl.store(c_ptr + rows[:, None] * N + columns[None, :], total.to(c_ptr.dtype.element_ty), mask=inside)


def prepare(params, tools):
    """Drawn tokens and weights."""
    tensors = _tensors(params, tools)
    return lambda: {"c": _launch(*tensors, params, 0, len(params["tokens"]))}


def reference(params, tools):
    """Expert by expert, in float64."""
    import torch

    a, w, _, _ = _tensors(params, tools)
    parts = torch.split(a.double(), list(params["tokens"]))
    return {"c": torch.cat([part @ weights for part, weights in zip(parts, w.double())])}


def split(params, tools):
    """Each expert by itself."""
    tensors = _tensors(params, tools)

    def work():
        for expert in range(len(params["tokens"])):
            c = _launch(*tensors, params, expert, expert + 1)
        return {"c": c}

    return work


def _tensors(params, tools):
    import numpy as np

    tokens, n, k, whole = params["tokens"], params["N"], params["K"], params.get("whole")
    offsets = np.cumsum((0, *tokens))

    def draw(shape):
        return tools.uniform(shape) if whole is None else tools.integers(-whole, whole + 1, shape).astype("float32")

    return (
        tools.tensor(draw((int(offsets[-1]), k)), params["dtype"]),
        tools.tensor(draw((len(tokens), k, n)), params["dtype"]),
        tools.empty((int(offsets[-1]), n), params["dtype"]),
        tools.tensor(offsets, "i32"),
    )


def _launch(a, w, c, offsets, params, first, end):
    """The experts from ``first`` up to ``end``."""
    n, k, block = params["N"], params["K"], params.get("block", 16)
    blocks = triton.cdiv(max(params["tokens"][first:end]), block)
    if blocks:
        grid = blocks, triton.cdiv(n, block), end - first
        matmul_grouped[grid](a, w[first:], c, offsets[first:], n, k, BLOCK=block, BLOCK_K=16)
    return c

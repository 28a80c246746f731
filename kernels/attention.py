"""Attention in one pass: o = softmax(q k^T * scale) v, with a running maximum and a running sum for each query.

q and o are (heads, queries, D), k and v (heads, keys, D), rows ``stride_q`` and ``stride_k`` elements apart, heads one
after the other; lengths (heads,) of int32 say how many keys of a head count, the others are padding. Causal: query i
sees the keys up to i + keys - queries. A query that sees no key has o = 0 and logsumexp = -inf. The logsumexp of each
query is stored in float32 for a backward pass. Products are summed in float32. ``D`` is a power of two of at least 16.

Why upgrades break it: two products with a softmax between them keep more values in registers than any other kernel, and
the second product takes its operand from the first one's layout. Releases change the pipelining of the loop, and lose
matrix instructions for one of the two; masks at odd lengths are where gradients and outputs went wrong.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")
NEEDS = ("runtime_loop",)

# block: small, so that there are several of queries and of keys, each with a tail. padded: heads whose keys end early,
# the second one before the first. length: of the sums over D and over the keys.
CASES = {
    "fp32-2x33x33x16-causal": {
        "dtype": "fp32", "heads": 2, "queries": 33, "keys": 33, "D": 16, "length": 49, "causal": True
    },
    "fp32-2x19x50x32": {"dtype": "fp32", "heads": 2, "queries": 19, "keys": 50, "D": 32, "length": 82, "causal": False},
    "fp32-3x1x37x16-causal": {
        "dtype": "fp32", "heads": 3, "queries": 1, "keys": 37, "D": 16, "length": 53, "causal": True
    },
    "fp32-3x35x40x16-padded": {
        "dtype": "fp32", "heads": 3, "queries": 35, "keys": 40, "D": 16, "length": 56, "causal": False, "padded": True
    },
    "fp32-3x21x18x16-causal-padded": {
        "dtype": "fp32", "heads": 3, "queries": 21, "keys": 18, "D": 16, "length": 34, "causal": True, "padded": True
    },
    "fp16-2x34x65x32-pitched": {
        "dtype": "fp16", "heads": 2, "queries": 34, "keys": 65, "D": 32, "length": 97, "causal": True, "pitch": 5,
        "tolerance": 1.5e-3  # the weights are rounded to fp16 for the second product, and so is the result
    },
    "fp32-2x17x33x16-large": {
        "dtype": "fp32", "heads": 2, "queries": 17, "keys": 33, "D": 16, "length": 49, "causal": False, "large": 40.0,
        "tolerance": 2e-5  # scores of some hundreds, whose error the exponential makes relative
    },
    "fp32-2x0x16x16": {"dtype": "fp32", "heads": 2, "queries": 0, "keys": 16, "D": 16, "causal": False},
    "fp16-8x4033x4096x128-causal": {
        "dtype": "fp16", "heads": 8, "queries": 4033, "keys": 4096, "D": 128, "length": 4224, "causal": True,
        "block": 64, "tolerance": 2e-3, "tiers": ("gpu",)
    },
    "bf16-24x2112x2112x64-padded": {
        "dtype": "bf16", "heads": 24, "queries": 2112, "keys": 2112, "D": 64, "length": 2176, "causal": False,
        "block": 64, "padded": True, "tolerance": 1.5e-2, "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "4 * heads * queries * keys * D", "bytes": "2 * heads * (queries + keys) * D * width"}

AOT = {
    "fp16-64x64x64-causal": {
        "signature": {
            "q_ptr": "*fp16",
            "k_ptr": "*fp16",
            "v_ptr": "*fp16",
            "o_ptr": "*fp16",
            "lse_ptr": "*fp32",
            "length_ptr": "*i32",
            "stride_q": "i32",
            "stride_k": "i32",
            "queries": "i32",
            "keys": "i32",
            "scale": "fp32",
        },
        "constexprs": {"D": 64, "CAUSAL": True, "BLOCK_M": 64, "BLOCK_N": 64, "PRECISION": "ieee"},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("q_ptr", "k_ptr", "v_ptr", "o_ptr", "lse_ptr", "length_ptr", "stride_q", "stride_k"),
    },
    "bf16-128x64x128": {
        "signature": {
            "q_ptr": "*bf16",
            "k_ptr": "*bf16",
            "v_ptr": "*bf16",
            "o_ptr": "*bf16",
            "lse_ptr": "*fp32",
            "length_ptr": "*i32",
            "stride_q": "i32",
            "stride_k": "i32",
            "queries": "i32",
            "keys": "i32",
            "scale": "fp32",
        },
        "constexprs": {"D": 128, "CAUSAL": False, "BLOCK_M": 128, "BLOCK_N": 64, "PRECISION": "ieee"},
        "num_warps": 8,
        "num_stages": 2,
        "divisible": ("q_ptr", "k_ptr", "v_ptr", "o_ptr", "lse_ptr", "length_ptr", "stride_q", "stride_k"),
        "since": 80,
    },
    "tf32-64x32x64-causal": {
        "signature": {
            "q_ptr": "*fp32",
            "k_ptr": "*fp32",
            "v_ptr": "*fp32",
            "o_ptr": "*fp32",
            "lse_ptr": "*fp32",
            "length_ptr": "*i32",
            "stride_q": "i32",
            "stride_k": "i32",
            "queries": "i32",
            "keys": "i32",
            "scale": "fp32",
        },
        "constexprs": {"D": 64, "CAUSAL": True, "BLOCK_M": 64, "BLOCK_N": 32, "PRECISION": "tf32"},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("q_ptr", "k_ptr", "v_ptr", "o_ptr", "lse_ptr", "length_ptr", "stride_q", "stride_k"),
        "since": 80,
    },
}


@triton.jit
def attention(
    q_ptr,
    k_ptr,
    v_ptr,
    o_ptr,
    lse_ptr,
    length_ptr,
    stride_q,
    stride_k,
    queries,
    keys,
    scale,
    D: tl.constexpr,
    CAUSAL: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """One block of queries of a head; the grid is (blocks of queries, heads)."""
    first = tl.program_id(0) * BLOCK_M
    head = tl.program_id(1)
    length = tl.load(length_ptr + head)
    rows = first + tl.arange(0, BLOCK_M)
    inner = tl.arange(0, D)
    at_q = (head * queries + rows)[:, None] * stride_q + inner[None, :]
    q = tl.load(q_ptr + at_q, mask=rows[:, None] < queries, other=0.0)
    largest = tl.full((BLOCK_M,), -float("inf"), dtype=tl.float32)
    total = tl.zeros((BLOCK_M,), dtype=tl.float32)
    o = tl.zeros((BLOCK_M, D), dtype=tl.float32)
    end = tl.minimum(length, first + BLOCK_M + keys - queries) if CAUSAL else length
    for start in range(0, end, BLOCK_N):
        columns = start + tl.arange(0, BLOCK_N)
        at_k = (head * keys + columns)[:, None] * stride_k + inner[None, :]
        inside = columns < length
        k = tl.load(k_ptr + at_k, mask=inside[:, None], other=0.0)
        v = tl.load(v_ptr + at_k, mask=inside[:, None], other=0.0)
        scores = tl.dot(q, tl.trans(k), input_precision=PRECISION) * scale
        seen = inside[None, :]
        if CAUSAL:
            seen = seen & (columns[None, :] <= rows[:, None] + keys - queries)
        scores = tl.where(seen, scores, -float("inf"))
        higher = tl.maximum(largest, tl.max(scores, axis=1))
        # Of a query that has seen no key yet nothing is subtracted: -inf less -inf would be NaN.
        base = tl.where(higher == -float("inf"), 0.0, higher)
        weights = tl.exp(scores - base[:, None])
        shrunk = tl.exp(largest - base)
        total = total * shrunk + tl.sum(weights, axis=1)
        o = o * shrunk[:, None] + tl.dot(weights.to(v.dtype), v, input_precision=PRECISION)
        largest = higher
    o = o / tl.where(total == 0.0, 1.0, total)[:, None]
    tl.store(o_ptr + at_q, o.to(o_ptr.dtype.element_ty), mask=rows[:, None] < queries)
    tl.store(lse_ptr + head * queries + rows, largest + tl.log(total), mask=rows < queries)


def prepare(params, tools):
    """Drawn queries, keys and values; ``large`` stretches the queries."""
    tensors = _tensors(params, tools)
    return lambda: _launch(*tensors, params, slice(None))


def reference(params, tools):
    """The definition, in float64, with what each query sees as a matrix."""
    import torch

    q, k, v, _, _, lengths = _tensors(params, tools)
    queries, keys = params["queries"], params["keys"]
    key, query = torch.arange(keys, device=q.device), torch.arange(queries, device=q.device)
    seen = (key < lengths[:, None])[:, None, :].expand(-1, queries, -1)
    if params["causal"]:
        seen = seen & (key[None, :] <= query[:, None] + keys - queries)
    scores = (q.double() @ k.double().transpose(1, 2)) * _scale(params)
    scores = scores.masked_fill(~seen, -float("inf"))
    weights = torch.softmax(scores, dim=2).nan_to_num(0.0)
    return {"o": weights @ v.double(), "lse": torch.logsumexp(scores, dim=2)}


def split(params, tools):
    """Each head by itself."""
    tensors = _tensors(params, tools)

    def work():
        for head in range(params["heads"]):
            found = _launch(*tensors, params, slice(head, head + 1))
        return found

    return work


def _scale(params):
    return params["D"] ** -0.5


def _tensors(params, tools):
    import numpy as np

    heads, queries, keys, d, dtype = (params[name] for name in ("heads", "queries", "keys", "D", "dtype"))
    row_q, row_k = d + params.get("pitch", 0), d + 2 * params.get("pitch", 0)
    lengths = np.full(heads, keys)
    if params.get("padded"):
        lengths[0], lengths[1] = keys - 3, 0
    of_q, of_k = (queries * row_q, row_q, 1), (keys * row_k, row_k, 1)
    q, k, v = (tools.uniform((heads, rows, d)) for rows in (queries, keys, keys))
    return (
        tools.tensor(q * params.get("large", 2.0), dtype, of_q),
        tools.tensor(k * 2.0, dtype, of_k),
        tools.tensor(v, dtype, of_k),
        tools.empty((heads, queries, d), dtype, of_q),
        tools.empty((heads, queries), "fp32"),
        tools.tensor(lengths, "i32"),
    )


def _launch(q, k, v, o, lse, lengths, params, heads):
    queries, keys, block = params["queries"], params["keys"], params.get("block", 16)
    mine = [tensor[heads] for tensor in (q, k, v, o, lse, lengths)]
    if queries:
        attention[(triton.cdiv(queries, block), len(mine[0]))](
            *mine,
            q.stride(1),
            k.stride(1),
            queries,
            keys,
            _scale(params),
            D=params["D"],
            CAUSAL=params["causal"],
            BLOCK_M=block,
            BLOCK_N=block,
            PRECISION="ieee",
        )
    return {"o": o, "lse": lse}

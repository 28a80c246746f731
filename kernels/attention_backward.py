"""Gradients of attention, for queries, keys and values, from the logsumexp of the forward pass.

With p = exp(q k^T * scale - lse), dp = do v^T and ds = p * (dp - delta), where delta is the sum of do * o over a row:
dq = ds k * scale, dk = ds^T q * scale, dv = p^T do. q, do, dq are (heads, queries, D), k, v, dk, dv (heads, keys, D),
contiguous; lse and delta (heads, queries) in float32; lengths (heads,) of int32 say how many keys count, the gradients
of the others are 0. Causal as in ``attention``. One kernel walks the keys for dq, the other the queries for dk and dv.

Why upgrades break it: five products in one loop, two of them with a transposed operand that was just computed. NaN in
these gradients, at length 1 and at lengths that are an odd multiple of 64 with a mask, reached releases.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")
NEEDS = ("runtime_loop",)

# padded: the second head has no keys, so its gradients are 0 and finite. length: of sums over D and the longer side.
CASES = {
    "fp32-2x33x33x16-causal": {
        "dtype": "fp32", "heads": 2, "queries": 33, "keys": 33, "D": 16, "length": 49, "causal": True
    },
    "fp32-2x19x50x32": {"dtype": "fp32", "heads": 2, "queries": 19, "keys": 50, "D": 32, "length": 82, "causal": False},
    "fp32-2x1x37x16": {"dtype": "fp32", "heads": 2, "queries": 1, "keys": 37, "D": 16, "length": 53, "causal": False},
    "fp32-2x37x2x16": {"dtype": "fp32", "heads": 2, "queries": 37, "keys": 2, "D": 16, "length": 53, "causal": False},
    "fp32-3x35x40x16-padded": {
        "dtype": "fp32", "heads": 3, "queries": 35, "keys": 40, "D": 16, "length": 56, "causal": False, "padded": True
    },
    "fp32-3x21x18x16-causal-padded": {
        "dtype": "fp32", "heads": 3, "queries": 21, "keys": 18, "D": 16, "length": 39, "causal": True, "padded": True
    },
    "fp16-2x34x65x32": {
        "dtype": "fp16", "heads": 2, "queries": 34, "keys": 65, "D": 32, "length": 97, "causal": True,
        "tolerance": 2e-3  # p and ds are rounded to fp16 for the second products, and so is the result
    },
    "bf16-8x2112x2112x64-padded": {
        "dtype": "bf16", "heads": 8, "queries": 2112, "keys": 2112, "D": 64, "length": 2176, "causal": False,
        "block": 32, "padded": True, "tolerance": 2e-2, "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "14 * heads * queries * keys * D", "bytes": "4 * heads * (queries + keys) * D * width"}

AOT = {
    "dq-fp16-64x32x64-causal": {
        "signature": {
            "q_ptr": "*fp16",
            "k_ptr": "*fp16",
            "v_ptr": "*fp16",
            "do_ptr": "*fp16",
            "lse_ptr": "*fp32",
            "delta_ptr": "*fp32",
            "length_ptr": "*i32",
            "dq_ptr": "*fp16",
            "queries": "i32",
            "keys": "i32",
            "scale": "fp32",
        },
        "constexprs": {"D": 64, "CAUSAL": True, "BLOCK_M": 64, "BLOCK_N": 32, "PRECISION": "ieee"},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("q_ptr", "k_ptr", "v_ptr", "do_ptr", "lse_ptr", "delta_ptr", "length_ptr", "dq_ptr"),
        "kernel": "query_gradients",
    },
    "dkv-fp16-64x32x64-causal": {
        "signature": {
            "q_ptr": "*fp16",
            "k_ptr": "*fp16",
            "v_ptr": "*fp16",
            "do_ptr": "*fp16",
            "lse_ptr": "*fp32",
            "delta_ptr": "*fp32",
            "length_ptr": "*i32",
            "dk_ptr": "*fp16",
            "dv_ptr": "*fp16",
            "queries": "i32",
            "keys": "i32",
            "scale": "fp32",
        },
        "constexprs": {"D": 64, "CAUSAL": True, "BLOCK_M": 64, "BLOCK_N": 32, "PRECISION": "ieee"},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("q_ptr", "k_ptr", "v_ptr", "do_ptr", "lse_ptr", "delta_ptr", "length_ptr", "dk_ptr", "dv_ptr"),
        "kernel": "key_gradients",
    },
    "dq-bf16-32x64x128": {
        "signature": {
            "q_ptr": "*bf16",
            "k_ptr": "*bf16",
            "v_ptr": "*bf16",
            "do_ptr": "*bf16",
            "lse_ptr": "*fp32",
            "delta_ptr": "*fp32",
            "length_ptr": "*i32",
            "dq_ptr": "*bf16",
            "queries": "i32",
            "keys": "i32",
            "scale": "fp32",
        },
        "constexprs": {"D": 128, "CAUSAL": False, "BLOCK_M": 32, "BLOCK_N": 64, "PRECISION": "ieee"},
        "num_warps": 8,
        "num_stages": 2,
        "divisible": ("q_ptr", "k_ptr", "v_ptr", "do_ptr", "lse_ptr", "delta_ptr", "length_ptr", "dq_ptr"),
        "kernel": "query_gradients",
        "since": 80,
    },
    "dkv-bf16-32x64x128": {
        "signature": {
            "q_ptr": "*bf16",
            "k_ptr": "*bf16",
            "v_ptr": "*bf16",
            "do_ptr": "*bf16",
            "lse_ptr": "*fp32",
            "delta_ptr": "*fp32",
            "length_ptr": "*i32",
            "dk_ptr": "*bf16",
            "dv_ptr": "*bf16",
            "queries": "i32",
            "keys": "i32",
            "scale": "fp32",
        },
        "constexprs": {"D": 128, "CAUSAL": False, "BLOCK_M": 32, "BLOCK_N": 64, "PRECISION": "ieee"},
        "num_warps": 8,
        "num_stages": 2,
        "divisible": ("q_ptr", "k_ptr", "v_ptr", "do_ptr", "lse_ptr", "delta_ptr", "length_ptr", "dk_ptr", "dv_ptr"),
        "kernel": "key_gradients",
        "since": 80,
    },
}


@triton.jit
def query_gradients(
    q_ptr,
    k_ptr,
    v_ptr,
    do_ptr,
    lse_ptr,
    delta_ptr,
    length_ptr,
    dq_ptr,
    queries,
    keys,
    scale,
    D: tl.constexpr,
    CAUSAL: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """The gradient of one block of queries; the grid is (blocks of queries, heads)."""
    first = tl.program_id(0) * BLOCK_M
    head = tl.program_id(1)
    length = tl.load(length_ptr + head)
    rows = first + tl.arange(0, BLOCK_M)
    inner = tl.arange(0, D)
    inside = rows < queries
    at_q = (head * queries + rows)[:, None] * D + inner[None, :]
    q = tl.load(q_ptr + at_q, mask=inside[:, None], other=0.0)
    do = tl.load(do_ptr + at_q, mask=inside[:, None], other=0.0)
    lse = tl.load(lse_ptr + head * queries + rows, mask=inside, other=0.0)
    delta = tl.load(delta_ptr + head * queries + rows, mask=inside, other=0.0)
    dq = tl.zeros((BLOCK_M, D), dtype=tl.float32)
    end = tl.minimum(length, first + BLOCK_M + keys - queries) if CAUSAL else length
    for start in range(0, end, BLOCK_N):
        columns = start + tl.arange(0, BLOCK_N)
        at_k = (head * keys + columns)[:, None] * D + inner[None, :]
        k = tl.load(k_ptr + at_k, mask=columns[:, None] < length, other=0.0)
        v = tl.load(v_ptr + at_k, mask=columns[:, None] < length, other=0.0)
        seen = (columns < length)[None, :] & inside[:, None]
        if CAUSAL:
            seen = seen & (columns[None, :] <= rows[:, None] + keys - queries)
        scores = tl.dot(q, tl.trans(k), input_precision=PRECISION) * scale
        # Of what is not seen the exponent is not taken: -inf less -inf would be NaN.
        p = tl.exp(tl.where(seen, scores - lse[:, None], -float("inf")))
        dp = tl.dot(do, tl.trans(v), input_precision=PRECISION)
        ds = p * (dp - delta[:, None])
        dq += tl.dot(ds.to(k.dtype), k, input_precision=PRECISION)
    tl.store(dq_ptr + at_q, (dq * scale).to(dq_ptr.dtype.element_ty), mask=inside[:, None])


@triton.jit
def key_gradients(
    q_ptr,
    k_ptr,
    v_ptr,
    do_ptr,
    lse_ptr,
    delta_ptr,
    length_ptr,
    dk_ptr,
    dv_ptr,
    queries,
    keys,
    scale,
    D: tl.constexpr,
    CAUSAL: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """The gradients of one block of keys; the grid is (blocks of keys, heads)."""
    head = tl.program_id(1)
    length = tl.load(length_ptr + head)
    columns = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    inner = tl.arange(0, D)
    at_k = (head * keys + columns)[:, None] * D + inner[None, :]
    k = tl.load(k_ptr + at_k, mask=columns[:, None] < length, other=0.0)
    v = tl.load(v_ptr + at_k, mask=columns[:, None] < length, other=0.0)
    dk = tl.zeros((BLOCK_N, D), dtype=tl.float32)
    dv = tl.zeros((BLOCK_N, D), dtype=tl.float32)
    for start in range(0, queries, BLOCK_M):
        rows = start + tl.arange(0, BLOCK_M)
        inside = rows < queries
        at_q = (head * queries + rows)[:, None] * D + inner[None, :]
        q = tl.load(q_ptr + at_q, mask=inside[:, None], other=0.0)
        do = tl.load(do_ptr + at_q, mask=inside[:, None], other=0.0)
        lse = tl.load(lse_ptr + head * queries + rows, mask=inside, other=0.0)
        delta = tl.load(delta_ptr + head * queries + rows, mask=inside, other=0.0)
        seen = (columns < length)[:, None] & inside[None, :]
        if CAUSAL:
            seen = seen & (columns[:, None] <= rows[None, :] + keys - queries)
        scores = tl.dot(k, tl.trans(q), input_precision=PRECISION) * scale
        p = tl.exp(tl.where(seen, scores - lse[None, :], -float("inf")))
        dv += tl.dot(p.to(do.dtype), do, input_precision=PRECISION)
        dp = tl.dot(v, tl.trans(do), input_precision=PRECISION)
        ds = p * (dp - delta[None, :])
        dk += tl.dot(ds.to(q.dtype), q, input_precision=PRECISION)
    tl.store(dk_ptr + at_k, (dk * scale).to(dk_ptr.dtype.element_ty), mask=columns[:, None] < keys)
    tl.store(dv_ptr + at_k, dv.to(dv_ptr.dtype.element_ty), mask=columns[:, None] < keys)


def prepare(params, tools):
    """Drawn tensors; logsumexp and delta are those of the definition, rounded to float32."""
    import torch

    q, k, v, do, lengths = _tensors(params, tools)
    heads, queries, keys, block = (params.get(name, 16) for name in ("heads", "queries", "keys", "block"))
    with torch.no_grad():
        o, lse = _defined(q.double(), k.double(), v.double(), lengths, params)
    lse = tools.tensor(lse.cpu().numpy(), "fp32")
    delta = tools.tensor((do.double() * o).sum(dim=2).cpu().numpy(), "fp32")
    dq, dk, dv = (tools.empty(tensor.shape, params["dtype"]) for tensor in (q, k, v))
    given = q, k, v, do, lse, delta, lengths
    options = {"D": params["D"], "CAUSAL": params["causal"], "BLOCK_M": block, "BLOCK_N": block, "PRECISION": "ieee"}

    def work():
        blocks_q, blocks_k = triton.cdiv(queries, block), triton.cdiv(keys, block)
        query_gradients[(blocks_q, heads)](*given, dq, queries, keys, _scale(params), **options)
        key_gradients[(blocks_k, heads)](*given, dk, dv, queries, keys, _scale(params), **options)
        return {"dq": dq, "dk": dk, "dv": dv}

    return work


def reference(params, tools):
    """Autograd of the definition, in float64; of a query that sees nothing the result does not depend on anything."""
    import torch

    q, k, v, do, lengths = _tensors(params, tools)
    q, k, v = (tensor.double().clone().requires_grad_() for tensor in (q, k, v))
    o, _ = _defined(q, k, v, lengths, params)
    dq, dk, dv = torch.autograd.grad(o, (q, k, v), do.double())
    return {"dq": dq, "dk": dk, "dv": dv}


def _scale(params):
    return params["D"] ** -0.5


def _defined(q, k, v, lengths, params):
    """Output and logsumexp by the definition; -inf for a query that sees no key."""
    import torch

    queries, keys = params["queries"], params["keys"]
    key, query = torch.arange(keys, device=q.device), torch.arange(queries, device=q.device)
    seen = (key < lengths[:, None])[:, None, :].expand(-1, queries, -1)
    if params["causal"]:
        seen = seen & (key[None, :] <= query[:, None] + keys - queries)
    scores = (q @ k.transpose(1, 2)) * _scale(params)
    # A finite number in place of -inf: where nothing is seen the gradient of a softmax of -inf alone is NaN.
    weights = torch.softmax(scores.masked_fill(~seen, -1e300), dim=2).masked_fill(~seen, 0.0)
    return weights @ v, torch.logsumexp(scores.masked_fill(~seen, -float("inf")), dim=2)


def _tensors(params, tools):
    import numpy as np

    heads, queries, keys, d, dtype = (params[name] for name in ("heads", "queries", "keys", "D", "dtype"))
    lengths = np.full(heads, keys)
    if params.get("padded"):
        lengths[0], lengths[1] = keys - 3, 0
    q, k, v, do = (tools.uniform((heads, rows, d)) for rows in (queries, keys, keys, queries))
    return (
        tools.tensor(q * 2.0, dtype),
        tools.tensor(k * 2.0, dtype),
        tools.tensor(v, dtype),
        tools.tensor(do, dtype),
        tools.tensor(lengths, "i32"),
    )

"""Rotary position embedding of queries or keys: each pair (x[i], x[i + HALF]) is turned by its position's angle.

x and y are (tokens, heads, 2 * HALF), tokens ``stride_token`` and heads ``stride_head`` elements apart; cos and sin are
(tokens, HALF) in float32, contiguous. y[i] = x[i] cos - x[i + HALF] sin and y[i + HALF] = x[i + HALF] cos + x[i] sin,
in float32, stored in y's type. ``HALF`` and ``HEADS`` are powers of two; ``heads`` is the number that exists.

Why upgrades break it: there is nothing here but loads, stores and four multiply-adds, so it shows how well a release
vectorises memory access and nothing else hides that.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("triton",)

AOT = {
    "fp16-32x128": {
        "signature": {
            "x_ptr": "*fp16",
            "y_ptr": "*fp16",
            "cos_ptr": "*fp32",
            "sin_ptr": "*fp32",
            "stride_token": "i32",
            "stride_head": "i32",
            "heads": "i32",
        },
        "constexprs": {"HEADS": 32, "HALF": 64},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("x_ptr", "y_ptr", "cos_ptr", "sin_ptr", "stride_token", "stride_head"),
    },
}


@triton.jit
def rotary(
    x_ptr,
    y_ptr,
    cos_ptr,
    sin_ptr,
    stride_token,
    stride_head,
    heads,
    HEADS: tl.constexpr,
    HALF: tl.constexpr,
):
    """Turn all heads of one token; the grid has one program for each token."""
    token = tl.program_id(0)
    lane = tl.arange(0, HALF)
    head = tl.arange(0, HEADS)
    cos = tl.load(cos_ptr + token * HALF + lane)[None, :]
    sin = tl.load(sin_ptr + token * HALF + lane)[None, :]
    first = token * stride_token + head[:, None] * stride_head + lane[None, :]
    second = first + HALF
    inside = head[:, None] < heads
    left = tl.load(x_ptr + first, mask=inside, other=0.0).to(tl.float32)
    right = tl.load(x_ptr + second, mask=inside, other=0.0).to(tl.float32)
    tl.store(y_ptr + first, (left * cos - right * sin).to(y_ptr.dtype.element_ty), mask=inside)
    tl.store(y_ptr + second, (right * cos + left * sin).to(y_ptr.dtype.element_ty), mask=inside)

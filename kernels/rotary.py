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
IMPORTS = ("torch", "triton")

# Angles grow with the position and are many turns at the largest; heads that do not fill a power of two are masked.
# behind: heads that lie behind the last in x, so that one too many is no NaN and is seen where it is written.
# every: of a large case, each so-manieth token is compared.
CASES = {
    "fp32-37x3x16": {"dtype": "fp32", "tokens": 37, "heads": 3, "half": 8, "length": 2},
    "fp32-5x6x64-pitched": {"dtype": "fp32", "tokens": 5, "heads": 6, "half": 32, "length": 2, "pitch": 5, "behind": 1},
    "fp16-11x4x32": {"dtype": "fp16", "tokens": 11, "heads": 4, "half": 16, "length": 2, "pitch": 3},
    "fp32-1x1x2": {"dtype": "fp32", "tokens": 1, "heads": 1, "half": 1, "length": 2},
    "fp32-0x2x16": {"dtype": "fp32", "tokens": 0, "heads": 2, "half": 8},
    "fp16-8192x32x128": {
        "dtype": "fp16", "tokens": 8192, "heads": 32, "half": 64, "length": 2, "every": 8, "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {
    "operations": "6 * tokens * heads * half",
    "bytes": "4 * tokens * heads * half * width + 8 * tokens * half",
}

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


def prepare(params, tools):
    """All heads of all tokens; ``pitch`` is the number of elements that lie between two heads."""
    x, cos, sin, y = _tensors(params, tools)
    return lambda: {"y": _launch(x, cos, sin, y)[:: params.get("every", 1)]}


def reference(params, tools):
    """The same turn as a product of complex numbers, in float64."""
    import torch

    x, cos, sin, _ = (tensor[:: params.get("every", 1)].double() for tensor in _tensors(params, tools))
    half = params["half"]
    turned = torch.complex(x[..., :half], x[..., half:]) * torch.complex(cos, sin)[:, None]
    return {"y": torch.cat([turned.real, turned.imag], dim=2)}


def split(params, tools):
    """Each token by itself."""
    x, cos, sin, y = _tensors(params, tools)

    def work():
        for token in range(params["tokens"]):
            own = slice(token, token + 1)
            _launch(x[own], cos[own], sin[own], y[own])
        return {"y": y[:: params.get("every", 1)]}

    return work


def _tensors(params, tools):
    import numpy as np

    tokens, heads, half = params["tokens"], params["heads"], params["half"]
    shape, behind = (tokens, heads, 2 * half), params.get("behind", 0)
    between = 2 * half + params.get("pitch", 0)
    strides = (heads + behind) * between + 2 * params.get("pitch", 0), between, 1
    angles = np.arange(tokens)[:, None] * 100.0 ** (-np.arange(half)[None, :] / half)
    return (
        tools.tensor(tools.uniform((tokens, heads + behind, 2 * half)), params["dtype"], strides)[:, :heads],
        tools.tensor(np.cos(angles), "fp32"),
        tools.tensor(np.sin(angles), "fp32"),
        tools.empty(shape, params["dtype"], strides),
    )


def _launch(x, cos, sin, y):
    tokens, heads, width = x.shape
    if tokens:
        heads_block = triton.next_power_of_2(heads)
        rotary[(tokens,)](x, y, cos, sin, x.stride(0), x.stride(1), heads, HEADS=heads_block, HALF=width // 2)
    return y

"""Running sums and a linear recurrence along a row, in blocks that carry on from each other.

x, decay, sums and states are (rows, columns), rows ``stride`` elements apart. sums[i] = x[0] + ... + x[i] is tl.cumsum;
states[i] = decay[i] * states[i - 1] + x[i] is tl.associative_scan, the core of a state-space model. Both in float32;
what a block ends with is where the next one begins.

Why upgrades break it: a scan is a tree over lanes, warps and registers with a different step at each level; releases
have mended it again and again for shapes that do not fill a warp.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")
NEEDS = ("runtime_loop", "scan")

# whole: drawn whole numbers, whose sums are exact in float32 (tolerance 0, the decays are 0, 1 and -1).
CASES = {
    "fp32-5x67": {"dtype": "fp32", "rows": 5, "columns": 67, "length": 67},
    "fp32-3x131-pitched": {"dtype": "fp32", "rows": 3, "columns": 131, "length": 131, "pitch": 7},
    "fp16-4x50-whole": {"dtype": "fp16", "rows": 4, "columns": 50, "whole": True, "tolerance": 0.0},
    "fp32-2x1": {"dtype": "fp32", "rows": 2, "columns": 1},
    "fp16-1024x2048": {
        "dtype": "fp16", "rows": 1024, "columns": 2048, "length": 2048, "block": 1024, "out": "fp32", "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "6 * rows * columns", "bytes": "2 * rows * columns * width + 8 * rows * columns"}

AOT = {
    "fp32-1024": {
        "signature": {
            "x_ptr": "*fp32",
            "decay_ptr": "*fp32",
            "sum_ptr": "*fp32",
            "state_ptr": "*fp32",
            "stride": "i32",
            "columns": "i32",
        },
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "divisible": ("x_ptr", "decay_ptr", "sum_ptr", "state_ptr", "stride", "columns"),
    },
    "fp16-2048": {
        "signature": {
            "x_ptr": "*fp16",
            "decay_ptr": "*fp16",
            "sum_ptr": "*fp32",
            "state_ptr": "*fp32",
            "stride": "i32",
            "columns": "i32",
        },
        "constexprs": {"BLOCK": 2048},
        "num_warps": 8,
        "divisible": ("x_ptr", "decay_ptr", "sum_ptr", "state_ptr", "stride", "columns"),
    },
}


@triton.jit
def after(decay_a, x_a, decay_b, x_b):
    """Two steps of the recurrence as one: first a, then b."""
    return decay_a * decay_b, decay_b * x_a + x_b


@triton.jit
def scan(x_ptr, decay_ptr, sum_ptr, state_ptr, stride, columns, BLOCK: tl.constexpr):
    """One row; the grid has one program for each row."""
    row = tl.program_id(0)
    total = tl.full((), 0.0, dtype=tl.float32)
    state = tl.full((), 0.0, dtype=tl.float32)
    for start in range(0, columns, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        inside = offsets < columns
        at = row * stride + offsets
        x = tl.load(x_ptr + at, mask=inside, other=0.0).to(tl.float32)
        decay = tl.load(decay_ptr + at, mask=inside, other=1.0).to(tl.float32)
        tl.store(sum_ptr + at, total + tl.cumsum(x, axis=0), mask=inside)
        total += tl.sum(x, axis=0)
        decays, states = tl.associative_scan((decay, x), 0, after)
        states = decays * state + states
        tl.store(state_ptr + at, states, mask=inside)
        state = tl.sum(tl.where(tl.arange(0, BLOCK) == BLOCK - 1, states, 0.0), axis=0)


def prepare(params, tools):
    """Drawn steps and decays in [-1, 1)."""
    x, decay, sums, states = _tensors(params, tools)
    rows, columns = x.shape

    def work():
        scan[(rows,)](x, decay, sums, states, x.stride(0), columns, BLOCK=params.get("block", 16))
        return {"sums": sums, "states": states}

    return work


def reference(params, tools):
    """Step by step, in float64."""
    import torch

    x, decay, *_ = (tensor.double() for tensor in _tensors(params, tools))
    states = torch.zeros_like(x)
    state = torch.zeros_like(x[:, 0])
    for at in range(x.shape[1]):
        state = decay[:, at] * state + x[:, at]
        states[:, at] = state
    return {"sums": x.cumsum(dim=1), "states": states}


def _tensors(params, tools):
    shape, dtype = (params["rows"], params["columns"]), params["dtype"]
    strides = shape[1] + params.get("pitch", 0), 1
    if params.get("whole"):
        x, decay = tools.integers(-8, 9, shape), tools.integers(-1, 2, shape)
    else:
        x, decay = tools.uniform(shape), tools.uniform(shape)
    return (
        tools.tensor(x.astype("float32"), dtype, strides),
        tools.tensor(decay.astype("float32"), dtype, strides),
        tools.empty(shape, "fp32", strides),
        tools.empty(shape, "fp32", strides),
    )

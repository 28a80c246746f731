"""How many elements fall into each bin: tl.histogram of a block, added to the whole with atomic additions.

x is (n,) of int32; bins are 0 to BINS - 1, a power of two, and what is outside of them counts nowhere. counts is
(BINS,) of int32, zero before. What a block's tail is filled with is taken off again: masks came late to tl.histogram.

Why upgrades break it: a histogram is votes of a warp and additions in shared memory, rewritten more than once; counts
are exact, so that a vote which is lost is seen.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")
NEEDS = ("histogram",)

# low, high: of the drawn numbers; outside 0 to BINS - 1 they must not be counted.
CASES = {
    "i32-1000-into-16": {"dtype": "i32", "n": 1000, "bins": 16, "low": 0, "high": 16},
    "i32-517-into-32-outside": {"dtype": "i32", "n": 517, "bins": 32, "low": -5, "high": 40},
    "i32-300-into-8-one": {"dtype": "i32", "n": 300, "bins": 8, "low": 3, "high": 4},
    "i32-1-into-8": {"dtype": "i32", "n": 1, "bins": 8, "low": 0, "high": 8},
    "i32-0-into-8": {"dtype": "i32", "n": 0, "bins": 8, "low": 0, "high": 8},
    "i32-16777217-into-256": {
        "dtype": "i32", "n": 16777217, "bins": 256, "low": 0, "high": 256, "block": 1024, "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "n", "bytes": "4 * n + 4 * bins"}

AOT = {
    "1024-into-256": {
        "signature": {"x_ptr": "*i32", "count_ptr": "*i32", "n": "i32"},
        "constexprs": {"BINS": 256, "BLOCK": 1024},
        "num_warps": 4,
        "divisible": ("x_ptr", "count_ptr"),
    },
    "2048-into-64": {
        "signature": {"x_ptr": "*i32", "count_ptr": "*i32", "n": "i32"},
        "constexprs": {"BINS": 64, "BLOCK": 2048},
        "num_warps": 8,
        "divisible": ("x_ptr", "count_ptr", "n"),
    },
}


@triton.jit
def histogram(x_ptr, count_ptr, n, BINS: tl.constexpr, BLOCK: tl.constexpr):
    """One block of elements; the grid has one program for each block."""
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets, mask=offsets < n, other=-1)
    valid = (x >= 0) & (x < BINS)
    counts = tl.histogram(tl.where(valid, x, 0), BINS)
    strays = BLOCK - tl.sum(valid.to(tl.int32), axis=0)
    bins = tl.arange(0, BINS)
    counts = counts - tl.where(bins == 0, strays, 0)
    # Triton's interpreter counts in 64 bits, whatever the type says, and would add so many: this cuts them to 32.
    tl.atomic_add(count_ptr + bins, counts.to(tl.int64).to(tl.int32))


def prepare(params, tools):
    """Drawn whole numbers; the counts are made zero in each call."""
    x, counts = _tensors(params, tools)
    block = params.get("block", 128)

    def work():
        counts.zero_()
        if params["n"]:
            histogram[(triton.cdiv(params["n"], block),)](x, counts, params["n"], BINS=params["bins"], BLOCK=block)
        return {"counts": counts}

    return work


def reference(params, tools):
    """One bin after the other."""
    import torch

    x, _ = _tensors(params, tools)
    return {"counts": torch.stack([(x == value).sum() for value in range(params["bins"])]).to(torch.int32)}


def _tensors(params, tools):
    x = tools.integers(params["low"], params["high"], params["n"])
    return tools.tensor(x, "i32"), tools.empty(params["bins"], "i32")

"""Random numbers: the bits of Philox 4x32-10, uniform and normal numbers of them, and dropout.

``random_bits``: element i has the counter ``offsets[i]`` (int32, read as 32 bits) and the key ``seed`` (64 bits); its
four words are what ``tl.randint4x`` gives, ``uniform`` is ``tl.rand`` and ``normal`` is ``tl.randn``, in float32.
``counted`` is the first word of ``tl.philox`` with all four words of the counter given. ``dropout``: y = x / (1 - p)
where the uniform number of the element's own index is at least p, else 0. Philox is specified to the bit (Salmon,
Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011), so its words are the same everywhere; the
generator is a counter's function, so that a backward pass can draw the same mask again.

Why upgrades break it: every release may arrange counter and key in another way, and one did: offsets of 64 bits draw
other numbers from 3.4 on than before. Nothing fails then; a training run that is resumed just goes on with other masks,
and a backward pass that another release compiled drops what the forward pass kept.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# Everything is equal to the bit: words, and two roundings on the way to a uniform number (tolerance 0). The odd p is
# the uniform number of element 542, which is kept.
# rounds: of Philox; 10 is the default, 7 the fewest that pass the paper's tests. A seed of 1 becomes a constant.
# normal: logarithm, root and cosine of float32 are approximations on a GPU, each with an error of some 2**-20.
# wide: offsets of 64 bits. How they become a counter is no rule, so their draws have no reference: Triton 3.2 and 3.3
# take Philox 4x64, later ones two words of the counter of Philox 4x32.
CASES = {
    "bits-1": {"mode": "bits", "dtype": "i32", "n": 1, "seed": 0, "tolerance": 0.0},
    "bits-517": {"mode": "bits", "dtype": "i32", "n": 517, "seed": 42, "tolerance": 0.0},
    "bits-517-rounds7": {"mode": "bits", "dtype": "i32", "n": 517, "seed": 42, "rounds": 7, "tolerance": 0.0},
    "bits-259-negative-seed": {"mode": "bits", "dtype": "i32", "n": 259, "seed": -5, "tolerance": 0.0},
    "bits-259-seed1": {"mode": "bits", "dtype": "i32", "n": 259, "seed": 1, "tolerance": 0.0},
    "bits-259-seed31": {"mode": "bits", "dtype": "i32", "n": 259, "seed": 2147483647, "tolerance": 0.0},
    "bits-259-seed32": {"mode": "bits", "dtype": "i32", "n": 259, "seed": 4294967295, "tolerance": 0.0},
    "bits-259-seed63": {"mode": "bits", "dtype": "i32", "n": 259, "seed": 1311768467463790321, "tolerance": 0.0},
    "normal-1031": {"mode": "normal", "dtype": "fp32", "n": 1031, "seed": 7, "tolerance": 4e-6},
    "wide-131": {"mode": "wide", "dtype": "i64", "n": 131, "seed": 42},
    "dropout-fp32-1031": {
        "mode": "dropout",
        "dtype": "fp32",
        "n": 1031,
        "seed": 9,
        "p": 0.09965722262859344,
        "tolerance": 0.0,
    },
    "dropout-fp16-517-half": {"mode": "dropout", "dtype": "fp16", "n": 517, "seed": 9, "p": 0.5, "tolerance": 0.0},
    "dropout-fp32-200-none": {"mode": "dropout", "dtype": "fp32", "n": 200, "seed": 9, "p": 0.0, "tolerance": 0.0},
    "dropout-fp32-200-all": {"mode": "dropout", "dtype": "fp32", "n": 200, "seed": 9, "p": 1.0, "tolerance": 0.0},
    "dropout-fp32-0": {"mode": "dropout", "dtype": "fp32", "n": 0, "seed": 9, "p": 0.1, "tolerance": 0.0},
    "bits-65537": {"mode": "bits", "dtype": "i32", "n": 65537, "seed": 42, "tolerance": 0.0, "tiers": ("gpu",)},
    "dropout-bf16-1048583": {
        "mode": "dropout",
        "dtype": "bf16",
        "n": 1048583,
        "seed": 1311768467463790321,
        "p": 0.1,
        "tolerance": 0.0,
        "tiers": ("gpu",),
    },
}
# A round is two products of 32 bits by 32, in two words each, four exclusive ors and two additions.
COST = {"operations": "100 * n", "bytes": "2 * n * width"}

AOT = {
    "bits-i32-1024": {
        "signature": {
            "counters_ptr": "*i32",
            "words_ptr": "*i32",
            "uniform_ptr": "*fp32",
            "counted_ptr": "*i32",
            "seed": "i32",
            "n": "i32",
        },
        "constexprs": {"ROUNDS": 10, "BLOCK": 1024},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("counters_ptr", "words_ptr", "uniform_ptr", "counted_ptr", "n"),
    },
    "bits-i64-1024": {
        "signature": {
            "counters_ptr": "*i32",
            "words_ptr": "*i32",
            "uniform_ptr": "*fp32",
            "counted_ptr": "*i32",
            "seed": "i64",
            "n": "i32",
        },
        "constexprs": {"ROUNDS": 10, "BLOCK": 1024},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("counters_ptr", "words_ptr", "uniform_ptr", "counted_ptr", "n"),
    },
    "normal-1024": {
        "kernel": "normal_numbers",
        "signature": {"counters_ptr": "*i32", "normal_ptr": "*fp32", "seed": "i64", "n": "i32"},
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("counters_ptr", "normal_ptr"),
    },
    "wide-1024": {
        "kernel": "wide_offsets",
        "signature": {"offsets_ptr": "*i64", "draws_ptr": "*i64", "counted_ptr": "*i64", "seed": "i64", "n": "i32"},
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("offsets_ptr", "draws_ptr", "counted_ptr"),
    },
    "dropout-fp16-1024": {
        "kernel": "dropout",
        "signature": {"x_ptr": "*fp16", "y_ptr": "*fp16", "seed": "i64", "n": "i32", "p": "fp32", "raise_by": "fp32"},
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("x_ptr", "y_ptr"),
    },
}


@triton.jit
def random_bits(counters_ptr, words_ptr, uniform_ptr, counted_ptr, seed, n, ROUNDS: tl.constexpr, BLOCK: tl.constexpr):
    """Draw for BLOCK counters; counters are (4, n), of which the first row is the offsets, and words are (4, n)."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    offsets = tl.load(counters_ptr + at, mask=inside)
    first, second, third, fourth = tl.randint4x(seed, offsets, ROUNDS)
    tl.store(words_ptr + at, first, mask=inside)
    tl.store(words_ptr + n + at, second, mask=inside)
    tl.store(words_ptr + 2 * n + at, third, mask=inside)
    tl.store(words_ptr + 3 * n + at, fourth, mask=inside)
    tl.store(uniform_ptr + at, tl.rand(seed, offsets, ROUNDS), mask=inside)
    c1 = tl.load(counters_ptr + n + at, mask=inside)
    c2 = tl.load(counters_ptr + 2 * n + at, mask=inside)
    c3 = tl.load(counters_ptr + 3 * n + at, mask=inside)
    counted, _, _, _ = tl.philox(seed, offsets, c1, c2, c3, ROUNDS)
    tl.store(counted_ptr + at, counted, mask=inside)


@triton.jit
def normal_numbers(counters_ptr, normal_ptr, seed, n, BLOCK: tl.constexpr):
    """Draw BLOCK normal numbers."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    tl.store(normal_ptr + at, tl.randn(seed, tl.load(counters_ptr + at, mask=inside)), mask=inside)


@triton.jit
def wide_offsets(offsets_ptr, draws_ptr, counted_ptr, seed, n, BLOCK: tl.constexpr):
    """Draw for BLOCK offsets of 64 bits, and for the same split into two words of a counter."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    offsets = tl.load(offsets_ptr + at, mask=inside)
    tl.store(draws_ptr + at, tl.randint(seed, offsets).to(tl.int64), mask=inside)
    low, high = offsets.to(tl.int32), (offsets >> 32).to(tl.int32)
    counted, _, _, _ = tl.philox(seed, low, high, low * 0, low * 0)
    tl.store(counted_ptr + at, counted.to(tl.int64), mask=inside)


@triton.jit
def dropout(x_ptr, y_ptr, seed, n, p, raise_by, BLOCK: tl.constexpr):
    """Drop of BLOCK elements those whose uniform number is below p, and multiply the others by ``raise_by``."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    x = tl.load(x_ptr + at, mask=inside).to(tl.float32)
    y = tl.where(tl.rand(seed, at) >= p, x * raise_by, 0.0)
    tl.store(y_ptr + at, y.to(y_ptr.dtype.element_ty), mask=inside)


def prepare(params, tools):
    """Draw for drawn counters; ``dropout`` for elements 0 to n."""
    inputs = _inputs(params, tools)
    return lambda: _launch(inputs, params)


def reference(params, tools):
    """Philox in integers of Python's numpy, from the paper; what follows rounds where float32 does."""
    import numpy as np
    import torch

    inputs, n = _inputs(params, tools)[0].cpu(), params["n"]
    key = params["seed"] & 0xFFFFFFFF, params["seed"] >> 32 & 0xFFFFFFFF
    zero = np.zeros(n, np.uint64)
    if params["mode"] == "wide":
        offsets = inputs.numpy().view(np.uint64)
        counted = _philox((offsets & np.uint64(0xFFFFFFFF), offsets >> np.uint64(32), zero, zero), key, 10)[0]
        return {"counted": torch.from_numpy(counted.view(np.int64))}
    if params["mode"] == "dropout":
        u = _uniform(_philox((np.arange(n, dtype=np.uint64), zero, zero, zero), key, 10)[0])
        raised = torch.from_numpy(inputs.float().numpy() * np.float32(_raise_by(params))).to(inputs.dtype).double()
        return {"y": torch.where(torch.from_numpy(u >= np.float32(params["p"])), raised, 0.0)}
    counters, rounds = inputs.numpy().view(np.uint32).astype(np.uint64), params.get("rounds", 10)
    words = _philox((counters[0], zero, zero, zero), key, rounds)
    if params["mode"] == "normal":
        u, v = (_uniform(word).astype(np.float64) for word in words[:2])
        u = np.maximum(u, np.float32(1e-7))
        return {"normal": torch.from_numpy(np.sqrt(-2.0 * np.log(u)) * np.cos(2.0 * np.pi * v))}
    counted = _philox(counters, key, rounds)[0]
    return {
        "words": torch.from_numpy(np.stack(words).astype(np.uint32).view(np.int32)),
        "uniform": torch.from_numpy(_uniform(words[0]).astype(np.float64)),
        "counted": torch.from_numpy(counted.astype(np.uint32).view(np.int32)),
    }


def _philox(counter, key, rounds):
    """The four words of Philox 4x32 for four arrays of words and two whole numbers; all uint64 below 2**32."""
    import numpy as np

    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    c0, c1, c2, c3 = counter
    for number in range(rounds):
        k0, k1 = (np.uint64((k + number * step) & 0xFFFFFFFF) for k, step in zip(key, (0x9E3779B9, 0xBB67AE85)))
        even, odd = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (odd >> half) ^ c1 ^ k0, odd & low, (even >> half) ^ c3 ^ k1, even & low
    return c0, c1, c2, c3


def _uniform(word):
    """A word as a number in [0, 1): of a negative one all bits are inverted; float32, rounded twice."""
    import numpy as np

    signed = word.astype(np.uint32).view(np.int32)
    return np.where(signed < 0, ~signed, signed).astype(np.float32) * np.float32(4.6566127342e-10)


def _raise_by(params):
    return 1.0 / (1.0 - params["p"]) if params["p"] < 1.0 else 0.0


def _inputs(params, tools):
    """What is read, and where the results go: counters (4, n) or elements (n,)."""
    mode, n = params["mode"], params["n"]
    if mode == "dropout":
        return tools.tensor(tools.uniform(n), params["dtype"]), {"y": tools.empty(n, params["dtype"])}
    if mode == "wide":
        offsets = tools.integers(0, 2**32, n) * 2**31 + tools.integers(0, 2**31, n)
        return tools.tensor(offsets, "i64"), {name: tools.empty(n, "i64") for name in ("draws", "counted")}
    counters = tools.tensor(tools.integers(-(2**31), 2**31, (4, n)), "i32")
    if mode == "normal":
        return counters, {"normal": tools.empty(n)}
    outputs = {"words": tools.empty((4, n), "i32"), "uniform": tools.empty(n), "counted": tools.empty(n, "i32")}
    return counters, outputs


def _launch(inputs, params):
    source, outputs = inputs
    n, seed, block = params["n"], params["seed"], 128 if params["n"] < 2000 else 1024
    grid, results = (triton.cdiv(n, block),), outputs.values()
    if n and params["mode"] == "bits":
        random_bits[grid](source, *results, seed, n, ROUNDS=params.get("rounds", 10), BLOCK=block)
    elif n and params["mode"] == "dropout":
        dropout[grid](source, *results, seed, n, params["p"], _raise_by(params), BLOCK=block)
    elif n:
        kernel = normal_numbers if params["mode"] == "normal" else wide_offsets
        kernel[grid](source, *results, seed, n, BLOCK=block)
    return outputs

"""What Triton's interpreter can do: one exact check for each feature that a case may need.

``python features.py FEATURE`` runs in an environment with triton, torch and numpy: exit status 0 says that the feature
works in that release, anything else that it is absent, raises or gives wrong numbers. The table
``compat/plan/support/interpreter.yaml`` is what it said of the releases.

Each check asks for all that kernels use of a feature: one that works for most values only does not work.
"""

# ruff: noqa: N803 - N, M and K are the field's names

from __future__ import annotations

import os
import sys

os.environ["TRITON_INTERPRET"] = "1"  # read when triton is imported

import numpy as np
import torch
import triton
import triton.language as tl

FEATURES = (
    "runtime_loop", "bf16_dot", "bf16_cast", "fp8_cast", "fp16_atomics", "bf16_atomics", "f64_dot", "dot_scaled",
    "topk", "descriptor", "histogram", "sort", "gather", "scan", "philox", "inline_asm",
)  # fmt: skip


def equal(found: torch.Tensor, expected: torch.Tensor) -> None:
    """AssertionError unless both are the same values of the same type; NaN is equal to NaN, and 0 is not -0."""
    assert found.dtype == expected.dtype, (found.dtype, expected.dtype)
    same = found == expected
    if found.dtype.is_floating_point:
        found, expected = found.double(), expected.double()
        same = (found == expected) & (torch.signbit(found) == torch.signbit(expected))
        same |= found.isnan() & expected.isnan()
    assert same.all(), f"{int((~same).sum())} differ: {found[~same][:9]}, {expected[~same][:9]}"


def numbers(*shape: int, low: int = -4, high: int = 5, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Small whole numbers, of which sums and products are exact."""
    return (torch.arange(int(np.prod(shape))) * 7919 % 1009 % (high - low) + low).to(dtype).reshape(shape)


@triton.jit
def loops(x, y, n):
    total = tl.zeros((1,), tl.int32)
    for i in range(0, n, 2):
        total += tl.load(x + i + tl.zeros((1,), tl.int32))
    count = 0
    while n > 1:
        n = n // 2
        count += 1
    for _ in range(tl.load(x), tl.load(x) + 3):  # bounds out of memory
        count += 10
    tl.store(y + tl.arange(0, 1), total)
    tl.store(y + 1, count)


def runtime_loop() -> None:
    y = torch.zeros(2, dtype=torch.int32)
    loops[(1,)](torch.arange(4, 20, dtype=torch.int32), y, 9)
    equal(y, torch.tensor([4 + 6 + 8 + 10 + 12, 33], dtype=torch.int32))


@triton.jit
def product(x, y, z, N: tl.constexpr):
    i = tl.arange(0, N)
    at = i[:, None] * N + i[None, :]
    tl.store(z + at, tl.dot(tl.load(x + at), tl.load(y + at), out_dtype=z.dtype.element_ty))


def multiply(dtype: torch.dtype, out: torch.dtype) -> None:
    x, y = numbers(32, 32, dtype=dtype), numbers(32, 32, low=-2, high=4, dtype=dtype)
    z = torch.zeros(32, 32, dtype=out)
    product[(1,)](x, y, z, N=32)
    equal(z, (x.double() @ y.double()).to(out))


def bf16_dot() -> None:
    multiply(torch.bfloat16, torch.float32)


def f64_dot() -> None:
    multiply(torch.float64, torch.float64)


@triton.jit
def convert(x, y, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(y + i, tl.load(x + i).to(y.dtype.element_ty))


def cast(values: torch.Tensor, dtype: torch.dtype) -> None:
    values = torch.cat([values, -values])
    padded = torch.nn.functional.pad(values, (0, triton.next_power_of_2(len(values)) - len(values)))
    found = torch.zeros(len(padded), dtype=dtype)
    convert[(1,)](padded, found, N=len(padded))
    equal(found, padded.to(dtype))


def near(dtype: torch.dtype, patterns: torch.Tensor) -> torch.Tensor:
    """Numbers of a type by their bits, the ties between neighbours, and what lies just beside the ties; float32."""
    exact = patterns.view(dtype).double()
    ties = (exact[:-1] + exact[1:]) / 2
    every = torch.cat([exact, ties, ties * (1 - 2.0**-20), ties * (1 + 2.0**-20)])
    return torch.cat([every.float(), torch.tensor([float("nan")])])


def bf16_cast() -> None:
    patterns = torch.cat([torch.arange(0, 64), torch.arange(0x3F70, 0x4010), torch.arange(0x7F60, 0x7F80)])
    extremes = torch.tensor([float("inf"), 3.4028235e38, 3.3895314e38, 1e-45, 1.1754944e-38])
    cast(torch.cat([near(torch.bfloat16, patterns.to(torch.int16)), extremes]), torch.bfloat16)


def fp8_cast() -> None:
    # Without what is too large: there hardware saturates, and torch gives NaN or infinity.
    cast(near(torch.float8_e4m3fn, torch.arange(0, 127, dtype=torch.uint8)), torch.float8_e4m3fn)
    cast(near(torch.float8_e5m2, torch.arange(0, 124, dtype=torch.uint8)), torch.float8_e5m2)


@triton.jit
def accumulate(x, y, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.atomic_add(y + i % 4, tl.load(x + i), mask=i < N - 3)


def add_atomically(dtype: torch.dtype) -> None:
    x, y = numbers(32, dtype=dtype), torch.ones(4, dtype=dtype)
    accumulate[(3,)](x, y, N=32)
    kept = torch.where(torch.arange(32) < 29, x.double(), 0.0)
    equal(y, (1 + 3 * kept.reshape(8, 4).sum(0)).to(dtype))


def fp16_atomics() -> None:
    add_atomically(torch.float16)


def bf16_atomics() -> None:
    add_atomically(torch.bfloat16)


@triton.jit
def product_scaled(x, sx, y, sy, z, M: tl.constexpr, K: tl.constexpr, N: tl.constexpr, KIND: tl.constexpr):
    m, k, n, g = tl.arange(0, M), tl.arange(0, K), tl.arange(0, N), tl.arange(0, K // 32)
    a = tl.load(x + m[:, None] * K + k[None, :])
    b = tl.load(y + k[:, None] * N + n[None, :])
    scale_a = tl.load(sx + m[:, None] * (K // 32) + g[None, :])
    scale_b = tl.load(sy + n[:, None] * (K // 32) + g[None, :])
    tl.store(z + m[:, None] * N + n[None, :], tl.dot_scaled(a, scale_a, KIND, b, scale_b, KIND))


def dot_scaled() -> None:
    for kind, dtype in (("e4m3", torch.float8_e4m3fn), ("e5m2", torch.float8_e5m2)):
        a, b = numbers(32, 64), numbers(64, 16, low=-2, high=3)
        scale_a = numbers(32, 2, low=125, high=130, dtype=torch.uint8)
        scale_b = numbers(16, 2, low=126, high=131, dtype=torch.uint8)
        z = torch.zeros(32, 16)
        product_scaled[(1,)](a.to(dtype), scale_a, b.to(dtype), scale_b, z, M=32, K=64, N=16, KIND=kind)
        wide_a = a.double() * 2.0 ** (scale_a.double() - 127).repeat_interleave(32, 1)
        wide_b = b.double() * 2.0 ** (scale_b.double() - 127).repeat_interleave(32, 1).T
        equal(z, (wide_a @ wide_b).float())


@triton.jit
def largest(x, y, N: tl.constexpr, K: tl.constexpr):
    r, i, k = tl.arange(0, 2), tl.arange(0, N), tl.arange(0, K)
    tl.store(y + r[:, None] * K + k[None, :], tl.topk(tl.load(x + r[:, None] * N + i[None, :]), K))


def topk() -> None:
    x, y = numbers(2, 64, high=500), torch.zeros(2, 8)
    largest[(1,)](x, y, N=64, K=8)
    equal(y, torch.topk(x, 8).values)


@triton.jit
def copy_blocks(x, y, rows, columns, pitch, N: tl.constexpr):
    source = tl.make_tensor_descriptor(x, [rows, columns], [pitch, 1], [N, N])
    target = tl.make_tensor_descriptor(y, [rows, columns], [pitch, 1], [N, N])
    at = [tl.program_id(0) * N, tl.program_id(1) * N]
    target.store(at, source.load(at) + 1)


def descriptor() -> None:
    # The pitch is a multiple of 16 elements: up to 3.7 the interpreter takes the rule of 16 bytes for one of elements.
    x, y = numbers(21, 48), torch.zeros(21, 48)
    copy_blocks[(2, 3)](x, y, 21, 36, 48, N=16)
    equal(y, torch.where(torch.arange(48) < 36, x + 1, 0.0))


@triton.jit
def count(x, y, N: tl.constexpr, BINS: tl.constexpr):
    tl.store(y + tl.arange(0, BINS), tl.histogram(tl.load(x + tl.arange(0, N)), BINS))


def histogram() -> None:
    x, y = numbers(256, low=0, high=11, dtype=torch.int32), torch.zeros(16, dtype=torch.int32)
    count[(1,)](x, y, N=256, BINS=16)
    equal(y, torch.bincount(x, minlength=16).int())


@triton.jit
def order(x, up, down, N: tl.constexpr, WHOLE: tl.constexpr):
    at = tl.arange(0, 2)[:, None] * N + tl.arange(0, N)[None, :]
    first, last = tl.sort(tl.load(x + at)), tl.sort(tl.load(x + at), descending=True)
    if WHOLE:  # 3.2 keeps 64 bits of integers, and would store those
        first, last = first.to(tl.int64).to(tl.int32), last.to(tl.int64).to(tl.int32)
    tl.store(up + at, first)
    tl.store(down + at, last)


def sort() -> None:
    for dtype in (torch.float32, torch.float16, torch.int32):
        x = numbers(2, 64, low=-300, high=300, dtype=dtype)
        up, down = torch.zeros(192, dtype=dtype), torch.zeros(192, dtype=dtype)
        order[(1,)](x, up, down, N=64, WHOLE=dtype == torch.int32)
        equal(up[:128].view(2, 64), torch.sort(x).values)
        equal(down[:128].view(2, 64), torch.sort(x, descending=True).values)
        equal(torch.stack([up[128:], down[128:]]), torch.zeros(2, 64, dtype=dtype))  # 3.2 writes on behind the end


@triton.jit
def pick(x, index, y, AXIS: tl.constexpr, N: tl.constexpr):
    at = tl.arange(0, N)[:, None] * N + tl.arange(0, N)[None, :]
    tl.store(y + at, tl.gather(tl.load(x + at), tl.load(index + at), AXIS))


def gather() -> None:
    for axis in (0, 1):
        x, index, y = numbers(16, 16), numbers(16, 16, low=0, high=16, dtype=torch.int32), torch.zeros(16, 16)
        pick[(1,)](x, index, y, AXIS=axis, N=16)
        equal(y, torch.gather(x, axis, index.long()))


@triton.jit
def follow(a1, b1, a2, b2):
    return a1 * a2, b1 * a2 + b2


@triton.jit
def scans(x, sums, back, last, N: tl.constexpr):
    at = tl.arange(0, 2)[:, None] * N + tl.arange(0, N)[None, :]
    values = tl.load(x + at)
    tl.store(sums + at, tl.cumsum(values, axis=1))
    tl.store(back + at, tl.associative_scan((values, values), 1, follow, reverse=True)[1])
    tl.store(last + at, tl.associative_scan((values, values), 1, follow)[1])


def scan() -> None:
    x = numbers(2, 32, low=-1, high=2)
    sums, back, last = torch.zeros(3, *x.shape)
    scans[(1,)](x, sums, back, last, N=32)
    equal(sums + 0.0, torch.cumsum(x, 1) + 0.0)
    for found, values in ((last, x), (back.flip(1), x.flip(1))):
        state, expected = values[:, 0], [values[:, 0]]
        for column in values.T[1:]:
            state = state * column + column
            expected.append(state)
        equal(found + 0.0, torch.stack(expected, 1) + 0.0)  # the sign of zero is free


@triton.jit
def draw(y, seed, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(y + i, tl.randint(seed, i * 0x01000193))


def philox() -> None:
    for seed in (0, 5, (1 << 40) + 7):
        y = torch.zeros(32, dtype=torch.int32)
        draw[(1,)](y, seed, N=32)
        words = [_philox([i * 0x01000193 % 2**32, 0, 0, 0], seed % 2**32, seed >> 32) for i in range(32)]
        equal(y, torch.tensor(np.array(words, np.uint32).view(np.int32)))


def _philox(counter: list[int], low: int, high: int) -> int:
    """The first word of Philox 4x32-10 (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011)."""
    for _ in range(10):
        first, third = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        one, two = (third >> 32) ^ counter[1] ^ low, (first >> 32) ^ counter[3] ^ high
        counter = [one, third & 0xFFFFFFFF, two, first & 0xFFFFFFFF]
        low, high = (low + 0x9E3779B9) & 0xFFFFFFFF, (high + 0xBB67AE85) & 0xFFFFFFFF
    return counter[0]


@triton.jit
def assembled(x, y, N: tl.constexpr):
    i = tl.arange(0, N)
    twice = tl.inline_asm_elementwise("add.s32 $0, $1, $1;", "=r,r", [tl.load(x + i)], tl.int32, is_pure=True, pack=1)
    tl.store(y + i, twice)


def inline_asm() -> None:
    x, y = torch.arange(32, dtype=torch.int32), torch.zeros(32, dtype=torch.int32)
    assembled[(1,)](x, y, N=32)
    equal(y, 2 * x)


if __name__ == "__main__":
    (wanted,) = sys.argv[1:]
    assert wanted in FEATURES, f"{wanted} is none of {', '.join(FEATURES)}"
    globals()[wanted]()

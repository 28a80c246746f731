"""Loops whose length is data: a sparse matrix times a vector, sums of ragged segments, and a loop until a condition.

``ragged``: y[r] = sum of values[k] * x[columns[k]] for k from starts[r] to starts[r + 1], the rows of a matrix in CSR
form; one program for each row takes BLOCK of them at a time, in float32. ``segments``: y[s] = sum of the rows of a
matrix (n, wide) from starts[s] to starts[s + 1]; a program for each segment and block of columns. ``collatz``: how many
steps of n -> n / 2 or 3 n + 1 lead to 1, and the largest number on the way, in 64 bits; one program for each n.

Why upgrades break it: pipelining, hoisting and unrolling rely on what a compiler knows of a loop, and here it knows
nothing: there are loops of no pass at all, of one and of very many, with a masked tail in the last. A release that
prefetches for a pass that never comes reads beyond the data; one that peels the first pass runs it for an empty row.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")
NEEDS = ("runtime_loop",)

# n: elements of all rows, rows of all segments, or numbers to try. Row 0, the last and every fifth are empty, and
# row 2 has ``share`` of the others'. exact: whole numbers, of which sums in float32 have no error in any order.
CASES = {
    "csr-fp32-37": {"mode": "csr", "dtype": "fp32", "rows": 37, "n": 700, "wide": 1, "length": 120},
    "csr-fp32-19-long": {
        "mode": "csr",
        "dtype": "fp32",
        "rows": 19,
        "n": 1500,
        "wide": 1,
        "share": 0.9,
        "length": 1350,
    },
    "csr-fp16-29": {"mode": "csr", "dtype": "fp16", "out": "fp32", "rows": 29, "n": 500, "wide": 1, "length": 120},
    "csr-fp16-23-exact": {
        "mode": "csr",
        "dtype": "fp16",
        "rows": 23,
        "n": 611,
        "wide": 1,
        "exact": 1,
        "tolerance": 0.0,
    },
    "csr-fp32-5-empty": {"mode": "csr", "dtype": "fp32", "rows": 5, "n": 0, "wide": 1},
    "csr-fp32-0": {"mode": "csr", "dtype": "fp32", "rows": 0, "n": 0, "wide": 1},
    "csr-fp32-4-one": {"mode": "csr", "dtype": "fp32", "rows": 4, "n": 1, "wide": 1},
    "segments-fp32-11x37": {"mode": "segments", "dtype": "fp32", "rows": 11, "n": 150, "wide": 37, "length": 60},
    "segments-fp16-7x64-exact": {
        "mode": "segments",
        "dtype": "fp16",
        "rows": 7,
        "n": 99,
        "wide": 64,
        "share": 0.5,
        "exact": 1,
        "tolerance": 0.0,
    },
    "segments-fp32-4x21-empty": {"mode": "segments", "dtype": "fp32", "rows": 4, "n": 0, "wide": 21},
    "collatz-i64-24": {"mode": "collatz", "dtype": "i64", "rows": 24, "n": 24, "wide": 1},
    "csr-fp16-20000": {
        "mode": "csr",
        "dtype": "fp16",
        "out": "fp32",
        "rows": 20000,
        "n": 8000000,
        "wide": 1,
        "share": 0.1,
        "length": 900000,
        "tiers": ("gpu",),
    },
    "segments-bf16-512x1024": {
        "mode": "segments",
        "dtype": "bf16",
        "out": "fp32",
        "rows": 512,
        "n": 32768,
        "wide": 1024,
        "share": 0.1,
        "length": 4000,
        "tiers": ("gpu",),
    },
    "collatz-i64-65536": {"mode": "collatz", "dtype": "i64", "rows": 65536, "n": 65536, "wide": 1, "tiers": ("gpu",)},
}
COST = {"operations": "2 * n * wide", "bytes": "n * wide * width + 12 * rows"}

AOT = {
    "csr-fp16-256": {
        "signature": {
            "values_ptr": "*fp16",
            "columns_ptr": "*i32",
            "starts_ptr": "*i32",
            "x_ptr": "*fp16",
            "y_ptr": "*fp32",
        },
        "constexprs": {"BLOCK": 256},
        "num_warps": 4,
        "num_stages": 3,
        "divisible": ("values_ptr", "columns_ptr", "starts_ptr", "x_ptr", "y_ptr"),
    },
    "csr-fp32-i64-128": {
        "signature": {
            "values_ptr": "*fp32",
            "columns_ptr": "*i32",
            "starts_ptr": "*i64",
            "x_ptr": "*fp32",
            "y_ptr": "*fp32",
        },
        "constexprs": {"BLOCK": 128},
        "num_warps": 4,
        "num_stages": 3,
        "divisible": ("values_ptr", "columns_ptr", "starts_ptr", "x_ptr", "y_ptr"),
    },
    "segments-fp16-16x128": {
        "kernel": "segments",
        "signature": {
            "values_ptr": "*fp16",
            "starts_ptr": "*i32",
            "y_ptr": "*fp32",
            "stride_vm": "i32",
            "stride_ym": "i32",
            "wide": "i32",
        },
        "constexprs": {"BLOCK_M": 16, "BLOCK_N": 128},
        "num_warps": 4,
        "num_stages": 3,
        "divisible": ("values_ptr", "starts_ptr", "y_ptr", "stride_vm", "stride_ym", "wide"),
    },
    "collatz-i64": {
        "kernel": "collatz",
        "signature": {"numbers_ptr": "*i64", "steps_ptr": "*i64", "largest_ptr": "*i64"},
        "constexprs": {},
        "num_warps": 1,
        "num_stages": 1,
        "divisible": ("numbers_ptr", "steps_ptr", "largest_ptr"),
    },
}


@triton.jit
def ragged(values_ptr, columns_ptr, starts_ptr, x_ptr, y_ptr, BLOCK: tl.constexpr):
    """Multiply one row by the vector; the grid has one program for each row."""
    row = tl.program_id(0)
    start = tl.load(starts_ptr + row)
    end = tl.load(starts_ptr + row + 1)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for first in range(start, end, BLOCK):
        at = first + tl.arange(0, BLOCK)
        values = tl.load(values_ptr + at, mask=at < end, other=0.0).to(tl.float32)
        columns = tl.load(columns_ptr + at, mask=at < end, other=0)
        total += values * tl.load(x_ptr + columns, mask=at < end, other=0.0).to(tl.float32)
    tl.store(y_ptr + row, tl.sum(total, axis=0))


@triton.jit
def segments(
    values_ptr,
    starts_ptr,
    y_ptr,
    stride_vm,
    stride_ym,
    wide,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """Sum BLOCK_N columns of one segment; the grid has a program for each segment and each such block."""
    segment = tl.program_id(0)
    start = tl.load(starts_ptr + segment)
    end = tl.load(starts_ptr + segment + 1)
    column = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    total = tl.zeros((BLOCK_N,), dtype=tl.float32)
    while start < end:
        row = start + tl.arange(0, BLOCK_M)
        inside = (row[:, None] < end) & (column[None, :] < wide)
        values = tl.load(values_ptr + row[:, None] * stride_vm + column[None, :], mask=inside, other=0.0)
        total += tl.sum(values.to(tl.float32), axis=0)
        start += BLOCK_M
    tl.store(y_ptr + segment * stride_ym + column, total, mask=column < wide)


@triton.jit
def collatz(numbers_ptr, steps_ptr, largest_ptr):
    """Count the steps from one number to 1; the grid has one program for each number."""
    program = tl.program_id(0)
    number = tl.load(numbers_ptr + program)
    largest = number
    steps = number * 0
    while number > 1:
        number = tl.where(number % 2 == 0, number // 2, 3 * number + 1)
        largest = tl.maximum(largest, number)
        steps += 1
    tl.store(steps_ptr + program, steps)
    tl.store(largest_ptr + program, largest)


def prepare(params, tools):
    """Rows of drawn lengths; the numbers of ``collatz`` are drawn up to 2**31, after 0, 1, 2, 3, 27 and 2**36 - 1."""
    inputs = _inputs(params, tools)
    return lambda: _launch(*inputs, params)


def reference(params, tools):
    """Each row by itself: a product of float64 numbers; each number by itself, in Python's integers."""
    import torch

    inputs, _ = _inputs(params, tools)
    if params["mode"] == "collatz":
        counted = [_steps(number) for number in inputs[0].tolist()]
        steps, largest = torch.tensor(counted, dtype=torch.int64).T
        return {"steps": steps, "largest": largest}
    values, starts = inputs[0].double(), inputs[-1].tolist()
    if params["mode"] == "csr":
        values = values * inputs[2].double()[inputs[1].long()]
    sums = [values[start:end].sum(dim=0) for start, end in zip(starts, starts[1:])]
    return {"y": torch.stack(sums) if sums else torch.zeros(0, dtype=torch.float64)}


def _steps(number):
    """How many steps there are from a number to 1, and the largest number of them."""
    steps, largest = 0, number
    while number > 1:
        number = 3 * number + 1 if number % 2 else number // 2
        steps, largest = steps + 1, max(largest, number)
    return steps, largest


def _inputs(params, tools):
    """(values, columns, x, starts) of a matrix, (values, starts) of segments, or (numbers,); and the outputs."""
    import numpy as np

    rows, n, wide, kind = params["rows"], params["n"], params["wide"], params["dtype"]
    if params["mode"] == "collatz":
        numbers = np.append([0, 1, 2, 3, 27, 2**36 - 1], tools.integers(1, 2**31, rows - 6))
        return (tools.tensor(numbers, kind),), {name: tools.empty(rows, kind) for name in ("steps", "largest")}
    cuts = np.zeros(rows + 1, np.int64)  # how much of all is before each row
    if rows:
        weights = tools.integers(1, 100, rows).astype(np.float64)
        weights[::5] = weights[-1] = 0.0
        weights[min(2, rows - 1)] = (
            weights.sum() * params["share"] / (1 - params["share"]) if "share" in params else 70.0
        )
        cuts[1:] = np.floor(weights.cumsum() / weights.sum() * n)
    starts = tools.tensor(cuts, "i32" if wide > 1 or rows % 2 else "i64")
    values = tools.integers(-8, 9, (n, wide)) if params.get("exact") else tools.uniform((n, wide))
    if params["mode"] == "segments":
        return (tools.tensor(values, kind, (wide + 5, 1)), starts), {
            "y": tools.empty((rows, wide), "fp32", (wide + 3, 1))
        }
    count = 2 + n // 2
    columns = tools.tensor(tools.integers(1, count, n), "i32")
    x = tools.integers(-8, 9, count).astype("float32") if params.get("exact") else tools.uniform(count)
    x[0] = float("nan")  # in no row's columns: only what is masked could read it
    return (tools.tensor(values[:, 0], kind), columns, tools.tensor(x, kind), starts), {"y": tools.empty(rows)}


def _launch(inputs, outputs, params):
    rows, wide, small = params["rows"], params["wide"], params["n"] < 10000
    if rows and params["mode"] == "collatz":
        collatz[(rows,)](*inputs, *outputs.values())
    elif rows and params["mode"] == "csr":
        values, columns, x, starts = inputs
        ragged[(rows,)](values, columns, starts, x, outputs["y"], BLOCK=16 if small else 256)
    elif rows:
        (values, starts), y = inputs, outputs["y"]
        tall, across = (8, 16) if small else (16, 128)
        grid = rows, triton.cdiv(wide, across)
        segments[grid](values, starts, y, values.stride(0), y.stride(0), wide, BLOCK_M=tall, BLOCK_N=across)
    return outputs

"""Rows read and written at offsets beyond 2**31: the address arithmetic of a buffer that 32 bits cannot count.

``far``: y[i, j] = table[rows[i] * stride_m + j * stride_n - bases[i, j]] and the offsets themselves, before the base is
taken off, in int64; ``far_store`` writes x to the same places. rows are int32, and so are the strides where they fit:
the kernel must widen before it multiplies. The bases are there to test this without memory: they bring an offset of up
to 2**62 back into a small table, and one that was wrapped to 32 bits lands far outside. On a GPU they are zero, and the
table has 3 GiB.

Why upgrades break it: a compiler narrows what it believes to be small, and splits an address into a base and an offset
of 32 bits where the hardware has instructions for that. Both are right until a tensor grows past 2**31 elements, and
then it is silent: what is read or written is another's memory.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# far: the first row, how far apart rows are (less than that is drawn and added), stride_m and stride_n. What is copied
# is equal to the bit, whatever its type (tolerance 0). offsets: nothing is read, so that a wrong one is only a number.
CASES = {
    "offsets-9x131": {"mode": "offsets", "dtype": "i8", "n": 9, "columns": 131, "far": (2103300, 5, 1021, 1)},
    "offsets-7x37-columns": {"mode": "offsets", "dtype": "i8", "n": 7, "columns": 37, "far": (0, 3, 1, 700000001)},
    "offsets-5x40-stride": {"mode": "offsets", "dtype": "i8", "n": 5, "columns": 40, "far": (0, 2, 3000000019, 5)},
    "load-fp32-9x131": {
        "mode": "load",
        "dtype": "fp32",
        "n": 9,
        "columns": 131,
        "far": (2000000000, 16000000, 1000003, 1),
        "tolerance": 0.0,
    },
    "load-i8-7x67-columns": {"mode": "load", "dtype": "i8", "n": 7, "columns": 67, "far": (1, 3, 3, 2147483647)},
    "load-fp16-5x40-stride": {
        "mode": "load",
        "dtype": "fp16",
        "n": 5,
        "columns": 40,
        "far": (0, 2, 3000000019, 5),
        "tolerance": 0.0,
    },
    "load-i8-1x1": {"mode": "load", "dtype": "i8", "n": 1, "columns": 1, "far": (65536, 1, 65536, 1)},
    "load-i8-0x9": {"mode": "load", "dtype": "i8", "n": 0, "columns": 9, "far": (0, 1, 9, 1)},
    "store-fp32-9x131": {
        "mode": "store",
        "dtype": "fp32",
        "n": 9,
        "columns": 131,
        "far": (70000, 100, 65537, 1),
        "tolerance": 0.0,
    },
    "store-i8-7x67-columns": {"mode": "store", "dtype": "i8", "n": 7, "columns": 67, "far": (0, 3, 3, 1500000001)},
    "load-i8-64x1021-real": {
        "mode": "load",
        "dtype": "i8",
        "n": 64,
        "columns": 1021,
        "far": (0, 47, 1048579, 1),
        "table": 3221225472,
        "tiers": ("gpu",),
    },
    "store-i8-64x1021-real": {
        "mode": "store",
        "dtype": "i8",
        "n": 64,
        "columns": 1021,
        "far": (0, 47, 1048579, 1),
        "table": 3221225472,
        "tiers": ("gpu",),
    },
}
COST = {"operations": "4 * n * columns", "bytes": "2 * n * columns * (width + 8)"}

AOT = {
    "load-i8-1024": {
        "signature": {
            "table_ptr": "*i8",
            "rows_ptr": "*i32",
            "bases_ptr": "*i64",
            "y_ptr": "*i8",
            "offsets_ptr": "*i64",
            "stride_m": "i32",
            "columns": "i32",
        },
        "constexprs": {"stride_n": 1, "READ": 1, "BLOCK": 1024},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("table_ptr", "rows_ptr", "bases_ptr", "y_ptr", "offsets_ptr", "stride_m"),
    },
    "load-fp16-i64-512": {
        "signature": {
            "table_ptr": "*fp16",
            "rows_ptr": "*i32",
            "bases_ptr": "*i64",
            "y_ptr": "*fp16",
            "offsets_ptr": "*i64",
            "stride_m": "i64",
            "columns": "i32",
        },
        "constexprs": {"stride_n": 1, "READ": 1, "BLOCK": 512},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("table_ptr", "rows_ptr", "bases_ptr", "y_ptr", "offsets_ptr", "stride_m", "columns"),
    },
    "store-i8-1024": {
        "kernel": "far_store",
        "signature": {
            "x_ptr": "*i8",
            "rows_ptr": "*i32",
            "bases_ptr": "*i64",
            "table_ptr": "*i8",
            "stride_m": "i32",
            "columns": "i32",
        },
        "constexprs": {"stride_n": 1, "BLOCK": 1024},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("x_ptr", "rows_ptr", "bases_ptr", "table_ptr", "stride_m"),
    },
}


@triton.jit
def far(
    table_ptr,
    rows_ptr,
    bases_ptr,
    y_ptr,
    offsets_ptr,
    stride_m,
    stride_n: tl.constexpr,
    columns,
    READ: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Read BLOCK columns of one row; the grid has a program for each row and each such block."""
    program = tl.program_id(0)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < columns
    here = program * columns + column
    offsets = tl.load(rows_ptr + program).to(tl.int64) * stride_m + column.to(tl.int64) * stride_n
    tl.store(offsets_ptr + here, offsets, mask=inside)
    if READ:
        bases = tl.load(bases_ptr + here, mask=inside, other=0)
        tl.store(y_ptr + here, tl.load(table_ptr + (offsets - bases), mask=inside), mask=inside)


@triton.jit
def far_store(x_ptr, rows_ptr, bases_ptr, table_ptr, stride_m, stride_n: tl.constexpr, columns, BLOCK: tl.constexpr):
    """Write BLOCK columns of one row; the grid has a program for each row and each such block."""
    program = tl.program_id(0)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < columns
    here = program * columns + column
    offsets = tl.load(rows_ptr + program).to(tl.int64) * stride_m + column.to(tl.int64) * stride_n
    bases = tl.load(bases_ptr + here, mask=inside, other=0)
    tl.store(table_ptr + (offsets - bases), tl.load(x_ptr + here, mask=inside), mask=inside)


def prepare(params, tools):
    """Copy drawn rows out of a table that is, or seems to be, very large, or into it."""
    values, rows, offsets = _drawn(params, tools)
    kind, mode, shape = params["dtype"], params["mode"], values.shape
    table, seen, near = _table(params, tools, rows, values)
    bases = tools.tensor(offsets - near, "i64")
    sizes = *params["far"][2:], shape[1]
    block = 1024 if shape[1] > 1000 else 32
    grid = shape[0], triton.cdiv(shape[1], block)
    if mode == "store":
        x = tools.tensor(values, kind)

        def write():
            if "table" in params:
                seen[rows.long()] = 85  # a second call does not find what the first one wrote
            if shape[0]:
                far_store[grid](x, rows, bases, table, *sizes, BLOCK=block)
            return {"y": seen[rows.long()] if "table" in params else seen}

        return write
    y, found = tools.empty(shape, kind), tools.empty(shape, "i64")

    def read():
        if shape[0]:
            far[grid](table, rows, bases, y, found, *sizes, READ=int(mode == "load"), BLOCK=block)
        return {"offsets": found, "y": y} if mode == "load" else {"offsets": found}

    return read


def reference(params, tools):
    """The values themselves, rounded to their type, and the offsets in numpy's int64."""
    import torch

    values, _, offsets = _drawn(params, tools)
    y = tools.tensor(values, params["dtype"])
    result = {"y": y if params["dtype"] == "i8" else y.double(), "offsets": torch.from_numpy(offsets)}
    left_out = {"load": None, "store": "offsets", "offsets": "y"}[params["mode"]]
    return {name: value for name, value in result.items() if name != left_out}


def _drawn(params, tools):
    """Values (n, columns), the rows (n,) as a tensor of int32, and the offset of each value in the far table."""
    import numpy as np

    first, apart, stride_m, stride_n = params["far"]
    n, columns = shape = params["n"], params["columns"]
    values = tools.integers(-128, 128, shape) if params["dtype"] == "i8" else tools.uniform(shape)
    rows = first + apart * np.arange(n) + tools.integers(0, apart, n)
    offsets = rows[:, None] * stride_m + np.arange(columns)[None, :] * stride_n
    return values, tools.tensor(rows, "i32"), offsets


def _table(params, tools, rows, values):
    """A table, the part of it that is looked at, and where in it the values are, (n, columns) in elements.

    A real one is not guarded: it is allocated here, with the values in it or, to be written, without.
    """
    import numpy as np
    import torch

    n, columns = values.shape
    if "table" in params:
        table = torch.zeros(params["table"], dtype=torch.int8, device=tools.device)
        first, apart, stride_m, stride_n = params["far"]
        seen = table.as_strided((first + apart * n, columns), (stride_m, stride_n))
        if params["mode"] == "load":
            seen[rows.long()] = torch.from_numpy(values).to(torch.int8).to(tools.device)
        return table, seen, rows.cpu().numpy()[:, None] * stride_m + np.arange(columns)[None, :] * stride_n
    pitch = columns + 4
    near = np.arange(n)[:, None] * pitch + np.arange(columns)[None, :]
    strides = pitch, 1
    if params["mode"] == "store":
        table = tools.empty((n, columns), params["dtype"], strides)
    else:
        table = tools.tensor(values, params["dtype"], strides)
    return table, table, near

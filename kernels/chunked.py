"""Statistics of the chunks of each row, and a transposed copy with neighbours swapped: one tile in many layouts.

x is (rows, columns) with any strides and is cut into chunks of ``CHUNK`` columns, of which the last may be shorter. One
program has a tile of BLOCK_M rows and BLOCK_N columns, masked on both sides. It stores ``centred`` (x minus the mean of
its chunk, (rows, columns)), ``totals`` and ``largest`` (each chunk's sum and largest magnitude, (rows, chunks)), all in
float32, ``places`` (where in its chunk that magnitude is, the leftmost of equals, in int64), and ``swapped`` (x
transposed, with the columns of each pair exchanged; an odd last one has a neighbour of 0, so that its rows are even).

Why upgrades break it: the tile is reshaped to three dimensions and back, reduced in the innermost, spread out again,
split, interleaved and transposed. Each of these is a change of layout: registers of one thread, of other lanes or other
warps, through shared memory or not. Layouts are what releases rewrite most, and a wrong one permutes values silently.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# length: a chunk's. exact: whole numbers and full chunks of a power of two, so that nothing is rounded. infinite: each
# row has an infinity and the last one both; what they meet is infinite or NaN as IEEE 754 says.
CASES = {
    "fp32-32x64-c16": {"dtype": "fp32", "rows": 32, "columns": 64, "chunk": 16, "length": 16},
    "fp32-13x77-c8-pitched": {"dtype": "fp32", "rows": 13, "columns": 77, "chunk": 8, "length": 8, "pitch": 91},
    "fp16-11x70-c32-transposed": {
        "dtype": "fp16",
        "out": "fp32",
        "rows": 11,
        "columns": 70,
        "chunk": 32,
        "length": 32,
        "transposed": True,
    },
    "bf16-5x33-c2": {"dtype": "bf16", "out": "fp32", "rows": 5, "columns": 33, "chunk": 2, "length": 2},
    "fp32-9x48-c16-exact": {"dtype": "fp32", "rows": 9, "columns": 48, "chunk": 16, "exact": True, "tolerance": 0.0},
    "fp32-6x50-c8-infinite": {"dtype": "fp32", "rows": 6, "columns": 50, "chunk": 8, "length": 8, "infinite": True},
    "fp32-1x1-c4": {"dtype": "fp32", "rows": 1, "columns": 1, "chunk": 4},
    "fp32-0x40-c8": {"dtype": "fp32", "rows": 0, "columns": 40, "chunk": 8},
    "bf16-512x4101-c64": {
        "dtype": "bf16",
        "out": "fp32",
        "rows": 512,
        "columns": 4101,
        "chunk": 64,
        "length": 64,
        "tiers": ("gpu",),
    },
    "fp16-512x4100-c32-transposed": {
        "dtype": "fp16",
        "out": "fp32",
        "rows": 512,
        "columns": 4100,
        "chunk": 32,
        "length": 32,
        "transposed": True,
        "tiers": ("gpu",),
    },
}
COST = {"operations": "4 * rows * columns", "bytes": "rows * columns * (2 * width + 4 + 16 / chunk)"}

AOT = {
    "fp32-32x64-c16": {
        "signature": {
            "x_ptr": "*fp32",
            "centred_ptr": "*fp32",
            "totals_ptr": "*fp32",
            "largest_ptr": "*fp32",
            "places_ptr": "*i64",
            "swapped_ptr": "*fp32",
            "stride_xm": "i32",
            "stride_cm": "i32",
            "stride_tm": "i32",
            "stride_sn": "i32",
            "rows": "i32",
            "columns": "i32",
        },
        "constexprs": {"stride_xn": 1, "CHUNK": 16, "BLOCK_M": 32, "BLOCK_N": 64},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": (
            "x_ptr",
            "centred_ptr",
            "totals_ptr",
            "largest_ptr",
            "places_ptr",
            "swapped_ptr",
            "stride_xm",
            "stride_cm",
            "stride_sn",
        ),
    },
    "fp16-16x256-c64": {
        "signature": {
            "x_ptr": "*fp16",
            "centred_ptr": "*fp32",
            "totals_ptr": "*fp32",
            "largest_ptr": "*fp32",
            "places_ptr": "*i64",
            "swapped_ptr": "*fp16",
            "stride_xm": "i32",
            "stride_cm": "i32",
            "stride_tm": "i32",
            "stride_sn": "i32",
            "rows": "i32",
            "columns": "i32",
        },
        "constexprs": {"stride_xn": 1, "CHUNK": 64, "BLOCK_M": 16, "BLOCK_N": 256},
        "num_warps": 8,
        "num_stages": 2,
        "divisible": (
            "x_ptr",
            "centred_ptr",
            "totals_ptr",
            "largest_ptr",
            "places_ptr",
            "swapped_ptr",
            "stride_xm",
            "stride_cm",
            "stride_sn",
        ),
    },
}


@triton.jit
def chunked(
    x_ptr,
    centred_ptr,
    totals_ptr,
    largest_ptr,
    places_ptr,
    swapped_ptr,
    stride_xm,
    stride_xn: tl.constexpr,
    stride_cm,
    stride_tm,
    stride_sn,
    rows,
    columns,
    CHUNK: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """Compute all of one tile; the grid has a program for each tile, rows first."""
    row = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    column = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = (row[:, None] < rows) & (column[None, :] < columns)
    x = tl.load(x_ptr + row[:, None] * stride_xm + column[None, :] * stride_xn, mask=inside, other=0.0)

    parts = tl.reshape(x.to(tl.float32), (BLOCK_M, BLOCK_N // CHUNK, CHUNK))
    totals = tl.sum(parts, axis=2)
    largest = tl.max(tl.abs(parts), axis=2)
    places = tl.argmax(tl.abs(parts), axis=2)
    chunk = tl.program_id(1) * (BLOCK_N // CHUNK) + tl.arange(0, BLOCK_N // CHUNK)
    count = tl.minimum(columns - chunk * CHUNK, CHUNK).to(tl.float32)
    mean = tl.div_rn(totals, tl.broadcast_to(count[None, :], (BLOCK_M, BLOCK_N // CHUNK)))
    centred = tl.reshape(parts - tl.expand_dims(mean, 2), (BLOCK_M, BLOCK_N))
    tl.store(centred_ptr + row[:, None] * stride_cm + column[None, :], centred, mask=inside)
    of_chunk = row[:, None] * stride_tm + chunk[None, :]
    present = (row[:, None] < rows) & (chunk[None, :] * CHUNK < columns)
    tl.store(totals_ptr + of_chunk, totals, mask=present)
    tl.store(largest_ptr + of_chunk, largest, mask=present)
    tl.store(places_ptr + of_chunk, places.to(tl.int64), mask=present)

    even, odd = tl.split(tl.reshape(x, (BLOCK_M, BLOCK_N // 2, 2)))
    swapped = tl.trans(tl.interleave(odd, even))
    paired = (column[:, None] < columns + columns % 2) & (row[None, :] < rows)
    tl.store(swapped_ptr + column[:, None] * stride_sn + row[None, :], swapped, mask=paired)


def prepare(params, tools):
    """Drawn rows."""
    x, outputs = _rows(params, tools)
    return lambda: _launch(x, outputs, params)


def reference(params, tools):
    """Chunk by chunk in float64; the copy by indices."""
    import torch

    x, _ = _rows(params, tools)
    rows, columns = x.shape
    wide = x.double()
    parts = [wide[:, start : start + params["chunk"]] for start in range(0, columns, params["chunk"])]
    padded = torch.cat((wide, torch.zeros(rows, columns % 2, dtype=torch.float64, device=x.device)), dim=1)
    return {
        "centred": torch.cat([part - part.mean(dim=1, keepdim=True) for part in parts], dim=1),
        "totals": torch.stack([part.sum(dim=1) for part in parts], dim=1),
        "largest": torch.stack([part.abs().amax(dim=1) for part in parts], dim=1),
        "places": torch.stack([_leftmost(part.abs()) for part in parts], dim=1),
        "swapped": padded[:, torch.arange(padded.shape[1], device=x.device) ^ 1].T,
    }


def _leftmost(size):
    """In which column of each row its largest number first is, as int64."""
    import torch

    column = torch.arange(size.shape[1], device=size.device)
    return torch.where(size == size.amax(dim=1, keepdim=True), column, size.shape[1]).amin(dim=1)


def split(params, tools):
    """Each row by itself."""
    x, outputs = _rows(params, tools)

    def work():
        for row in range(x.shape[0]):
            one = slice(row, row + 1)
            mine = {name: out[:, one] if name == "swapped" else out[one] for name, out in outputs.items()}
            _launch(x[one], mine, params)
        return outputs

    return work


def _rows(params, tools):
    """x, and where the results go. Every row has equal magnitudes of either sign, so that the leftmost matters."""
    rows, columns = shape = params["rows"], params["columns"]
    values = tools.integers(-9, 10, shape).astype("float32") if params.get("exact") else tools.uniform(shape)
    values[:, 1::5] = -1.0
    values[:, 3::5] = 1.0
    if params.get("infinite"):
        values[:, 20] = -float("inf")
        values[-1, 17:19] = float("inf")
    strides = (1, rows + 3) if params.get("transposed") else (params.get("pitch", columns), 1)
    chunks = -(-columns // params["chunk"])
    outputs = {
        "centred": tools.empty(shape, "fp32", (columns + 6, 1)),
        "totals": tools.empty((rows, chunks), "fp32", (chunks + 2, 1)),
        "largest": tools.empty((rows, chunks), "fp32", (chunks + 2, 1)),
        "places": tools.empty((rows, chunks), "i64", (chunks + 2, 1)),
        "swapped": tools.empty((columns + columns % 2, rows), params["dtype"], (params["rows"] + 5, 1)),
    }
    return tools.tensor(values, params["dtype"], strides), outputs


def _launch(x, outputs, params):
    rows, columns = x.shape
    tall, wide = (8, 32) if columns < 1000 else (32, 64)
    if rows:
        chunked[triton.cdiv(rows, tall), triton.cdiv(columns, wide)](
            x,
            *outputs.values(),
            *x.stride(),
            outputs["centred"].stride(0),
            outputs["totals"].stride(0),
            outputs["swapped"].stride(0),
            rows,
            columns,
            CHUNK=params["chunk"],
            BLOCK_M=tall,
            BLOCK_N=wide,
        )
    return outputs

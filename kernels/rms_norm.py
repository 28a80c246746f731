"""Root-mean-square normalisation of each row: y = x / sqrt(mean(x^2) + eps) * weight.

x and y are (rows, columns), rows ``stride_x`` and ``stride_y`` elements apart; weight is (columns,). The inverse root
is stored in float32 for a backward pass. ``BLOCK`` is a power of two of at least ``columns``.

Why upgrades break it: it is one reduction and one square root, without the centring that would hide an error in the
sum; the fused multiply-adds of the squares decide the last bits.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# small: the squares are of the size of eps, so that one which is lost is seen. infinite: one row with an infinity, one
# with NaN; the rows between them must not notice. every: of a large case, each so-manieth row is compared.
CASES = {
    "fp32-16x128": {"dtype": "fp32", "rows": 16, "columns": 128, "length": 128},
    "fp32-7x1021-pitched": {"dtype": "fp32", "rows": 7, "columns": 1021, "length": 1021, "pitch": 1040},
    "fp16-5x257": {"dtype": "fp16", "rows": 5, "columns": 257, "length": 257, "pitch": 260},
    "fp32-4x64-small": {"dtype": "fp32", "rows": 4, "columns": 64, "length": 64, "scale": 0.002},
    "fp32-5x67-infinite": {"dtype": "fp32", "rows": 5, "columns": 67, "length": 67, "infinite": True},
    "fp32-3x1": {"dtype": "fp32", "rows": 3, "columns": 1},
    "fp32-0x64": {"dtype": "fp32", "rows": 0, "columns": 64},
    "bf16-8192x4096": {
        "dtype": "bf16", "rows": 8192, "columns": 4096, "length": 4096, "every": 8, "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "5 * rows * columns", "bytes": "2 * rows * columns * width + columns * width + 4 * rows"}

AOT = {
    "fp16-4096": {
        "signature": {
            "x_ptr": "*fp16",
            "y_ptr": "*fp16",
            "weight_ptr": "*fp16",
            "inverse_ptr": "*fp32",
            "stride_x": "i32",
            "stride_y": "i32",
            "columns": "i32",
            "eps": "fp32",
        },
        "constexprs": {"BLOCK": 4096},
        "num_warps": 8,
        "divisible": ("x_ptr", "y_ptr", "weight_ptr", "inverse_ptr", "stride_x", "stride_y", "columns"),
    },
    "bf16-1024": {
        "signature": {
            "x_ptr": "*bf16",
            "y_ptr": "*bf16",
            "weight_ptr": "*bf16",
            "inverse_ptr": "*fp32",
            "stride_x": "i32",
            "stride_y": "i32",
            "columns": "i32",
            "eps": "fp32",
        },
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "divisible": ("x_ptr", "y_ptr", "weight_ptr", "inverse_ptr", "stride_x", "stride_y", "columns"),
        "since": 80,
    },
}


@triton.jit
def rms_norm(x_ptr, y_ptr, weight_ptr, inverse_ptr, stride_x, stride_y, columns, eps, BLOCK: tl.constexpr):
    """Normalise one row; the grid has one program for each row."""
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    inside = offsets < columns
    x = tl.load(x_ptr + row * stride_x + offsets, mask=inside, other=0.0).to(tl.float32)
    weight = tl.load(weight_ptr + offsets, mask=inside, other=0.0).to(tl.float32)
    inverse = 1.0 / tl.sqrt(tl.sum(x * x, axis=0) / columns + eps)
    tl.store(y_ptr + row * stride_y + offsets, (x * inverse * weight).to(y_ptr.dtype.element_ty), mask=inside)
    tl.store(inverse_ptr + row, inverse)


def prepare(params, tools):
    """Drawn rows, stretched by ``scale``, with drawn weights; y lies with other gaps than x."""
    tensors = _tensors(params, tools)
    return lambda: _shown(params, *_launch(*tensors))


def reference(params, tools):
    """The definition, in float64. eps is what the kernel is given: a float32."""
    import torch

    x, weight, *_ = _tensors(params, tools)
    eps = torch.tensor(1e-5, dtype=torch.float32).double()
    x = x.double()
    inverse = 1.0 / torch.sqrt((x**2).mean(dim=1) + eps)
    return _shown(params, x * inverse[:, None] * weight.double(), inverse)


def split(params, tools):
    """Each row by itself."""
    x, weight, y, inverse = _tensors(params, tools)

    def work():
        for row in range(len(x)):
            own = slice(row, row + 1)
            _launch(x[own], weight, y[own], inverse[own])
        return _shown(params, y, inverse)

    return work


def _tensors(params, tools):
    rows, columns, dtype = params["rows"], params["columns"], params["dtype"]
    pitch = params.get("pitch", columns)
    values = tools.uniform((rows, columns)) * params.get("scale", 1.0)
    if params.get("infinite"):
        values[1, 5], values[3, -1] = float("inf"), float("nan")
    return (
        tools.tensor(values, dtype, (pitch, 1)),
        tools.tensor(tools.uniform(columns) + 1.0, dtype),
        tools.empty((rows, columns), dtype, (pitch + 16, 1)),
        tools.empty(rows, "fp32"),
    )


def _launch(x, weight, y, inverse):
    rows, columns = x.shape
    if rows:
        block = triton.next_power_of_2(columns)
        rms_norm[(rows,)](x, y, weight, inverse, x.stride(0), y.stride(0), columns, 1e-5, BLOCK=block)
    return y, inverse


def _shown(params, y, inverse):
    every = params.get("every", 1)
    return {"y": y[::every], "inverse": inverse[::every]}

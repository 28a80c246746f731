"""Layer normalisation of each row: y = (x - mean) / sqrt(variance + eps) * weight + bias.

x and y are (rows, columns), rows ``stride`` elements apart; weight and bias are (columns,); mean and inverse standard
deviation are stored in float32 for a backward pass, one each a row. The variance is that of the centred values, not a
difference of squares, so rows with a large mean keep their digits. ``BLOCK`` is a power of two of at least ``columns``.

Why upgrades break it: two dependent reductions with values that live across both, so register pressure shows here
first; and how multiplications and additions are fused decides the last bits.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# offset: the mean of the rows, which a difference of squares would pay for with all its digits; here the mean, rounded
# to 24 digits, is 16 / 0.58 times the deviation, so y keeps 5 digits less. Rows of one element have no variance, and
# eps alone keeps them finite. infinite: one row with an infinity, one with NaN; the rows between them must not notice.
# every: of a large case, each so-manieth row is compared.
CASES = {
    "fp32-16x128": {"dtype": "fp32", "rows": 16, "columns": 128, "length": 128},
    "fp32-7x1021-pitched": {"dtype": "fp32", "rows": 7, "columns": 1021, "length": 1021, "pitch": 1040},
    "fp32-5x97-offset": {"dtype": "fp32", "rows": 5, "columns": 97, "length": 97, "offset": 16.0, "tolerance": 5e-6},
    "fp16-5x257": {"dtype": "fp16", "rows": 5, "columns": 257, "length": 257},
    "fp32-4x64-small": {"dtype": "fp32", "rows": 4, "columns": 64, "length": 64, "scale": 0.002},
    "fp32-5x67-infinite": {"dtype": "fp32", "rows": 5, "columns": 67, "length": 67, "infinite": True},
    "fp32-3x1": {"dtype": "fp32", "rows": 3, "columns": 1, "scale": 0.5},
    "fp32-0x64": {"dtype": "fp32", "rows": 0, "columns": 64},
    "bf16-8192x4096": {
        "dtype": "bf16", "rows": 8192, "columns": 4096, "length": 4096, "every": 8, "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "8 * rows * columns", "bytes": "2 * rows * columns * width + 2 * columns * width + 8 * rows"}

AOT = {
    "fp16-1024": {
        "signature": {
            "x_ptr": "*fp16",
            "y_ptr": "*fp16",
            "weight_ptr": "*fp16",
            "bias_ptr": "*fp16",
            "mean_ptr": "*fp32",
            "inverse_ptr": "*fp32",
            "stride": "i32",
            "columns": "i32",
            "eps": "fp32",
        },
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "num_stages": 2,
        "divisible": ("x_ptr", "y_ptr", "weight_ptr", "bias_ptr", "mean_ptr", "inverse_ptr", "stride"),
    },
    "fp32-4096": {
        "signature": {
            "x_ptr": "*fp32",
            "y_ptr": "*fp32",
            "weight_ptr": "*fp32",
            "bias_ptr": "*fp32",
            "mean_ptr": "*fp32",
            "inverse_ptr": "*fp32",
            "stride": "i32",
            "columns": "i32",
            "eps": "fp32",
        },
        "constexprs": {"BLOCK": 4096},
        "num_warps": 8,
        "num_stages": 2,
        "divisible": ("x_ptr", "y_ptr", "weight_ptr", "bias_ptr", "mean_ptr", "inverse_ptr", "stride"),
    },
}


@triton.jit
def layer_norm(x_ptr, y_ptr, weight_ptr, bias_ptr, mean_ptr, inverse_ptr, stride, columns, eps, BLOCK: tl.constexpr):
    """Normalise one row; the grid has one program for each row."""
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    inside = offsets < columns
    x = tl.load(x_ptr + row * stride + offsets, mask=inside, other=0.0).to(tl.float32)
    mean = tl.sum(x, axis=0) / columns
    centred = tl.where(inside, x - mean, 0.0)
    inverse = 1.0 / tl.sqrt(tl.sum(centred * centred, axis=0) / columns + eps)
    weight = tl.load(weight_ptr + offsets, mask=inside, other=0.0).to(tl.float32)
    bias = tl.load(bias_ptr + offsets, mask=inside, other=0.0).to(tl.float32)
    y = centred * inverse * weight + bias
    tl.store(y_ptr + row * stride + offsets, y.to(y_ptr.dtype.element_ty), mask=inside)
    tl.store(mean_ptr + row, mean)
    tl.store(inverse_ptr + row, inverse)


def prepare(params, tools):
    """Rows around ``offset``, stretched by ``scale``, with drawn weight and bias."""
    tensors = _tensors(params, tools)
    return lambda: _shown(params, *_launch(*tensors))


def reference(params, tools):
    """The definition, in float64. eps is what the kernel is given: a float32."""
    import torch

    x, weight, bias, *_ = (tensor.double() for tensor in _tensors(params, tools))
    mean = x.mean(dim=1)
    centred = x - mean[:, None]
    eps = torch.tensor(1e-5, dtype=torch.float32).double()
    inverse = 1.0 / torch.sqrt((centred**2).mean(dim=1) + eps)
    return _shown(params, centred * inverse[:, None] * weight + bias, mean, inverse)


def split(params, tools):
    """Each row by itself."""
    x, weight, bias, y, mean, inverse = _tensors(params, tools)

    def work():
        for row in range(x.shape[0]):
            own = slice(row, row + 1)
            _launch(x[own], weight, bias, y[own], mean[own], inverse[own])
        return _shown(params, y, mean, inverse)

    return work


def _tensors(params, tools):
    rows, columns, dtype = params["rows"], params["columns"], params["dtype"]
    strides = params.get("pitch", columns), 1
    values = tools.uniform((rows, columns)) * params.get("scale", 1.0) + params.get("offset", 0.0)
    if params.get("infinite"):
        values[1, 5], values[3, -1] = float("inf"), float("nan")
    return (
        tools.tensor(values, dtype, strides),
        tools.tensor(tools.uniform(columns) + 1.0, dtype),
        tools.tensor(tools.uniform(columns), dtype),
        tools.empty((rows, columns), dtype, strides),
        tools.empty(rows, "fp32"),
        tools.empty(rows, "fp32"),
    )


def _launch(x, weight, bias, y, mean, inverse):
    rows, columns = x.shape
    if rows:
        block = triton.next_power_of_2(columns)
        layer_norm[(rows,)](x, y, weight, bias, mean, inverse, x.stride(0), columns, 1e-5, BLOCK=block)
    return y, mean, inverse


def _shown(params, y, mean, inverse):
    every = params.get("every", 1)
    return {"y": y[::every], "mean": mean[::every], "inverse": inverse[::every]}

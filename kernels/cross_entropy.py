"""Cross-entropy of rows of logits: log(sum(exp(x))) - x[label], and its gradient if wanted, in blocks of a row.

x and dx are (rows, columns), rows ``stride`` elements apart, labels (rows,) of int64, loss (rows,) in float32. The sum
is taken online: a running maximum, and a running sum that is rescaled when the maximum grows, so that a vocabulary of
any size fits. A row whose label is ``IGNORED`` has loss 0 and gradient 0. The gradient is exp(x - logsumexp), less 1 at
the label. Logits may be -inf, a whole block of them too, but not a whole row.

Why upgrades break it: a loop with a bound known only at run time carries two values through a reduction, exponentials
and a select; a tail that is lost or counted twice is off by one class in a hundred thousand.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")
NEEDS = ("runtime_loop",)

# block: small, so that rows have several blocks and a tail. large: logits of +-1000, whose exponentials overflow unless
# the maximum is taken off. minus: rows of large negative logits, in which a fill of 0 would win; the logsumexp, about
# -56, is rounded to a multiple of 2**-18, of a loss of 4 about 1e-6. infinite: the first block and some more are -inf,
# one row has a NaN. every: of a large case, each so-manieth row is compared.
CASES = {
    "fp32-7x131": {"dtype": "fp32", "rows": 7, "columns": 131, "length": 131, "block": 32},
    "fp32-5x67-pitched": {"dtype": "fp32", "rows": 5, "columns": 67, "length": 67, "block": 16, "pitch": 9},
    "fp16-6x97": {"dtype": "fp16", "rows": 6, "columns": 97, "length": 97, "block": 32},
    "fp32-5x50-large": {"dtype": "fp32", "rows": 5, "columns": 50, "length": 50, "block": 16, "scale": 1000.0},
    "fp32-5x50-minus": {
        "dtype": "fp32",
        "rows": 5,
        "columns": 50,
        "length": 50,
        "block": 16,
        "offset": -60.0,
        "tolerance": 3e-6,
    },
    "fp32-5x50-infinite": {
        "dtype": "fp32",
        "rows": 5,
        "columns": 50,
        "length": 50,
        "block": 16,
        "infinite": True,
    },
    "fp16-5x33-loss": {"dtype": "fp16", "out": "fp32", "rows": 5, "columns": 33, "length": 33, "gradient": False},
    "fp32-4x1": {"dtype": "fp32", "rows": 4, "columns": 1, "block": 16},
    "fp32-0x32": {"dtype": "fp32", "rows": 0, "columns": 32, "block": 16},
    "bf16-256x128256": {
        "dtype": "bf16",
        "rows": 256,
        "columns": 128256,
        "length": 128256,
        "block": 4096,
        "every": 8,
        "tiers": ("gpu",),
    },
}
COST = {"operations": "8 * rows * columns", "bytes": "3 * rows * columns * width"}

AOT = {
    "fp16-4096": {
        "signature": {
            "x_ptr": "*fp16",
            "label_ptr": "*i64",
            "loss_ptr": "*fp32",
            "dx_ptr": "*fp16",
            "stride": "i32",
            "columns": "i32",
        },
        "constexprs": {"IGNORED": -100, "GRADIENT": True, "BLOCK": 4096},
        "num_warps": 8,
        "divisible": ("x_ptr", "label_ptr", "loss_ptr", "dx_ptr", "stride", "columns"),
    },
    "fp32-1024": {
        "signature": {
            "x_ptr": "*fp32",
            "label_ptr": "*i64",
            "loss_ptr": "*fp32",
            "dx_ptr": "*fp32",
            "stride": "i32",
            "columns": "i32",
        },
        "constexprs": {"IGNORED": -100, "GRADIENT": True, "BLOCK": 1024},
        "num_warps": 4,
        "divisible": ("x_ptr", "label_ptr", "loss_ptr", "dx_ptr", "stride", "columns"),
    },
    "bf16-8192-loss": {
        "signature": {
            "x_ptr": "*bf16",
            "label_ptr": "*i64",
            "loss_ptr": "*fp32",
            "dx_ptr": "*bf16",
            "stride": "i32",
            "columns": "i32",
        },
        "constexprs": {"IGNORED": -100, "GRADIENT": False, "BLOCK": 8192},
        "num_warps": 16,
        "divisible": ("x_ptr", "label_ptr", "loss_ptr", "dx_ptr", "stride", "columns"),
        "since": 80,
    },
}


@triton.jit
def cross_entropy(
    x_ptr,
    label_ptr,
    loss_ptr,
    dx_ptr,
    stride,
    columns,
    IGNORED: tl.constexpr,
    GRADIENT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """One row; the grid has one program for each row. Without GRADIENT dx is not touched."""
    row = tl.program_id(0).to(tl.int64)
    x_ptr += row * stride
    dx_ptr += row * stride
    label = tl.load(label_ptr + row)
    offsets = tl.arange(0, BLOCK)
    largest = tl.full((), -float("inf"), dtype=tl.float32)
    total = tl.full((), 0.0, dtype=tl.float32)
    for start in range(0, columns, BLOCK):
        x = tl.load(x_ptr + start + offsets, mask=start + offsets < columns, other=-float("inf")).to(tl.float32)
        higher = tl.maximum(largest, tl.max(x, axis=0))
        base = tl.where(higher == -float("inf"), 0.0, higher)  # -inf - -inf would be NaN
        total = total * tl.exp(largest - base) + tl.sum(tl.exp(x - base), axis=0)
        largest = higher
    logsumexp = largest + tl.log(total)
    counts = label != IGNORED
    own = tl.load(x_ptr + label, mask=counts, other=0.0).to(tl.float32)
    tl.store(loss_ptr + row, tl.where(counts, logsumexp - own, 0.0))
    if GRADIENT:
        for start in range(0, columns, BLOCK):
            inside = start + offsets < columns
            x = tl.load(x_ptr + start + offsets, mask=inside, other=-float("inf")).to(tl.float32)
            dx = tl.exp(x - logsumexp) - tl.where(start + offsets == label, 1.0, 0.0)
            tl.store(dx_ptr + start + offsets, tl.where(counts, dx, 0.0).to(dx_ptr.dtype.element_ty), mask=inside)


def prepare(params, tools):
    """Drawn logits around ``offset``, stretched by ``scale``. The first label is the last class."""
    x, labels, loss, dx = _tensors(params, tools)

    def work():
        _launch(params, x, labels, loss, dx)
        return _shown(params, loss, dx)

    return work


def reference(params, tools):
    """What torch says of loss and gradient, in float64."""
    import torch

    x, labels, *_ = (tensor[:: params.get("every", 1)] for tensor in _tensors(params, tools))
    x = x.double().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(x, labels, reduction="none", ignore_index=-100)
    (dx,) = torch.autograd.grad(loss.sum(), x)
    return _shown({**params, "every": 1}, loss.detach(), dx)


def split(params, tools):
    """Each row by itself."""
    x, labels, loss, dx = _tensors(params, tools)

    def work():
        for row in range(len(x)):
            own = slice(row, row + 1)
            _launch(params, x[own], labels[own], loss[own], dx[own])
        return _shown(params, loss, dx)

    return work


def _tensors(params, tools):
    rows, columns, dtype = params["rows"], params["columns"], params["dtype"]
    strides = columns + params.get("pitch", 0), 1
    values = tools.uniform((rows, columns)) * params.get("scale", 4.0) + params.get("offset", 0.0)
    labels = tools.integers(0, columns, rows)
    labels[:1], labels[-1:] = columns - 1, -100
    if params.get("infinite"):
        labels[1:4] = 17, 49, 20
        values[:, :16], values[1:3, 20:30] = -float("inf"), -float("inf")
        values[3, 40] = float("nan")
    return (
        tools.tensor(values, dtype, strides),
        tools.tensor(labels, "i64"),
        tools.empty(rows, "fp32"),
        tools.empty((rows, columns), dtype, strides),
    )


def _launch(params, x, labels, loss, dx):
    rows, columns = x.shape
    constants = {"IGNORED": -100, "GRADIENT": params.get("gradient", True), "BLOCK": params.get("block", 16)}
    if rows:
        cross_entropy[(rows,)](x, labels, loss, dx, x.stride(0), columns, **constants)


def _shown(params, loss, dx):
    every = params.get("every", 1)
    found = {"loss": loss[::every], "dx": dx[::every]}
    return found if params.get("gradient", True) else {"loss": found["loss"]}

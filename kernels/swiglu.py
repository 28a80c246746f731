"""The gated unit of most language models: y = gate * sigmoid(gate) * up, element by element.

gate, up and y are (rows, columns), rows ``stride_gate``, ``stride_up`` and ``stride_y`` elements apart. Computed in
float32, stored in y's type. The exponential is of -|gate|, so that it cannot overflow: of a large gate the unit is the
identity, of a very negative one it is nothing.

Why upgrades break it: it is as fast as memory, so any load that is no longer vectorised shows; and which approximation
an exponential and a quotient become is the compiler's choice.
"""

from __future__ import annotations

import triton
import triton.language as tl

COMPONENTS = ("triton",)
IMPORTS = ("torch", "triton")

# block: of columns that a program works on, small enough that rows have several and a tail. infinite: gates of +-inf
# and NaN, and 1000 times larger ones; -inf times 0 is NaN as IEEE 754 says, and so it is in the reference. behind:
# numbers that lie behind each row of gate and up, so that a column too many is no NaN and is seen where it is written.
# every: of a large case, each so-manieth row is compared.
CASES = {
    "fp32-5x131": {"dtype": "fp32", "rows": 5, "columns": 131, "block": 32},
    "fp16-3x97-pitched": {"dtype": "fp16", "rows": 3, "columns": 97, "block": 64, "pitch": 7, "behind": 2},
    "fp32-4x64-infinite": {"dtype": "fp32", "rows": 4, "columns": 64, "block": 32, "infinite": True},
    "fp32-1x1": {"dtype": "fp32", "rows": 1, "columns": 1, "block": 16},
    "fp32-0x16": {"dtype": "fp32", "rows": 0, "columns": 16, "block": 16},
    "bf16-4096x11008": {
        "dtype": "bf16", "rows": 4096, "columns": 11008, "block": 1024, "every": 16, "tiers": ("gpu",)
    },
}  # fmt: skip
COST = {"operations": "5 * rows * columns", "bytes": "3 * rows * columns * width"}

AOT = {
    "fp16-1024": {
        "signature": {
            "gate_ptr": "*fp16",
            "up_ptr": "*fp16",
            "y_ptr": "*fp16",
            "stride_gate": "i32",
            "stride_up": "i32",
            "stride_y": "i32",
            "columns": "i32",
        },
        "constexprs": {"BLOCK": 1024},
        "num_warps": 4,
        "divisible": ("gate_ptr", "up_ptr", "y_ptr", "stride_gate", "stride_up", "stride_y", "columns"),
    },
    "bf16-2048": {
        "signature": {
            "gate_ptr": "*bf16",
            "up_ptr": "*bf16",
            "y_ptr": "*bf16",
            "stride_gate": "i32",
            "stride_up": "i32",
            "stride_y": "i32",
            "columns": "i32",
        },
        "constexprs": {"BLOCK": 2048},
        "num_warps": 8,
        "divisible": ("gate_ptr", "up_ptr", "y_ptr", "stride_gate", "stride_up", "stride_y", "columns"),
        "since": 80,
    },
}


@triton.jit
def swiglu(gate_ptr, up_ptr, y_ptr, stride_gate, stride_up, stride_y, columns, BLOCK: tl.constexpr):
    """One block of a row; the grid is (rows, blocks of columns)."""
    row = tl.program_id(0)
    offsets = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < columns
    gate = tl.load(gate_ptr + row * stride_gate + offsets, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(up_ptr + row * stride_up + offsets, mask=inside, other=0.0).to(tl.float32)
    small = tl.exp(-tl.abs(gate))
    sigmoid = tl.where(gate >= 0, 1.0, small) / (1.0 + small)
    tl.store(y_ptr + row * stride_y + offsets, (gate * sigmoid * up).to(y_ptr.dtype.element_ty), mask=inside)


def prepare(params, tools):
    """Drawn gates in [-8, 8) and drawn factors; the three lie with different gaps."""
    gate, up, y = _tensors(params, tools)
    rows, columns = gate.shape
    grid = rows, triton.cdiv(columns, params["block"])

    def work():
        if rows:
            swiglu[grid](gate, up, y, gate.stride(0), up.stride(0), y.stride(0), columns, BLOCK=params["block"])
        return {"y": y[:: params.get("every", 1)]}

    return work


def reference(params, tools):
    """The definition, in float64."""
    import torch

    gate, up, _ = (tensor[:: params.get("every", 1)].double() for tensor in _tensors(params, tools))
    return {"y": gate * torch.sigmoid(gate) * up}


def _tensors(params, tools):
    shape, dtype, pitch = (params["rows"], params["columns"]), params["dtype"], params.get("pitch", 0)
    wide = shape[0], shape[1] + params.get("behind", 0)
    gate, up = tools.uniform(wide) * 8.0, tools.uniform(wide)
    if params.get("infinite"):
        gate[0], gate[1, 3], gate[1, 40], gate[2, 5] = gate[0] * 1000.0, float("inf"), -float("inf"), float("nan")
    strides = [(shape[1] + times * pitch, 1) for times in (1, 2, 3)]
    return (
        tools.tensor(gate, dtype, strides[0])[:, : shape[1]],
        tools.tensor(up, dtype, strides[1])[:, : shape[1]],
        tools.empty(shape, dtype, strides[2]),
    )

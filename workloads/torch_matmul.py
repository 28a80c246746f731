"""torch's matrix products over shapes, types and layouts, against float64, and row by row.

On a GPU they are cuBLAS or cuBLASLt, which choose a kernel by shape, alignment and card from tables that come with each
release; on a CPU, MKL or oneDNN, which choose by processor. A case is a product of (m, k) by (k, n): plain (mm), of a
batch (bmm), with a bias (addmm, and linear as a layer has it), or of integers, whose sums are exact in any order.

A row of the product has nothing to do with the others, so a row computed alone should be the same bits: where it is
not, a model answers differently with the load. The reference is numpy's product in float64, for float64 in long double.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("torch",)
KIND = "operator"
TIERS = ("cpu", "gpu")

# shape: (m, k, n), and (batch, m, k, n) for bmm. length: of the sums. transposed: the operand is laid out column by
# column, as linear's weight always is. pitch: rows lie so many elements further apart. every: of a large product one
# row in so many is compared, at least one of every tile of 64.
CASES = {
    "fp32-64x64x64": {"dtype": "fp32", "shape": (64, 64, 64), "length": 64},
    "fp32-512x512x512": {"dtype": "fp32", "shape": (512, 512, 512), "length": 512},
    "fp32-509x521x251": {"dtype": "fp32", "shape": (509, 521, 251), "length": 521},
    "fp32-1x1021x1537": {"dtype": "fp32", "shape": (1, 1021, 1537), "length": 1021},
    "fp32-1537x1021x1": {"dtype": "fp32", "shape": (1537, 1021, 1), "length": 1021},
    "fp32-3x4099x5": {"dtype": "fp32", "shape": (3, 4099, 5), "length": 4099},
    "fp32-613x1x617": {"dtype": "fp32", "shape": (613, 1, 617)},
    "fp32-0x17x5": {"dtype": "fp32", "shape": (0, 17, 5)},
    "fp32-7x0x5": {"dtype": "fp32", "shape": (7, 0, 5)},
    "fp32-ta-251x257x263": {"dtype": "fp32", "shape": (251, 257, 263), "length": 257, "transposed": "a"},
    "fp32-tb-251x257x263": {"dtype": "fp32", "shape": (251, 257, 263), "length": 257, "transposed": "b"},
    "fp32-tab-251x257x263": {"dtype": "fp32", "shape": (251, 257, 263), "length": 257, "transposed": "ab"},
    "fp32-pitched-127x255x193": {"dtype": "fp32", "shape": (127, 255, 193), "length": 255, "pitch": 5},
    "fp64-251x257x263": {"dtype": "fp64", "shape": (251, 257, 263), "length": 257},
    "bf16-256x512x384": {"dtype": "bf16", "shape": (256, 512, 384), "length": 512},
    "bf16-127x1023x61": {"dtype": "bf16", "shape": (127, 1023, 61), "length": 1023},
    "bf16-tb-1x1024x1000": {"dtype": "bf16", "shape": (1, 1024, 1000), "length": 1024, "transposed": "b"},
    "fp16-131x257x127": {"dtype": "fp16", "shape": (131, 257, 127), "length": 257},
    # One element of a long sum: 12 us by one cuBLAS and 412 us by the next (pytorch#114911), there as a batch of one.
    # All its terms are positive, or their sum might be near 0 and its error of any size.
    "fp32-1x131072x1": {"dtype": "fp32", "shape": (1, 131072, 1), "length": 131072, "positive": True},
    "fp32-bmm-1x1x131072x1": {"dtype": "fp32", "shape": (1, 1, 131072, 1), "length": 131072, "positive": True},
    # A long sum may be split, and torch lets its parts be added in bf16: four roundings, each of 2**-8 at most.
    "bf16-bmm-1x1x131072x1": {"dtype": "bf16", "shape": (1, 1, 131072, 1), "positive": True, "tolerance": 0.015625},
    "fp32-bmm-13x65x127x97": {"dtype": "fp32", "shape": (13, 65, 127, 97), "length": 127},
    "bf16-bmm-tb-13x65x64x97": {"dtype": "bf16", "shape": (13, 65, 64, 97), "length": 64, "transposed": "b"},
    "fp32-addmm-127x259x253": {"dtype": "fp32", "shape": (127, 259, 253), "bias": "addmm", "length": 260},
    "bf16-linear-65x384x1536": {"dtype": "bf16", "shape": (65, 384, 1536), "bias": "linear", "length": 385},
    # Sums of integers are exact as long as every one of them, and the result, has few enough digits: 24 in float32,
    # 11 in fp16 and 8 in bf16. So there is one right answer, in any order of summing.
    "fp32-integers-251x4099x61": {"dtype": "fp32", "shape": (251, 4099, 61), "integers": 8, "tolerance": 0.0},
    "fp16-integers-131x227x67": {"dtype": "fp16", "shape": (131, 227, 67), "integers": 3, "tolerance": 0.0},
    "bf16-integers-131x251x67": {"dtype": "bf16", "shape": (131, 251, 67), "integers": 1, "tolerance": 0.0},
    "tf32-2048": {"dtype": "tf32", "shape": (2048, 2048, 2048), "length": 2048, "every": 61, "tiers": ("gpu",)},
    "tf32-odd": {"dtype": "tf32", "shape": (1021, 1031, 1033), "length": 1031, "every": 17, "tiers": ("gpu",)},
    "tf32-integers": {"dtype": "tf32", "shape": (512, 4096, 512), "integers": 8, "tolerance": 0.0, "tiers": ("gpu",)},
    "fp32-2048": {"dtype": "fp32", "shape": (2048, 2048, 2048), "length": 2048, "every": 61, "tiers": ("gpu",)},
    "bf16-4096": {"dtype": "bf16", "shape": (4096, 4096, 4096), "length": 4096, "every": 61, "tiers": ("gpu",)},
    "bf16-odd": {"dtype": "bf16", "shape": (4093, 1031, 2053), "length": 1031, "every": 61, "tiers": ("gpu",)},
    "bf16-integers": {"dtype": "bf16", "shape": (512, 251, 2048), "integers": 1, "tolerance": 0.0, "tiers": ("gpu",)},
    "fp16-4096": {"dtype": "fp16", "shape": (4096, 4096, 1024), "length": 4096, "every": 61, "tiers": ("gpu",)},
    "fp16-bmm": {"dtype": "fp16", "shape": (96, 512, 64, 512), "length": 64, "every": 61, "tiers": ("gpu",)},
    # What a language model's layer is when it reads 16 sequences at once, or one.
    "bf16-linear-16": {
        "dtype": "bf16",
        "shape": (16, 4096, 14336),
        "bias": "linear",
        "length": 4097,
        "tiers": ("gpu",),
    },
    "bf16-linear-1": {"dtype": "bf16", "shape": (1, 14336, 4096), "bias": "linear", "length": 14337, "tiers": ("gpu",)},
}


def _values(params, tools, shape):
    """Values of an operand, as a numpy array.

    At most a million are drawn. They repeat with a prime period, so that no two rows are the same.
    """
    import math

    import torch

    count, period = math.prod(shape), 1048573
    drawn = min(count, period)
    if "integers" in params:
        values = tools.integers(-params["integers"], params["integers"] + 1, drawn)
    elif params["dtype"] == "tf32":
        # 11 digits, so that it does not matter whether the hardware rounds the operands to tf32 or cuts them off.
        values = tools.integers(-1024, 1025, drawn) / 1024
    elif params["dtype"] == "fp64":
        values = tools.uniform(drawn, "float64") / 3  # what is drawn has so few digits that sums of products are exact
    else:
        values = tools.uniform(drawn)
    if params.get("positive"):
        values = (values + 3) / 4
    repeated = torch.from_numpy(values).repeat(1 + count // period)[:count]
    return repeated.reshape(shape).numpy()


def _operands(params, tools):
    """Draw the operands on the device: a (batch, m, k) or (m, k), b likewise with (k, n), and a bias of n or None."""
    dtype = "fp32" if params["dtype"] == "tf32" else params["dtype"]
    transposed = "b" if params.get("bias") == "linear" else params.get("transposed", "")
    *batch, m, k, n = params["shape"]
    found = []
    for name, rows, columns in (("a", m, k), ("b", k, n)):
        lines, line = (columns, rows) if name in transposed else (rows, columns)
        pitch = max(1, line + params.get("pitch", 0))
        steps = (1, pitch) if name in transposed else (pitch, 1)
        steps = (pitch * lines, *steps) if batch else steps
        found.append(tools.tensor(_values(params, tools, (*batch, rows, columns)), dtype, steps))
    found.append(tools.tensor(_values(params, tools, (n,)), dtype) if "bias" in params else None)
    return found


def _product(params, a, b, bias):
    """The product as torch computes it. Only where the case is about tf32, it may use that."""
    import torch

    if params["dtype"] == "tf32":
        flags = torch.backends.cuda.matmul
        before = flags.allow_tf32
        flags.allow_tf32 = True
        try:
            return torch.mm(a, b)
        finally:
            flags.allow_tf32 = before
    if bias is None:
        return torch.mm(a, b) if a.dim() == 2 else torch.bmm(a, b)
    if params["bias"] == "addmm":
        return torch.addmm(bias, a, b, beta=0.5, alpha=2.0)
    return torch.nn.functional.linear(a, b.t(), bias)


def _rows(params, y):
    """The rows of a product that are compared."""
    return y[..., :: params.get("every", 1), :]


def prepare(params, tools):
    """Draw the operands; the work is one product."""
    import torch

    a, b, bias = _operands(params, tools)
    if tools.device == "cuda":
        preferred = getattr(torch.backends.cuda, "preferred_blas_library", None)  # since torch 2.3
        if preferred is not None:
            tools.took("BLAS", str(preferred()).rpartition(".")[2])
    elif hasattr(torch.backends.cpu, "get_cpu_capability"):  # since torch 2.1
        tools.took("vector instructions", torch.backends.cpu.get_cpu_capability())
    return lambda: {"y": _rows(params, _product(params, a, b, bias))}


def split(params, tools):
    """The same rows, each computed alone; of a batch, each product alone."""
    import torch

    a, b, bias = _operands(params, tools)
    if a.dim() == 3:
        alone = [(a[i : i + 1], b[i : i + 1]) for i in range(a.shape[0])]
        return lambda: {"y": torch.cat([_rows(params, _product(params, *pair, None)) for pair in alone])}
    rows = _rows(params, a).split(1)  # of no row: one part with none
    return lambda: {"y": torch.cat([_product(params, row, b, bias) for row in rows])}


def reference(params, tools):
    """The product by numpy, in float64 or more."""
    a, b, bias = (None if each is None else each.double().cpu().numpy() for each in _operands(params, tools))
    a = _rows(params, a)
    if params["dtype"] == "fp64":
        a, b = a.astype("longdouble"), b.astype("longdouble")
    y = (a @ b).astype("float64")
    if bias is None:
        return {"y": y}
    return {"y": 0.5 * bias + 2.0 * y if params["bias"] == "addmm" else bias + y}

"""torch._int_mm: products of 8-bit integers in 32-bit sums, which have one right answer.

Quantised models use it. cuBLASLt has kernels of its own for it, with rules of their own about shapes and layouts (here
more than 16 rows, k and n multiples of 8, the second operand column by column as a weight lies): torch._int_mm was
wrong with the cuBLAS of CUDA 12.1 update 1 (pytorch#107671) for 17 rows. On a CPU it is oneDNN, whose instructions for
8 bits may saturate on processors without VNNI, or a plain loop.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("torch",)
KIND = "operator"
TIERS = ("cpu", "gpu")

# shape: (m, k, n). rows: the second operand is laid out row by row, which not every card's cuBLASLt takes. extreme: all
# values are -128 or 127, so that a sum in fewer than 32 bits overflows or saturates. every: of a large product one row
# in so many is compared, at least one of every tile of 32.
CASES = {
    "17x16x16": {"dtype": "i8", "out": "i32", "shape": (17, 16, 16)},
    "17x8x8": {"dtype": "i8", "out": "i32", "shape": (17, 8, 8)},
    "33x24x40": {"dtype": "i8", "out": "i32", "shape": (33, 24, 40)},
    "32x32x32": {"dtype": "i8", "out": "i32", "shape": (32, 32, 32)},
    "101x1032x136": {"dtype": "i8", "out": "i32", "shape": (101, 1032, 136)},
    "257x512x264": {"dtype": "i8", "out": "i32", "shape": (257, 512, 264)},
    "512x512x512": {"dtype": "i8", "out": "i32", "shape": (512, 512, 512)},
    "19x65536x8-extreme": {"dtype": "i8", "out": "i32", "shape": (19, 65536, 8), "extreme": True},
    "65x256x72-extreme": {"dtype": "i8", "out": "i32", "shape": (65, 256, 72), "extreme": True},
    "1x64x8": {"dtype": "i8", "out": "i32", "shape": (1, 64, 8), "tiers": ("cpu",)},
    "23x37x29": {"dtype": "i8", "out": "i32", "shape": (23, 37, 29), "tiers": ("cpu",)},
    "33x24x40-rows": {"dtype": "i8", "out": "i32", "shape": (33, 24, 40), "rows": True, "tiers": ("cpu",)},
    "127x509x131-rows": {"dtype": "i8", "out": "i32", "shape": (127, 509, 131), "rows": True, "tiers": ("cpu",)},
    "2048x4096x1024": {"dtype": "i8", "out": "i32", "shape": (2048, 4096, 1024), "every": 17, "tiers": ("gpu",)},
    "4093x1032x1160": {"dtype": "i8", "out": "i32", "shape": (4093, 1032, 1160), "every": 31, "tiers": ("gpu",)},
}


def _operands(params, tools):
    """Draw int8 operands on the device: a (m, k) row by row and b (k, n)."""
    m, k, n = params["shape"]
    extreme = params.get("extreme")
    drawn = [tools.integers(*((0, 2) if extreme else (-128, 128)), shape) for shape in ((m, k), (k, n))]
    a, b = (values * 255 - 128 if extreme else values for values in drawn)
    return tools.tensor(a, "i8"), tools.tensor(b, "i8", None if params.get("rows") else (1, k))


def prepare(params, tools):
    """Draw the operands; the work is one product in int32."""
    import torch

    a, b = _operands(params, tools)
    every = params.get("every", 1)
    return lambda: {"y": torch._int_mm(a, b)[::every]}


def reference(params, tools):
    """The product in float64, where every sum is below 2**53 and thus exact, as integers."""
    a, b = (operand.double().cpu().numpy() for operand in _operands(params, tools))
    return {"y": (a[:: params.get("every", 1)] @ b).astype("int64")}

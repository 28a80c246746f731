"""torch's copies: between host and device, between layouts and types, and the bandwidth of large ones.

Copies go through the driver, or through kernels of torch's that are chosen by layout and type. Pinned memory, the way
over the bus and what a card's memory gives are the driver's matter, and come out slower after some upgrades. A copy has
one right answer, and so has a conversion, which rounds to the nearest value and between two to the even one.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("torch",)
KIND = "operator"
TIERS = ("cpu", "gpu")
# There is one right answer: the same bits, or the value that IEEE 754 rounds to.
TOLERANCE = 0.0
ITEMS = "bytes"  # that a call reads and writes at least

# count: how many elements, of 4 bytes. On a CPU the device is the host, and a way there is a copy. exponents: of 2; the
# values are multiplied with these powers, so that some are below and some beyond what the other type holds.
CASES = {
    "there-and-back-1": {"what": "there-and-back", "count": 1, "bytes": 16},
    "there-and-back-1048573": {"what": "there-and-back", "count": 1048573, "bytes": 16777168},
    "there-and-back-33554432": {"what": "there-and-back", "count": 33554432, "bytes": 536870912, "tiers": ("gpu",)},
    "pinned-1": {"what": "pinned", "count": 1, "bytes": 16, "tiers": ("gpu",)},
    "pinned-1048573": {"what": "pinned", "count": 1048573, "bytes": 16777168, "tiers": ("gpu",)},
    "pinned-33554432": {"what": "pinned", "count": 33554432, "bytes": 536870912, "tiers": ("gpu",)},
    "transpose": {"what": "transpose", "bytes": 4190200},
    "permute": {"what": "permute", "bytes": 4190200},
    "slices": {"what": "slices", "bytes": 700416},
    "pitched": {"what": "pitched", "bytes": 4190200},
    "into-pitched": {"what": "into-pitched", "bytes": 4190200},
    "expand": {"what": "expand", "bytes": 2099200},
    "flip": {"what": "flip", "bytes": 4190200},
    "fp32-to-fp16": {"what": "convert", "from": "fp32", "to": "fp16", "exponents": (-30, 18), "bytes": 1800042},
    "fp32-to-bf16": {"what": "convert", "from": "fp32", "to": "bf16", "exponents": (-140, 128), "bytes": 1800042},
    "fp32-to-fp8e4nv": {"what": "convert", "from": "fp32", "to": "fp8e4nv", "exponents": (-14, 9), "bytes": 1500035},
    "fp32-to-fp8e5": {"what": "convert", "from": "fp32", "to": "fp8e5", "exponents": (-20, 18), "bytes": 1500035},
    "fp64-to-fp32": {"what": "convert", "from": "fp64", "to": "fp32", "exponents": (-155, 130), "bytes": 3600084},
    "i32-to-fp32": {"what": "convert", "from": "i32", "to": "fp32", "bytes": 2400056},
    "fp32-to-i32": {"what": "convert", "from": "fp32", "to": "i32", "exponents": (-2, 31), "bytes": 2400056},
    "copy-8388608": {"what": "copy", "count": 8388608, "bytes": 67108864, "tiers": ("cpu",)},
    "fill-8388608": {"what": "fill", "count": 8388608, "bytes": 33554432, "tiers": ("cpu",)},
    "triad-8388608": {"what": "triad", "count": 8388608, "bytes": 100663296, "tiers": ("cpu",)},
    "copy-134217728": {"what": "copy", "count": 134217728, "bytes": 1073741824, "tiers": ("gpu",)},
    "fill-134217728": {"what": "fill", "count": 134217728, "bytes": 536870912, "tiers": ("gpu",)},
    "triad-134217728": {"what": "triad", "count": 134217728, "bytes": 1610612736, "tiers": ("gpu",)},
}


def prepare(params, tools):
    """Draw what is copied and make room; the work is one copy, or a way there and back."""
    what = params["what"]
    if what in ("there-and-back", "pinned"):
        return _way(params, tools)
    if what in ("copy", "fill", "triad"):
        return _bandwidth(params, tools)
    if what == "convert":
        kind, x = _type(params["to"]), _convertible(params, tools)
        return lambda: {"y": x.to(kind)}
    return _layout(params, tools)


def reference(params, tools):
    """The same by other means: the values themselves, numpy's layouts, and rounding by arithmetic in float64."""
    what = params["what"]
    if what in ("there-and-back", "pinned"):
        return {"y": _some(_repeated(tools.integers(-(2**31), 2**31, _drawn(params), "int32"), params["count"]))}
    if what in ("copy", "fill", "triad"):
        values = tools.integers(-1024, 1025, _drawn(params)) / 1024
        places = _some(range(params["count"]))
        first = values[[place % len(values) for place in places]]
        last = values[[(params["count"] - 1 - place) % len(values) for place in places]]
        return {"y": {"copy": first, "fill": first * 0 + 0.75, "triad": first + 3 * last}[what]}
    if what == "convert":
        return {"y": _rounded(_convertible(params, tools).cpu().double(), params["to"])}
    x = tools.uniform((511, 1025)).astype("float64")
    return {
        "y": {
            "transpose": x.T,
            "permute": x.reshape(7, 73, 41, 25).transpose(0, 3, 1, 2),
            "slices": x[::3, 1::2],
            "expand": x[:1].repeat(511, axis=0),
            "flip": x[::-1, ::-1],
        }.get(what, x)
    }


def _some(y):
    """What is compared: all, or of many one in 4099."""
    return y[:: 4099 if len(y) > 2**20 else 1]


def _drawn(params):
    """How many values are drawn; they are repeated, with a prime period."""
    return min(params["count"], 1048573)


def _repeated(values, count, device="cpu"):
    import torch

    return torch.from_numpy(values).to(device).repeat(-(-count // len(values)))[:count]


def _way(params, tools):
    """To the device and back, all bits at random: among them are each kind of NaN."""
    import torch

    x = _repeated(tools.integers(-(2**31), 2**31, _drawn(params), "int32"), params["count"]).view(torch.float32)
    if params["what"] == "there-and-back":
        return lambda: {"y": _some(x.to(tools.device, copy=True).to("cpu", copy=True).view(torch.int32))}
    x = x.pin_memory()
    there = torch.empty_like(x, device=tools.device)
    back = torch.empty_like(x).pin_memory()

    def work():
        there.copy_(x, non_blocking=True)
        back.copy_(there, non_blocking=True)
        torch.cuda.current_stream().synchronize()
        return {"y": _some(back.view(torch.int32))}

    return work


def _bandwidth(params, tools):
    """Large tensors on the device, with few digits: sums of products are exact."""
    import torch

    x = _repeated(tools.integers(-1024, 1025, _drawn(params)).astype("float32") / 1024, params["count"], tools.device)
    y, other = torch.empty_like(x), x.flip(0)

    def work():
        if params["what"] == "copy":
            y.copy_(x)
        elif params["what"] == "fill":
            y.fill_(0.75)
        else:
            torch.add(x, other, alpha=3.0, out=y)
        return {"y": _some(y)}

    return work


def _layout(params, tools):
    """Copies from and to tensors whose elements do not lie side by side."""
    import torch

    what, values = params["what"], tools.uniform((511, 1025))
    x = tools.tensor(values, "fp32", (1040, 1) if what == "pitched" else None)
    if what == "into-pitched":
        y = tools.empty(values.shape, "fp32", (1040, 1))
        return lambda: {"y": y.copy_(x)}
    return {
        "transpose": lambda: {"y": x.t().contiguous()},
        "permute": lambda: {"y": x.view(7, 73, 41, 25).permute(0, 3, 1, 2).contiguous()},
        "slices": lambda: {"y": x[::3, 1::2].contiguous()},
        "pitched": lambda: {"y": x.contiguous()},
        "expand": lambda: {"y": x[:1].expand(511, 1025).contiguous()},
        "flip": lambda: {"y": torch.flip(x, (0, 1))},
    }[what]


def _type(name):
    import torch

    names = {"fp16": "float16", "bf16": "bfloat16", "fp32": "float32", "i32": "int32"}
    return getattr(torch, {**names, "fp8e4nv": "float8_e4m3fn", "fp8e5": "float8_e5m2"}[name])


def _convertible(params, tools):
    """Draw values of a type; the first are special ones."""
    count, kind = 300007, params["from"]
    if kind == "i32":
        return tools.tensor(tools.integers(-(2**31), 2**31, count), kind)
    values = tools.uniform(count, "float64") / 3 * 2.0 ** tools.integers(*params["exponents"], count)
    if params["to"] != "i32":
        digits = {"fp32": 24, "fp16": 11, "bf16": 8, "fp8e4nv": 4, "fp8e5": 3}[params["to"]]
        values[:5] = 0.0, -0.0, float("nan"), 1 + 2.0**-digits, 1 + 3 * 2.0**-digits  # the last two lie between
        if params["to"] != "fp8e4nv":  # which has no infinity
            values[5:7] = float("inf"), -float("inf")
    return tools.tensor(values, kind)


def _rounded(x, kind):
    """float64 values rounded to a type: cut off as integers, else to the nearest, and to even between two."""
    import torch

    if kind == "i32":
        return x.trunc().to(torch.int64)
    # Digits of a significand, exponent of 2 just above the smallest normal number, and the largest number.
    digits, least, largest = {
        "fp32": (24, -125, (2 - 2.0**-23) * 2.0**127),
        "fp16": (11, -13, 65504.0),
        "bf16": (8, -125, (2 - 2.0**-7) * 2.0**127),
        "fp8e4nv": (4, -5, 448.0),
        "fp8e5": (3, -13, 57344.0),
    }[kind]
    units = torch.frexp(torch.where(x.isfinite(), x, 0.0)).exponent.clamp(min=least) - digits
    steps = torch.ldexp(torch.ones_like(x), units)
    y = (x / steps).round() * steps
    return torch.where(y.abs() > largest, y.sign() * float("inf"), y)

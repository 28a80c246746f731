"""torch's reductions, scans, sorts and searches: long sums, ties, NaN, and integers that must be exact.

Releases change how a reduction is split over threads, vectors and blocks, and with it the order of its sums; which of
several equal elements is found; and which sort is behind topk and unique. On a GPU kernels are chosen by shape, and
sorts and scans are CUB's, which come with the toolkit. The references are numpy's methods on float64, or on integers.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("torch",)
KIND = "operator"
TIERS = ("cpu", "gpu")

# dim: what is reduced or sorted, all of it where none is given. shift and scale: of the values, drawn in [-1, 1).
# levels: they are so many integers instead, each many times. nan: one in so many is NaN. length: the longest chain of
# additions, far shorter than a sum, for torch adds up parts: millions of terms one by one would be outside of it.
CASES = {
    # All terms are positive: a partial sum that is short of digits loses them for good.
    "sum-4000037": {"what": "sum", "dtype": "fp32", "shape": (4000037,), "shift": 1.0, "length": 256},
    "sum-rows-1021x1031": {"what": "sum", "dtype": "fp32", "shape": (1021, 1031), "dim": 1, "length": 64},
    "sum-columns-1021x1031": {"what": "sum", "dtype": "fp32", "shape": (1021, 1031), "dim": 0, "length": 256},
    "sum-middle-37x257x129": {"what": "sum", "dtype": "fp32", "shape": (37, 257, 129), "dim": 1, "length": 64},
    "sum-transposed-1021x513": {
        "what": "sum",
        "dtype": "fp32",
        "shape": (1021, 513),
        "dim": 1,
        "transposed": True,
        "length": 256,
    },
    "sum-bf16-7x100003": {"what": "sum", "dtype": "bf16", "shape": (7, 100003), "dim": 1, "shift": 1.0, "length": 256},
    "sum-empty": {"what": "sum", "dtype": "fp32", "shape": (0, 5), "dim": 0},
    "sum-i8": {"what": "sum", "dtype": "i8", "shape": (1000003,), "low": -128, "high": 128},
    "sum-i32-1021x517": {
        "what": "sum",
        "dtype": "i32",
        "shape": (1021, 517),
        "dim": 0,
        "low": -2147483648,
        "high": 2147483648,
    },
    "sum-i1": {"what": "sum", "dtype": "i1", "shape": (1000003,), "low": 0, "high": 2},
    # The sum is beyond what fp16 holds, the mean is not.
    "mean-fp16-3x200003": {
        "what": "mean",
        "dtype": "fp16",
        "shape": (3, 200003),
        "dim": 1,
        "shift": 1.0,
        "length": 256,
    },
    "mean-fp32-517x1021": {"what": "mean", "dtype": "fp32", "shape": (517, 1021), "dim": 1, "length": 64},
    # From squares less the square of the mean it would be wrong by 1e-4; values of 16 have roundings of 1e-6.
    "var-517x1021": {"what": "var", "dtype": "fp32", "shape": (517, 1021), "dim": 1, "shift": 16.0, "tolerance": 1e-5},
    # Without the largest value taken out first, all of it is infinite.
    "logsumexp-517x1021": {
        "what": "logsumexp",
        "dtype": "fp32",
        "shape": (517, 1021),
        "dim": 1,
        "shift": 500.0,
        "scale": 100.0,
        "length": 64,
    },
    "cumsum-65x10007": {"what": "cumsum", "dtype": "fp32", "shape": (65, 10007), "dim": 1, "shift": 1.0, "length": 256},
    "cumsum-columns-1021x65": {
        "what": "cumsum",
        "dtype": "fp32",
        "shape": (1021, 65),
        "dim": 0,
        "shift": 1.0,
        "length": 1021,
    },
    "cumsum-i64-5x100003": {
        "what": "cumsum",
        "dtype": "i64",
        "shape": (5, 100003),
        "dim": 1,
        "low": -2147483648,
        "high": 2147483648,
    },
    "arg-517x1021": {"what": "arg", "dtype": "fp32", "shape": (517, 1021), "dim": 1, "levels": 100},
    "arg-columns-1021x129": {"what": "arg", "dtype": "fp32", "shape": (1021, 129), "dim": 0, "levels": 5},
    "arg-1000003": {"what": "arg", "dtype": "fp32", "shape": (1000003,), "levels": 1000},
    "arg-i8-65x4099": {"what": "arg", "dtype": "i8", "shape": (65, 4099), "dim": 1, "low": -128, "high": 128},
    "extremes-517x1021": {
        "what": "extremes",
        "dtype": "fp32",
        "shape": (517, 1021),
        "dim": 1,
        "nan": 997,
        "tolerance": 0.0,
    },
    "extremes-columns-bf16-1021x65": {
        "what": "extremes",
        "dtype": "bf16",
        "shape": (1021, 65),
        "dim": 0,
        "nan": 509,
        "tolerance": 0.0,
    },
    "sort-65x4099": {"what": "sort", "dtype": "fp32", "shape": (65, 4099), "levels": 300, "tolerance": 0.0},
    "sort-100003-nan": {"what": "sort", "dtype": "fp32", "shape": (100003,), "nan": 101, "tolerance": 0.0},
    "sort-i32-100003": {"what": "sort", "dtype": "i32", "shape": (100003,), "low": -2147483648, "high": 2147483648},
    "topk-129x4099": {"what": "topk", "dtype": "fp32", "shape": (129, 4099), "k": 17, "tolerance": 0.0},
    "topk-1x100003": {"what": "topk", "dtype": "bf16", "shape": (1, 100003), "k": 50, "tolerance": 0.0},
    "unique-100003": {"what": "unique", "dtype": "i64", "shape": (100003,), "low": -20000, "high": 20000},
    "unique-fp32-30011": {"what": "unique", "dtype": "fp32", "shape": (30011,), "levels": 4000, "tolerance": 0.0},
    "bincount-1000003": {"what": "bincount", "dtype": "i64", "shape": (1000003,), "low": 0, "high": 1021},
    "sum-rows-bf16-2048": {
        "what": "sum",
        "dtype": "bf16",
        "shape": (2048, 2048),
        "dim": 1,
        "length": 64,
        "tiers": ("gpu",),
    },
    "sum-columns-fp16-8192x512": {
        "what": "sum",
        "dtype": "fp16",
        "shape": (8192, 512),
        "dim": 0,
        "length": 256,
        "tiers": ("gpu",),
    },
    # What sampling from a language model's vocabulary does.
    "arg-vocabulary": {
        "what": "arg",
        "dtype": "fp32",
        "shape": (32, 128256),
        "dim": 1,
        "levels": 4000,
        "tiers": ("gpu",),
    },
    "cumsum-vocabulary": {
        "what": "cumsum",
        "dtype": "fp32",
        "shape": (8, 128256),
        "dim": 1,
        "shift": 1.0,
        "length": 1024,
        "tiers": ("gpu",),
    },
    "topk-vocabulary": {
        "what": "topk",
        "dtype": "fp32",
        "shape": (32, 128256),
        "k": 50,
        "tolerance": 0.0,
        "tiers": ("gpu",),
    },
    "sort-vocabulary": {
        "what": "sort",
        "dtype": "fp32",
        "shape": (4, 128256),
        "levels": 30000,
        "tolerance": 0.0,
        "tiers": ("gpu",),
    },
    "unique-300007": {
        "what": "unique",
        "dtype": "i64",
        "shape": (300007,),
        "low": -2147483648,
        "high": 2147483648,
        "tiers": ("gpu",),
    },
}


def _draw(params, tools):
    """Draw the values on the device."""
    dtype, shape = params["dtype"], params["shape"]
    if "low" in params:
        values = tools.integers(params["low"], params["high"], shape)
    elif "levels" in params:
        values = tools.integers(0, params["levels"], shape).astype("float32") - params["levels"] // 2
    else:
        values = tools.uniform(shape) * params.get("scale", 1.0) + params.get("shift", 0.0)
    if "nan" in params:
        values[tools.integers(0, params["nan"], shape) == 0] = float("nan")
    return tools.tensor(values, dtype, (1, shape[0]) if params.get("transposed") else None)


def prepare(params, tools):
    """Draw the values; the work is one function, or two that go together."""
    import torch

    x = _draw(params, tools)
    what, dim, k = params["what"], params.get("dim"), params.get("k")

    def topk():
        values, places = torch.topk(x, k)
        return {"values": values, "at places": x.gather(-1, places)}  # which of several equal ones is not said

    def unique():
        values, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True)
        return {"values": values, "inverse": inverse, "counts": counts}

    def sort():
        values, places = torch.sort(x, stable=True)
        return {"values": values, "places": places}

    return {
        "sum": lambda: {"y": torch.sum(x, dim=dim)},
        "mean": lambda: {"y": torch.mean(x, dim=dim)},
        "var": lambda: {"y": torch.var(x, dim=dim)},
        "logsumexp": lambda: {"y": torch.logsumexp(x, dim=dim)},
        "cumsum": lambda: {"y": torch.cumsum(x, dim=dim)},
        "arg": lambda: {"largest": torch.argmax(x, dim=dim), "smallest": torch.argmin(x, dim=dim)},
        "extremes": lambda: {"max": torch.amax(x, dim=dim), "min": x.min(dim=dim).values},
        "sort": sort,
        "topk": topk,
        "unique": unique,
        "bincount": lambda: {"y": torch.bincount(x)},
    }[what]


def reference(params, tools):
    """The same by numpy's methods; in float64 where it is no integer."""
    x = _draw(params, tools).cpu()
    floating = x.is_floating_point()
    x = (x.double() if floating else x).numpy()
    what, dim = params["what"], params.get("dim")
    if what == "sum":
        return {"y": x.sum(axis=dim)}
    if what == "mean":
        return {"y": x.mean(axis=dim)}
    if what == "var":
        return {"y": x.var(axis=dim, ddof=1)}
    if what == "logsumexp":
        return {"y": _logsumexp(x, dim)}
    if what == "cumsum":
        return {"y": x.cumsum(axis=dim)}
    if what == "arg":  # the first of several equal ones, in both
        return {"largest": x.argmax(axis=dim), "smallest": x.argmin(axis=dim)}
    if what == "extremes":  # NaN where there is one
        return {"max": x.max(axis=dim), "min": x.min(axis=dim)}
    if what == "sort":  # NaN last
        places = x.argsort(axis=-1, kind="stable")
        x.sort(axis=-1)
        return {"values": x, "places": places}
    if what == "topk":
        x.sort(axis=-1)
        values = x[..., ::-1][..., : params["k"]].copy()
        return {"values": values, "at places": values}
    counted = x.copy()
    counted.sort()
    first = counted.searchsorted(counted)
    values = counted[first == list(range(len(first)))]
    counts = counted.searchsorted(values, "right") - counted.searchsorted(values, "left")
    if what == "bincount":
        return {"y": counts}
    return {"values": values, "inverse": values.searchsorted(x), "counts": counts}


def _logsumexp(x, dim):
    import torch

    wide = torch.from_numpy(x)
    largest = wide.amax(dim, keepdim=True)
    return ((wide - largest).exp().sum(dim, keepdim=True).log() + largest).squeeze(dim)

"""torch's Fourier transforms of lengths with small, large and prime factors, against the sums that define them.

On a GPU they are cuFFT, which makes plans by length, layout and card (and compiles some at run time); on a CPU, MKL or
pocketfft. A prime length takes another algorithm (Bluestein's: three longer transforms), and real ones another than
complex ones. The reference is the discrete Fourier transform as a product with its matrix, in float64.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("torch",)
KIND = "operator"
TIERS = ("cpu", "gpu")

# shape: the last dimension is transformed, or the last two by what ends in 2. columns: it is not the one whose elements
# lie side by side. length: an element passes through about as many additions as its length has factors; in Bluestein's
# algorithm through three times those of a length four times as large. In float64 the reference's own rounding counts
# as well. every: one in so many frequencies is compared.
CASES = {
    "rfft-256": {"what": "rfft", "dtype": "fp32", "shape": (257, 256), "length": 8},
    "rfft-1155": {"what": "rfft", "dtype": "fp32", "shape": (129, 1155), "length": 11},
    "rfft-1009-prime": {"what": "rfft", "dtype": "fp32", "shape": (129, 1009), "length": 36},
    "rfft-1": {"what": "rfft", "dtype": "fp32", "shape": (5, 1)},
    "rfft-2": {"what": "rfft", "dtype": "fp32", "shape": (5, 2), "length": 2},
    "fft-1024": {"what": "fft", "dtype": "fp32", "shape": (65, 1024), "length": 10},
    "fft-729": {"what": "fft", "dtype": "fp32", "shape": (65, 729), "length": 10},
    "fft-997-prime": {"what": "fft", "dtype": "fp32", "shape": (65, 997), "length": 36},
    "fft-1155-float64": {"what": "fft", "dtype": "fp64", "shape": (33, 1155), "length": 100},
    "ifft-1001": {"what": "ifft", "dtype": "fp32", "shape": (65, 1001), "length": 11},
    "irfft-1001": {"what": "irfft", "dtype": "fp32", "shape": (65, 1001), "length": 11},
    "irfft-1024": {"what": "irfft", "dtype": "fp32", "shape": (65, 1024), "length": 11},
    "columns-fft-375": {"what": "fft", "dtype": "fp32", "shape": (129, 375), "columns": True, "length": 9},
    "round-trip-1155": {"what": "round-trip", "dtype": "fp32", "shape": (129, 1155), "length": 22},
    "round-trip-1009-prime": {"what": "round-trip", "dtype": "fp32", "shape": (65, 1009), "length": 72},
    "rfft2-96x105": {"what": "rfft2", "dtype": "fp32", "shape": (7, 96, 105), "length": 14},
    "fft2-61x127-primes": {"what": "fft2", "dtype": "fp32", "shape": (3, 61, 127), "length": 48},
    "rfft-65536": {
        "what": "rfft",
        "dtype": "fp32",
        "shape": (64, 65536),
        "length": 16,
        "every": 1021,
        "tiers": ("gpu",),
    },
    "rfft-65537-prime": {
        "what": "rfft",
        "dtype": "fp32",
        "shape": (64, 65537),
        "length": 54,
        "every": 1021,
        "tiers": ("gpu",),
    },
    "fft-262144": {
        "what": "fft",
        "dtype": "fp32",
        "shape": (16, 262144),
        "length": 18,
        "every": 8191,
        "tiers": ("gpu",),
    },
    "fft2-512x512": {
        "what": "fft2",
        "dtype": "fp32",
        "shape": (8, 512, 512),
        "length": 18,
        "every": 7,
        "tiers": ("gpu",),
    },
    # cuFFT has fp16 for powers of two, and rounds to it after each pass of several factors.
    "rfft-1024-half": {
        "what": "rfft",
        "dtype": "fp16",
        "shape": (256, 1024),
        "tolerance": 0.00390625,
        "tiers": ("gpu",),
    },
}


def _draw(params, tools):
    """Draw real numbers of a shape on the device, or complex ones as pairs."""
    import torch

    what, shape = params["what"], list(params["shape"])
    if what == "irfft":
        shape[-1] = shape[-1] // 2 + 1  # half a spectrum
    pairs = what in ("fft", "ifft", "irfft", "fft2")
    x = tools.tensor(tools.uniform((*shape, 2) if pairs else shape), params["dtype"])
    x = torch.view_as_complex(x) if pairs else x
    return x.transpose(-1, -2).contiguous().transpose(-1, -2) if params.get("columns") else x


def prepare(params, tools):
    """Draw the input; the work is one transform, or a round trip of two."""
    import torch

    x = _draw(params, tools)
    what, every, length = params["what"], params.get("every", 1), params["shape"][-1]
    if what == "round-trip":
        return lambda: {"y": torch.fft.irfft(torch.fft.rfft(x), n=length)}
    if what == "irfft":
        return lambda: {"y": torch.fft.irfft(x, n=length)}
    function = getattr(torch.fft, what)
    if params["dtype"] == "fp16":  # no numpy has complex numbers of 16 bits: real and imaginary parts are compared
        return lambda: {"y": torch.view_as_real(function(x))}
    return lambda: {"y": function(x)[..., ::every]}


def reference(params, tools):
    """The sums that define the transforms, in float64 on the CPU."""
    import torch

    what, every, length = params["what"], params.get("every", 1), params["shape"][-1]
    x = _draw(params, tools).cpu()
    x = x.to(torch.complex128 if x.is_complex() else torch.float64)
    if what == "round-trip":
        return {"y": x}
    if what == "irfft":
        whole = torch.cat([x, x[..., 1 : (length + 1) // 2].flip(-1).conj()], dim=-1)
        # The imaginary part of what is its own mirror image has no meaning, and is taken as 0.
        for place in (0, *((length // 2,) if length % 2 == 0 else ())):
            whole[..., place] = whole[..., place].real.to(whole.dtype)
        return {"y": (whole @ _matrix(length, range(length), 1.0) / length).real.contiguous()}
    sign = 1.0 if what == "ifft" else -1.0
    count = length // 2 + 1 if what.startswith("rfft") else length
    y = x.to(torch.complex128) @ _matrix(length, range(0, count, every), sign)
    if what == "ifft":
        y = y / length
    if what.endswith("2"):
        rows = params["shape"][-2]
        y = _matrix(rows, range(rows), -1.0) @ y
    return {"y": torch.view_as_real(y) if params["dtype"] == "fp16" else y}


def _matrix(length, frequencies, sign):
    """exp(sign * 2 pi i t f / length) for each time t and frequency f: (length, frequencies), complex128."""
    import math

    import torch

    # The product is reduced to one turn as an integer, so the angle keeps its digits.
    turns = torch.outer(torch.arange(length), torch.tensor(list(frequencies))) % length
    angles = turns.double() * (sign * 2.0 * math.pi / length)
    return torch.complex(angles.cos(), angles.sin())

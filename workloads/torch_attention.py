"""torch's scaled_dot_product_attention on each of its backends, forward and backward, against float64.

One function with several implementations: a formula (math), kernels of torch's own (flash, efficient), cuDNN's. Which
of them is the default, and which shapes each takes, changes with releases; a case asks for one, or for the default, and
the report shows what was taken. A backend that refuses a case is no error: the case goes on with the default.

Seen in releases: gradients of NaN with cuDNN, where a mask is given, the length is 64 more than a multiple of 128 and
all scores of a row are below -89 (pytorch#196678, torch 2.11), where there is one query (cudnn-frontend#1072), and in
torch 2.5.0 (pytorch#139298). Batches are independent, and the bits of one should not depend on the others.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("torch",)
KIND = "operator"
TIERS = ("cpu", "gpu")

# Twice bf16's unit roundoff of 2**-8: probabilities and the gradients of scores are rounded to the type on the way, and
# results once more. Seen on a CPU, 1.6e-3 to 3.5e-3. In fp16 it is twice 2**-11, in fp32 four times sqrt(257) * 2**-24,
# for sums over up to 257 keys, queries or channels, and scores of 120 themselves have errors of 120 * 2**-24.
TOLERANCE = 0.0078125

# draw: the inputs, by their name in _inputs.
CASES = {
    "fp32-math-cross": {"dtype": "fp32", "backend": "math", "draw": "cross", "tolerance": 4e-6},
    "fp32-math-causal": {"dtype": "fp32", "backend": "math", "draw": "causal", "tolerance": 4e-6},
    "fp32-math-bias": {"dtype": "fp32", "backend": "math", "draw": "bias", "tolerance": 4e-6},
    "fp32-math-decode": {"dtype": "fp32", "backend": "math", "draw": "decode", "tolerance": 4e-6},
    "fp32-math-one": {"dtype": "fp32", "backend": "math", "draw": "one", "tolerance": 4e-6},
    "fp32-default-causal": {"dtype": "fp32", "backend": "default", "draw": "causal", "tolerance": 4e-6},
    "fp32-default-ragged": {"dtype": "fp32", "backend": "default", "draw": "ragged", "tolerance": 4e-6},
    "fp32-flash-cross": {"dtype": "fp32", "backend": "flash", "draw": "cross", "tolerance": 4e-6, "tiers": ("cpu",)},
    "fp32-flash-causal": {"dtype": "fp32", "backend": "flash", "draw": "causal", "tolerance": 4e-6, "tiers": ("cpu",)},
    "fp32-flash-corner": {"dtype": "fp32", "backend": "flash", "draw": "corner", "tolerance": 4e-6, "tiers": ("cpu",)},
    "fp32-flash-bias": {"dtype": "fp32", "backend": "flash", "draw": "bias", "tolerance": 4e-6, "tiers": ("cpu",)},
    "fp32-flash-ragged": {"dtype": "fp32", "backend": "flash", "draw": "ragged", "tolerance": 4e-6, "tiers": ("cpu",)},
    "fp32-flash-low": {"dtype": "fp32", "backend": "flash", "draw": "low", "tolerance": 1e-4, "tiers": ("cpu",)},
    "fp32-flash-decode": {"dtype": "fp32", "backend": "flash", "draw": "decode", "tolerance": 4e-6, "tiers": ("cpu",)},
    "fp32-flash-one": {"dtype": "fp32", "backend": "flash", "draw": "one", "tolerance": 4e-6, "tiers": ("cpu",)},
    "bf16-math-causal": {"dtype": "bf16", "backend": "math", "draw": "causal"},
    "bf16-flash-causal": {"dtype": "bf16", "backend": "flash", "draw": "causal"},
    "bf16-flash-ragged": {"dtype": "bf16", "backend": "flash", "draw": "ragged"},
    "bf16-flash-low": {"dtype": "bf16", "backend": "flash", "draw": "low"},
    "fp32-efficient-causal": {
        "dtype": "fp32",
        "backend": "efficient",
        "draw": "causal",
        "tolerance": 4e-6,
        "tiers": ("gpu",),
    },
    "fp32-efficient-bias": {
        "dtype": "fp32",
        "backend": "efficient",
        "draw": "bias",
        "tolerance": 4e-6,
        "tiers": ("gpu",),
    },
    "fp32-efficient-ragged": {
        "dtype": "fp32",
        "backend": "efficient",
        "draw": "ragged",
        "tolerance": 4e-6,
        "tiers": ("gpu",),
    },
    "fp32-efficient-low": {
        "dtype": "fp32",
        "backend": "efficient",
        "draw": "low",
        "tolerance": 1e-4,
        "tiers": ("gpu",),
    },
    "fp16-flash-causal": {"dtype": "fp16", "backend": "flash", "draw": "causal", "tolerance": 1e-3, "tiers": ("gpu",)},
    "fp16-flash-large": {"dtype": "fp16", "backend": "flash", "draw": "large", "tolerance": 1e-3, "tiers": ("gpu",)},
    "bf16-flash-cross": {"dtype": "bf16", "backend": "flash", "draw": "cross", "tiers": ("gpu",)},
    "bf16-flash-decode": {"dtype": "bf16", "backend": "flash", "draw": "decode", "tiers": ("gpu",)},
    "bf16-flash-one": {"dtype": "bf16", "backend": "flash", "draw": "one", "tiers": ("gpu",)},
    "bf16-flash-large": {"dtype": "bf16", "backend": "flash", "draw": "large", "tiers": ("gpu",)},
    "bf16-efficient-cross": {"dtype": "bf16", "backend": "efficient", "draw": "cross", "tiers": ("gpu",)},
    "bf16-efficient-causal": {"dtype": "bf16", "backend": "efficient", "draw": "causal", "tiers": ("gpu",)},
    "bf16-efficient-bias": {"dtype": "bf16", "backend": "efficient", "draw": "bias", "tiers": ("gpu",)},
    "bf16-efficient-ragged": {"dtype": "bf16", "backend": "efficient", "draw": "ragged", "tiers": ("gpu",)},
    "bf16-efficient-low": {"dtype": "bf16", "backend": "efficient", "draw": "low", "tiers": ("gpu",)},
    "bf16-efficient-decode": {"dtype": "bf16", "backend": "efficient", "draw": "decode", "tiers": ("gpu",)},
    "bf16-efficient-one": {"dtype": "bf16", "backend": "efficient", "draw": "one", "tiers": ("gpu",)},
    "bf16-efficient-large": {"dtype": "bf16", "backend": "efficient", "draw": "large", "tiers": ("gpu",)},
    "bf16-cudnn-cross": {"dtype": "bf16", "backend": "cudnn", "draw": "cross", "tiers": ("gpu",)},
    "bf16-cudnn-causal": {"dtype": "bf16", "backend": "cudnn", "draw": "causal", "tiers": ("gpu",)},
    "bf16-cudnn-corner": {"dtype": "bf16", "backend": "cudnn", "draw": "corner", "tiers": ("gpu",)},
    "bf16-cudnn-bias": {"dtype": "bf16", "backend": "cudnn", "draw": "bias", "tiers": ("gpu",)},
    "bf16-cudnn-ragged": {"dtype": "bf16", "backend": "cudnn", "draw": "ragged", "tiers": ("gpu",)},
    "bf16-cudnn-low": {"dtype": "bf16", "backend": "cudnn", "draw": "low", "tiers": ("gpu",)},
    "bf16-cudnn-decode": {"dtype": "bf16", "backend": "cudnn", "draw": "decode", "tiers": ("gpu",)},
    "bf16-cudnn-one": {"dtype": "bf16", "backend": "cudnn", "draw": "one", "tiers": ("gpu",)},
    "bf16-cudnn-large": {"dtype": "bf16", "backend": "cudnn", "draw": "large", "tiers": ("gpu",)},
    "bf16-default-cross": {"dtype": "bf16", "backend": "default", "draw": "cross", "tiers": ("gpu",)},
    "bf16-default-causal": {"dtype": "bf16", "backend": "default", "draw": "causal", "tiers": ("gpu",)},
    "bf16-default-corner": {"dtype": "bf16", "backend": "default", "draw": "corner", "tiers": ("gpu",)},
    "bf16-default-bias": {"dtype": "bf16", "backend": "default", "draw": "bias", "tiers": ("gpu",)},
    "bf16-default-ragged": {"dtype": "bf16", "backend": "default", "draw": "ragged", "tiers": ("gpu",)},
    "bf16-default-low": {"dtype": "bf16", "backend": "default", "draw": "low", "tiers": ("gpu",)},
    "bf16-default-decode": {"dtype": "bf16", "backend": "default", "draw": "decode", "tiers": ("gpu",)},
    "bf16-default-one": {"dtype": "bf16", "backend": "default", "draw": "one", "tiers": ("gpu",)},
    "bf16-default-large": {"dtype": "bf16", "backend": "default", "draw": "large", "tiers": ("gpu",)},
}


def _inputs(name):
    """Shape (batch, heads, queries, keys, channels of a head) and options of the inputs of that name.

    causal: a query sees the keys up to its own place. mask: True where a key is seen (ragged: in each batch some keys;
    causal: as above, as a tensor), or what is added to each score (bias). packed: heads lie beside each other in a row,
    as a layer makes them. low: all scores are about -120, which softmax must not feel. together: the gradients of
    queries and keys, which are 0, are compared with that of values as one. every: which heads and rows are compared.
    """
    return {
        "cross": {"shape": (2, 3, 129, 65, 32)},
        "causal": {"shape": (3, 4, 193, 193, 40), "causal": True},
        "corner": {"shape": (2, 3, 65, 97, 32), "causal": True},
        "bias": {"shape": (2, 3, 61, 127, 40), "mask": "bias"},
        "ragged": {"shape": (3, 4, 65, 129, 64), "mask": "ragged", "packed": True},
        "low": {"shape": (1, 2, 192, 192, 64), "mask": "causal", "low": True},
        "decode": {"shape": (2, 3, 1, 257, 64)},
        "one": {"shape": (2, 3, 1, 1, 64), "together": True},
        "large": {"shape": (2, 16, 2048, 2048, 128), "causal": True, "packed": True, "every": (15, 17)},
    }[name]


def _draw(params, tools):
    """Draw queries, keys, values and the gradient of the result on the device, and the mask or None.

    The mask is of bool, or of the case's type as a bias; (batch, 1, queries, keys).
    """
    import torch

    inputs = _inputs(params["draw"])
    batch, heads, queries, keys, channels = inputs["shape"]
    found = []
    for name, length in (("q", queries), ("k", keys), ("v", keys), ("gradient", queries)):
        values = tools.uniform((batch, heads, length, channels))
        if name == "q":
            values *= 4  # or all keys would have about the same weight
        if inputs.get("low") and name in ("q", "k"):
            values[..., 0] = 1.0 if name == "q" else -120.0 * channels**0.5
        row = heads * channels
        steps = (length * row, channels, row, 1) if inputs.get("packed") else None
        found.append(tools.tensor(values, params["dtype"], steps))
    shape, kind, mask = (batch, 1, queries, keys), inputs.get("mask"), None
    if kind == "bias":
        mask = tools.tensor(tools.uniform(shape) * 2, params["dtype"])
    elif kind == "ragged":
        lengths = torch.from_numpy(tools.integers(1, keys + 1, (batch, 1, 1, 1)))
        mask = (torch.arange(keys) < lengths).expand(shape).to(tools.device)
    elif kind == "causal":
        mask = torch.ones(shape, dtype=torch.bool, device=tools.device).tril()
    return (*found, mask)


def _chosen(backend):
    """A context in which torch has that backend only; all of them for the default."""
    import contextlib

    import torch

    if backend == "default":
        return contextlib.nullcontext()
    attention = torch.nn.attention  # since torch 2.3; cuDNN's backend since 2.5
    name = "MATH" if backend == "math" else f"{backend.upper()}_ATTENTION"
    return attention.sdpa_kernel([getattr(attention.SDPBackend, name)])


def _attend(params, backend, q, k, v, gradient, mask):
    """The result and the gradients of queries, keys and values, as far as they are compared."""
    import torch

    leaves = [each.detach().requires_grad_() for each in (q, k, v)]
    inputs = _inputs(params["draw"])
    with _chosen(backend):
        y = torch.nn.functional.scaled_dot_product_attention(
            *leaves, attn_mask=mask, is_causal=inputs.get("causal", False)
        )
    found = (y.detach(), *torch.autograd.grad(y, leaves, gradient))
    heads = inputs.get("every", (1, 1))[0]
    return _compared(inputs, *(each[:, ::heads] for each in found))


def _compared(inputs, y, of_q, of_k, of_v):
    """The outputs by name, of the heads that are compared."""
    import torch

    if inputs.get("low"):
        of_q = of_q[..., 1:]  # in the first channel it is 0 as the difference of large numbers: all of it is rounding
    if inputs.get("together"):
        return {"y": y, "gradients": torch.cat([of_q, of_k, of_v], dim=-1)}
    rows = inputs.get("every", (1, 1))[1]
    found = {"y": y, "gradient of q": of_q, "gradient of k": of_k, "gradient of v": of_v}
    return {name: each[:, :, ::rows] for name, each in found.items()}


def _taken(params, backend, q, k, v, mask):
    """The backend that torch says it takes, by a function that only some releases have; else the one asked for."""
    import torch

    causal = _inputs(params["draw"]).get("causal", False)
    try:
        with _chosen(backend):
            number = torch._fused_sdp_choice(q.detach().requires_grad_(), k, v, mask, 0.0, causal)
        return {0: "math", 1: "flash", 2: "efficient", 3: "cudnn"}[int(number)]
    except (AttributeError, KeyError, RuntimeError, TypeError):
        return backend


def _backend(params, tools, drawn):
    """The backend that the case gets: the one it asks for, or the default where that refuses."""
    import torch

    backend, refused = params["backend"], ""
    if backend != "default":
        try:
            _attend(params, backend, *drawn)
        except torch.cuda.OutOfMemoryError:
            raise
        except (AttributeError, RuntimeError) as problem:
            refused = f"{backend} refuses ({' '.join(str(problem).split())[:60]}): "
            backend = "default"
    q, k, v, _, mask = drawn
    tools.took("attention", refused + _taken(params, backend, q, k, v, mask))
    return backend


def prepare(params, tools):
    """Draw the inputs; the work is one attention and its gradients."""
    drawn = _draw(params, tools)
    backend = _backend(params, tools, drawn)
    return lambda: _attend(params, backend, *drawn)


def split(params, tools):
    """The same, batch by batch."""
    import torch

    drawn = _draw(params, tools)
    backend = _backend(params, tools, drawn)
    batches = [[each if each is None else each[i : i + 1] for each in drawn] for i in range(len(drawn[0]))]

    def work():
        parts = [_attend(params, backend, *batch) for batch in batches]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    return work


def reference(params, tools):
    """The formula in float64 on the CPU with torch's autograd, for the heads that are compared."""
    import torch

    inputs = _inputs(params["draw"])
    heads = inputs.get("every", (1, 1))[0]
    *drawn, mask = _draw(params, tools)
    q, k, v, gradient = (each[:, ::heads].cpu().double() for each in drawn)
    leaves = [each.requires_grad_() for each in (q, k, v)]
    scores = torch.einsum("bhqc,bhkc->bhqk", q, k) / q.shape[-1] ** 0.5
    if inputs.get("causal"):
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if mask is not None:
        mask = mask.cpu()
        scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype is torch.bool else scores + mask.double()
    y = torch.einsum("bhqk,bhkc->bhqc", torch.softmax(scores, dim=-1), v)
    return _compared(inputs, y.detach(), *torch.autograd.grad(y, leaves, gradient))

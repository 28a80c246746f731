"""A mixture of experts in torch: each token goes to two of eight networks, and each network has one group of tokens.

Tokens (rows, length, 256) go in. After RMSNorm a router gives each token a weight for every expert, in float32; the two
largest, made to sum to one, say where it goes. Tokens are sorted by expert, each expert's group is one product after
the other (SwiGLU), and the two results of a token are added to it. Groups are uneven, one expert gets nothing, and the
number of tokens is odd: what kernels for groups of products get wrong. Cases called grouped take all groups in one
product where torch has one that does (torch.nn.functional.grouped_mm, in bf16, since 2.10), else one after the other.

The routing is an output, and must be equal: the second and the third largest score differ by 1.2e-4 or more, and
errors are below 2e-6. The weights are drawn; the reference computes every expert for every token, in float64 on a CPU.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("numpy", "torch")
KIND = "model"
TIERS = ("cpu", "gpu")
# Seen on a CPU, torch 2.6 to 2.13: 3.5e-7 to 4.7e-7 in fp32. In bf16 4.4e-3, whose cases have 1e-2.
TOLERANCE = 1e-5

CASES = {
    "fp32": {"dtype": "fp32", "rows": 3, "length": 131, "product": "each"},
    "fp32-one": {"dtype": "fp32", "rows": 1, "length": 1, "product": "each"},
    "bf16": {"dtype": "bf16", "rows": 3, "length": 131, "product": "each", "tolerance": 1e-2},
    "bf16-grouped": {"dtype": "bf16", "rows": 3, "length": 131, "product": "grouped", "tolerance": 1e-2},
}

_CHANNELS = 256
_HIDDEN = 384
_EXPERTS = 8
_IDLE = 5  # the expert that gets no token


def _normalised(x, weight):
    """RMSNorm, in float32 or wider."""
    import torch

    wide = x if x.dtype == torch.float64 else x.float()
    return wide * torch.rsqrt(wide.square().mean(dim=-1, keepdim=True) + 1e-5) * weight


def _routed(y, router):
    """The two experts of each token, the larger first, and their weights, which sum to one."""
    import torch

    values, experts = (y @ router[:-1] + router[-1]).topk(2, dim=-1)
    return experts, torch.softmax(values, dim=-1)


def _swiglu(y, inner, outer, product):
    """One expert's network, or with another product that of all experts for their groups."""
    import torch

    gate, up = product(y, inner).chunk(2, dim=-1)
    return product(torch.nn.functional.silu(gate) * up, outer)


def _each(ends):
    """A product of each group with its expert's matrix, one after the other: (tokens, n) by (experts, n, m)."""
    import torch

    def product(y, weights):
        starts = [0, *ends.tolist()]
        return torch.cat([y[starts[i] : starts[i + 1]] @ weights[i] for i in range(_EXPERTS)])

    return product


def _grouped(ends):
    """The same in one call; None where torch has none."""
    import torch

    one = getattr(torch.nn.functional, "grouped_mm", None)
    return None if one is None else lambda y, weights: one(y, weights, offs=ends)


def _network(weights, made):
    """The module: tokens (rows, length, channels) to tokens and the experts of each."""
    import torch

    class Mixture(torch.nn.Module):
        def __init__(self):
            super().__init__()
            for name, value in weights.items():
                self.register_buffer(name, value)

        def forward(self, x):
            flat = x.reshape(-1, _CHANNELS)
            y = _normalised(flat, self.norm)
            experts, shares = _routed(y, self.router)
            order = experts.reshape(-1).argsort(stable=True)
            ends = torch.bincount(experts.reshape(-1), minlength=_EXPERTS).cumsum(0).to(torch.int32)
            groups = y.to(x.dtype)[order // 2]
            found = torch.empty_like(groups)
            found[order] = _swiglu(groups, self.inner, self.outer, made(ends))
            mixed = (found.view(-1, 2, _CHANNELS) * shares[:, :, None].to(x.dtype)).sum(dim=1)
            return (flat + mixed).view(x.shape), experts.view(*x.shape[:-1], 2)

    return Mixture()


def _draw(params, tools):
    """Draw weights and tokens, on the CPU. The norm and the router are in float32 whatever the case's type."""
    import torch

    def drawn(*shape):
        return torch.from_numpy(tools.uniform(shape))

    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[params["dtype"]]
    router = drawn(_CHANNELS + 1, _EXPERTS) * (3.0 / _CHANNELS) ** 0.5
    router[-1, _IDLE] = -100.0
    weights = {
        "norm": 1 + drawn(_CHANNELS) / 8,
        "router": router,
        "inner": (drawn(_EXPERTS, _CHANNELS, 2 * _HIDDEN) * (3.0 / _CHANNELS) ** 0.5).to(kind),
        "outer": (drawn(_EXPERTS, _HIDDEN, _CHANNELS) * (6.0 / _HIDDEN) ** 0.5).to(kind),
    }
    return weights, drawn(params["rows"], params["length"], _CHANNELS).to(kind)


def _made(params, tools):
    """How the groups are multiplied: as the case asks, or one after the other where torch has no other way."""
    if params["product"] == "grouped" and _grouped(None) is not None:
        tools.took("product", "grouped")
        return _grouped
    tools.took("product", "each" if params["product"] == "each" else "each (this torch has no grouped one)")
    return _each


def _call(params, tools):
    """The network as a function of tokens, and the tokens, on the device."""
    weights, x = _draw(params, tools)
    tools.loaded(weights)
    x = x.to(tools.device)
    network = _network(weights, _made(params, tools)).to(tools.device)
    return tools.through("eager", network, (x,)), x


def _outputs(y, experts):
    return {"y": y.float(), "experts": experts}


def prepare(params, tools):
    """All rows at once."""
    call, x = _call(params, tools)
    return lambda: _outputs(*call(x))


def split(params, tools):
    """Row by row. Seen on a CPU: the same bits as all at once, with torch 2.6, 2.11 and 2.13."""
    import torch

    call, x = _call(params, tools)

    def work():
        parts = [call(row[None]) for row in x]
        return _outputs(*(torch.cat(each) for each in zip(*parts)))

    return work


def reference(params, tools):
    """Every expert for every token, in float64 on the CPU; then a token's two are taken."""
    import torch

    weights, x = _draw(params, tools)
    weights = {name: value.double() for name, value in weights.items()}
    flat = x.double().reshape(-1, _CHANNELS)
    y = _normalised(flat, weights["norm"])
    experts, shares = _routed(y, weights["router"])
    every = _swiglu(y.expand(_EXPERTS, -1, -1), weights["inner"], weights["outer"], torch.bmm).transpose(0, 1)
    taken = every.gather(1, experts[:, :, None].expand(-1, -1, _CHANNELS))
    found = (flat + (taken * shares[:, :, None]).sum(dim=1)).view(x.shape)
    return {"y": found, "experts": experts.view(*x.shape[:-1], 2)}

"""A network of three-dimensional convolutions in torch, as video models have them, in fp32 and in bf16.

A clip (batch, 3, frames, rows, columns) is taken through four convolutions with SiLU between them: one that is causal
in time (padded in front only), a strided one, one over time alone, and a transposed one back to the clip's size. These
are the kernels that libraries change last and test least. torch 2.9.0 took far more memory for them in bf16 than 2.8
(pytorch#166643), and values in bf16 were wrong (pytorch#163539), which no exception told of.

The weights are drawn; the reference is the same network in float64 on the CPU, where the code is another. On a GPU
float32 is computed without tf32, which cuDNN takes by default. Cases for a GPU only have the sizes of one.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("numpy", "torch")
KIND = "model"
TIERS = ("cpu", "gpu")
# Seen on a CPU, torch 2.6 to 2.13: 3.9e-7 to 6e-7 in fp32. In bf16 4.8e-3 to 4.9e-3, whose cases have 1e-2.
TOLERANCE = 1e-5

# clip: batch, frames, rows, columns.
CASES = {
    "fp32": {"dtype": "fp32", "clip": (1, 7, 41, 37), "channels": 32},
    "fp32-batch-2": {"dtype": "fp32", "clip": (2, 4, 31, 33), "channels": 32},
    "bf16": {"dtype": "bf16", "clip": (1, 7, 41, 37), "channels": 32, "tolerance": 1e-2},
    "bf16-batch-2": {"dtype": "bf16", "clip": (2, 4, 31, 33), "channels": 32, "tolerance": 1e-2},
    "bf16-large": {"dtype": "bf16", "clip": (1, 9, 65, 63), "channels": 64, "tolerance": 1e-2, "tiers": ("gpu",)},
}


def _network(channels):
    """The module, with torch's own weights."""
    import torch

    nn, functional = torch.nn, torch.nn.functional

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.causal = nn.Conv3d(3, channels, 3)
            self.down = nn.Conv3d(channels, 2 * channels, 3, (1, 2, 2), 1)
            self.time = nn.Conv3d(2 * channels, 2 * channels, (3, 1, 1), 1, (1, 0, 0))
            self.up = nn.ConvTranspose3d(2 * channels, 3, (3, 3, 3), (1, 2, 2), 1)

        def forward(self, x):
            y = functional.silu(self.causal(functional.pad(x, (1, 1, 1, 1, 2, 0))))
            y = functional.silu(self.down(y))
            y = y + functional.silu(self.time(y))
            return self.up(y)

    return Network()


def _draw(params, tools):
    """Draw weights and clip: the network in the case's type, and its input, on the CPU."""
    import math

    import torch

    network = _network(params["channels"])
    with torch.no_grad():
        for name, weight in network.named_parameters():
            drawn = torch.from_numpy(tools.uniform(tuple(weight.shape)))
            if weight.dim() == 1:
                drawn = drawn / 4
            else:  # a transposed one sums over its first dimension, and strides leave a quarter of its kernel
                sums = math.prod(weight.shape[1:]) if name != "up.weight" else weight.shape[0] * 27 // 4
                drawn = drawn * math.sqrt(6.0 / sums)
            weight.copy_(drawn)
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[params["dtype"]]
    batch, *sizes = params["clip"]
    return network.to(kind).eval(), torch.from_numpy(tools.uniform((batch, 3, *sizes))).to(kind)


def prepare(params, tools):
    """Draw the network; the work is one pass over the clip."""
    network, x = _draw(params, tools)
    tools.loaded(network.state_dict())
    network, x = network.to(tools.device), x.to(tools.device)
    call = tools.through("eager", network, (x,))
    return lambda: {"y": call(x).float()}


def reference(params, tools):
    """The network in float64 on the CPU, with the same weights."""
    import torch

    network, x = _draw(params, tools)
    with torch.no_grad():
        return {"y": network.double()(x.double())}

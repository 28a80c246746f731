"""A U-Net of one level in torch, as diffusion models have many: down, attention over pixels, and up again with a skip.

A noisy image (batch, 4, rows, columns) and a time go in, the noise comes out. Residual blocks of group norm, SiLU and
convolutions get the time added by channel, from sines and a small network; a strided convolution halves the image,
whose pixels then attend to each other; nearest neighbours and a convolution double it, and what was there before is put
beside it. Sizes are odd, so that halves are rounded. Group norm takes its statistics in float32 in bf16, too.

The weights are drawn; the reference is the same network in float64 on the CPU, as it is. On a GPU float32 is computed
without tf32, which cuDNN takes by default.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("numpy", "torch")
KIND = "model"
TIERS = ("cpu", "gpu")
ITEMS = "batch"
# Seen on a CPU, torch 2.6 to 2.13: 9.7e-7 to 1.3e-6 in fp32. In bf16 7e-3, whose case has 2e-2.
TOLERANCE = 1e-5

CASES = {
    "fp32": {"dtype": "fp32", "batch": 2, "rows": 33, "columns": 29},
    "fp32-batch-1": {"dtype": "fp32", "batch": 1, "rows": 17, "columns": 35},
    "bf16": {"dtype": "bf16", "batch": 2, "rows": 33, "columns": 29, "tolerance": 2e-2},
    "fp32-exported": {"dtype": "fp32", "batch": 2, "rows": 33, "columns": 29, "backend": "exported"},
}

_CHANNELS = 48
_HEADS = 4
_GROUPS = 8


def _network():
    """The module, with torch's own weights."""
    import torch

    nn, functional = torch.nn, torch.nn.functional

    class Block(nn.Module):
        """Group norm, SiLU and a convolution, twice, with the time between."""

        def __init__(self, before, after):
            super().__init__()
            self.norm_1, self.conv_1 = nn.GroupNorm(_GROUPS, before), nn.Conv2d(before, after, 3, 1, 1)
            self.time = nn.Linear(4 * _CHANNELS, after)
            self.norm_2, self.conv_2 = nn.GroupNorm(_GROUPS, after), nn.Conv2d(after, after, 3, 1, 1)
            self.skip = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

        def forward(self, x, time):
            y = self.conv_1(functional.silu(self.norm_1(x)))
            y = y + self.time(functional.silu(time))[:, :, None, None]
            return self.skip(x) + self.conv_2(functional.silu(self.norm_2(y)))

    class Attention(nn.Module):
        """Each pixel attends to all."""

        def __init__(self, channels):
            super().__init__()
            self.norm = nn.GroupNorm(_GROUPS, channels)
            self.inner, self.outer = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)

        def forward(self, x):
            batch, channels, rows, columns = x.shape
            pixels = self.norm(x).flatten(2).transpose(1, 2)
            parts = self.inner(pixels).view(batch, rows * columns, 3, _HEADS, -1).permute(2, 0, 3, 1, 4)
            mixed = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2])
            mixed = self.outer(mixed.transpose(1, 2).reshape(batch, rows * columns, channels))
            return x + mixed.transpose(1, 2).view(batch, channels, rows, columns)

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.time = nn.Sequential(
                nn.Linear(_CHANNELS, 4 * _CHANNELS), nn.SiLU(), nn.Linear(4 * _CHANNELS, 4 * _CHANNELS)
            )
            self.enter = nn.Conv2d(4, _CHANNELS, 3, 1, 1)
            self.above = Block(_CHANNELS, _CHANNELS)
            self.down = nn.Conv2d(_CHANNELS, _CHANNELS, 3, 2, 1)
            self.below = Block(_CHANNELS, 2 * _CHANNELS)
            self.attention = Attention(2 * _CHANNELS)
            self.up = nn.Conv2d(2 * _CHANNELS, _CHANNELS, 3, 1, 1)
            self.beside = Block(2 * _CHANNELS, _CHANNELS)
            self.norm, self.leave = nn.GroupNorm(_GROUPS, _CHANNELS), nn.Conv2d(_CHANNELS, 4, 3, 1, 1)

        def forward(self, x, time):
            half = _CHANNELS // 2
            wide = torch.float64 if x.dtype == torch.float64 else torch.float32
            rates = torch.exp(torch.arange(half, dtype=wide, device=x.device) * (-6.0 / half))
            angles = time.to(wide)[:, None] * rates
            t = self.time(torch.cat([angles.cos(), angles.sin()], dim=-1).to(x.dtype))
            above = self.above(self.enter(x), t)
            below = self.attention(self.below(self.down(above), t))
            up = self.up(functional.interpolate(below, size=above.shape[-2:], mode="nearest"))
            y = self.beside(torch.cat([up, above], dim=1), t)
            return self.leave(functional.silu(self.norm(y)))

    return Network()


def _draw(params, tools):
    """Draw weights, images and times: the network in the case's type, and its inputs, on the CPU."""
    import math

    import torch

    network = _network()
    with torch.no_grad():
        for name, weight in network.named_parameters():
            drawn = torch.from_numpy(tools.uniform(tuple(weight.shape)))
            if weight.dim() > 1:
                drawn = drawn * math.sqrt(3.0 / math.prod(weight.shape[1:]))
            elif "norm" in name and name.endswith("weight"):
                drawn = 1 + drawn / 4
            else:
                drawn = drawn / 4
            weight.copy_(drawn)
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[params["dtype"]]
    x = torch.from_numpy(tools.uniform((params["batch"], 4, params["rows"], params["columns"])))
    time = torch.from_numpy(tools.integers(0, 1000, params["batch"])).float()
    return network.to(kind).eval(), x.to(kind), time


def prepare(params, tools):
    """Draw and compile the network; the work is the noise of one step."""
    network, *inputs = _draw(params, tools)
    tools.loaded(network.state_dict())
    network, inputs = network.to(tools.device), [each.to(tools.device) for each in inputs]
    call = tools.through(params.get("backend", "eager"), network, inputs)
    return lambda: {"noise": call(*inputs).float()}


def reference(params, tools):
    """The network in float64 on the CPU, with the same weights."""
    import torch

    network, *inputs = _draw(params, tools)
    with torch.no_grad():
        return {"noise": network.double()(*(each.double() for each in inputs))}

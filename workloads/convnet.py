"""A small residual convolutional network in torch, as it is, through torch.compile and through torch.export.

Images (batch, 3, 45, 43) go in, the last features and logits of 100 classes come out: a stem of 7x7 with a max-pool,
then three stages of two residual blocks with 32, 64 and 128 channels, batch norm in evaluation mode, an average over
the image and a linear layer. Convolutions with batch norm, an addition and a ReLU behind them are what compilers fuse,
and channels_last is what they and libraries prefer. The weights are drawn; the reference is the same network in float64
on the CPU.

On a GPU float32 is computed without tf32, which cuDNN takes by default. The best and the second best class differ by
1.6, and in float32 logits have errors below 3e-6, so that any good arithmetic finds the same classes.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("numpy", "torch")
KIND = "model"
TIERS = ("cpu", "gpu")
ITEMS = "batch"
# Seen on a CPU, torch 2.6 to 2.13: 1.6e-7 to 5.3e-7 in fp32. In bf16 2.5e-3 to 5.9e-3, whose cases have 2e-2.
TOLERANCE = 1e-5

CASES = {
    "fp32": {"dtype": "fp32", "batch": 3},
    "fp32-channels-last": {"dtype": "fp32", "batch": 3, "channels_last": True},
    "bf16": {"dtype": "bf16", "batch": 3, "tolerance": 2e-2},
    "fp32-exported": {"dtype": "fp32", "batch": 3, "backend": "exported"},
    "fp32-inductor": {"dtype": "fp32", "batch": 3, "backend": "inductor"},
}

_IMAGE = (3, 45, 43)
_STAGES = (32, 64, 128)
_CLASSES = 100


def _network():
    """The module, with torch's own weights."""
    import torch

    nn, functional = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self, before, channels, stride):
            super().__init__()
            self.first = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
            self.first_norm = nn.BatchNorm2d(channels)
            self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
            self.second_norm = nn.BatchNorm2d(channels)
            self.skip = nn.Conv2d(before, channels, 1, stride, bias=False) if stride > 1 else nn.Identity()

        def forward(self, x):
            y = functional.relu(self.first_norm(self.first(x)))
            return functional.relu(self.second_norm(self.second(y)) + self.skip(x))

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(_IMAGE[0], _STAGES[0], 7, 1, 3, bias=False)
            self.norm = nn.BatchNorm2d(_STAGES[0])
            blocks, before = [], _STAGES[0]
            for channels in _STAGES:
                blocks += [Block(before, channels, 1 if channels == before else 2), Block(channels, channels, 1)]
                before = channels
            self.blocks = nn.Sequential(*blocks)
            self.head = nn.Linear(before, _CLASSES)

        def forward(self, x):
            y = functional.max_pool2d(functional.relu(self.norm(self.stem(x))), 3, 2, 1)
            y = self.blocks(y)
            return self.head(y.mean(dim=(-2, -1))), y

    return Network()


def _draw(params, tools):
    """Draw weights, statistics and images: the network in the case's type and layout, and its input, on the CPU."""
    import math

    import torch

    network = _network()
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.dtype == torch.int64:  # how many batches a norm has seen
                continue
            drawn = torch.from_numpy(tools.uniform(tuple(value.shape)))
            if value.dim() > 1:  # what a ReLU leaves has half of the power
                drawn = drawn * math.sqrt(6.0 / math.prod(value.shape[1:]))
            elif name.endswith("second_norm.weight"):  # what is added up stays as large as it is
                drawn = 0.5 + drawn / 4
            elif name.endswith(("norm.weight", "running_var")):
                drawn = 1 + drawn / 4
            else:
                drawn = drawn / 4
            value.copy_(drawn)
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[params["dtype"]]
    layout = torch.channels_last if params.get("channels_last") else torch.contiguous_format
    x = torch.from_numpy(tools.uniform((params["batch"], *_IMAGE)))
    return network.to(kind, memory_format=layout).eval(), x.to(kind, memory_format=layout)


def _outputs(params, logits, features):
    """Logits, what they were made of, and the best classes where rounding cannot change which these are."""
    if params["dtype"] == "bf16":
        return {"logits": logits, "features": features}
    return {"logits": logits, "features": features, "class": logits.argmax(dim=-1)}


def prepare(params, tools):
    """Draw and compile the network; the work is one pass over the images."""
    network, x = _draw(params, tools)
    tools.loaded(network.state_dict())
    network, x = network.to(tools.device), x.to(tools.device)
    call = tools.through(params.get("backend", "eager"), network, (x,))
    return lambda: _outputs(params, *call(x))


def reference(params, tools):
    """The network in float64 on the CPU, with the same weights."""
    import torch

    network, x = _draw(params, tools)
    with torch.no_grad():
        return _outputs(params, *network.double()(x.double()))

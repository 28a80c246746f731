"""Exported programs across versions: torch.export's pt2 files, written by one runtime and loaded by the other's torch.

A program carries the schema version of its serialisation and the names of ATen's operators; torch promises that a newer
one reads what an older one wrote, and nothing of the way back. Three small networks: with a batch of any size, with a
branch on the data, and in bfloat16.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("numpy", "torch")
KIND = "loader"
TIERS = ("cpu",)
# Products of 64 terms in float32 behind each other; bfloat16 says its own.
TOLERANCE = 5e-6

CASES = {
    "any-batch": {"what": "any-batch"},
    "branch": {"what": "branch"},
    "bfloat16": {"what": "bfloat16", "tolerance": 2e-2},
}


def _network(what, tools):
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(64, 96)
            self.second = torch.nn.Linear(96, 32)

        def forward(self, x):
            inner = torch.nn.functional.gelu(self.first(x))
            if what == "branch":
                inner = torch.cond(x.sum() > 0, lambda value: value * 2.0, lambda value: value - 1.0, (inner,))
            return torch.softmax(self.second(inner), dim=-1)

    network = Network().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.from_numpy(0.125 * tools.uniform(tuple(parameter.shape))))
    return network.to(torch.bfloat16) if what == "bfloat16" else network


def _input(what, tools):
    import torch

    x = torch.from_numpy(tools.uniform((5, 64)))
    return x.to(torch.bfloat16) if what == "bfloat16" else x


def save(params, tools):
    """Export the network and write the program."""
    import torch

    network = _network(params["what"], tools)
    x = _input(params["what"], tools)
    shapes = {"x": {0: torch.export.Dim("batch", min=2)}} if params["what"] == "any-batch" else None
    with torch.no_grad():
        torch.export.save(torch.export.export(network, (x,), dynamic_shapes=shapes), f"{tools.folder}/program.pt2")


def prepare(params, tools):
    """Load the program; its tensors are compared to the bit, also with what was saved."""
    import torch

    program = torch.export.load(f"{tools.folder}/program.pt2")
    tools.loaded(program.state_dict)
    for name, value in _network(params["what"], tools).state_dict().items():
        if not torch.equal(program.state_dict[name], value):
            raise ValueError(f"{name} is not what was saved")
    module = program.module()
    x = _input(params["what"], tools)

    def work():
        with torch.no_grad():
            return {"y": module(x)}

    return work

"""torch.save across versions: a state dict with tied weights, written by one runtime and loaded by the other's torch.

It is loaded with ``weights_only``, which is the default since torch 2.6, into a module that is built anew. Names that
are missing or unexpected, and which weights are tied, are compared beside the bits of each tensor: weights that are
tied wrongly are loaded without an error and with an empty list of missing keys.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("numpy", "torch")
KIND = "loader"
TIERS = ("cpu",)
# What was stored is loaded to the bit; the product behind it sums 48 terms in float32.
TOLERANCE = 2e-6

CASES = {
    "state-dict": {"what": "state-dict"},
    "whole-checkpoint": {"what": "checkpoint"},
    "narrow-types": {"what": "types"},
}


def _network(tools=None):
    """An embedding, a norm, and an output layer whose weight is the embedding's."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(40, 48)
            self.norm = torch.nn.LayerNorm(48)
            self.head = torch.nn.Linear(48, 40, bias=False)
            self.head.weight = self.embedding.weight
            self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

        def forward(self, ids):
            return self.head(self.norm(self.embedding(ids)))

    network = Network().eval()
    if tools is not None:
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.copy_(torch.from_numpy(tools.uniform(tuple(parameter.shape))))
    return network


def _narrow(tools):
    """A tensor of each type that checkpoints have beside float32."""
    import torch

    names = ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "int8", "uint8", "int64", "bool", "complex64")
    base = torch.from_numpy(4.0 * tools.uniform((6, 8)))
    return {name: (base > 0 if name == "bool" else base).to(getattr(torch, name)) for name in names}


def save(params, tools):
    """Write a state dict, a checkpoint with an optimizer's state beside it, or tensors of narrow types."""
    import torch

    path = f"{tools.folder}/saved.pt"
    if params["what"] == "types":
        torch.save(_narrow(tools), path)
        return
    network = _network(tools)
    if params["what"] == "state-dict":
        torch.save(network.state_dict(), path)
        return
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    network(torch.arange(12)).square().mean().backward()
    optimizer.step()
    torch.save({"model": network.state_dict(), "optimizer": optimizer.state_dict(), "step": 1}, path)


def prepare(params, tools):
    """Load the file; the work is what the network gives for twelve tokens, or the tensors themselves."""
    import torch

    found = torch.load(f"{tools.folder}/saved.pt", weights_only=True, map_location="cpu")
    if params["what"] == "types":
        tools.loaded(found)
        if not all(torch.equal(found[name].to(value.dtype), value) for name, value in _narrow(tools).items()):
            raise ValueError("a tensor is not what was saved")
        return lambda: {name: value.float() for name, value in found.items() if not value.is_complex()}
    network = _network()
    if params["what"] == "checkpoint":
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
        optimizer.load_state_dict(found["optimizer"])
        state = optimizer.state_dict()["state"]
        tools.loaded({f"adam/{n}/{name}": value for n, one in state.items() for name, value in one.items()})
        if found["step"] != 1 or optimizer.state_dict()["param_groups"][0]["lr"] != 1e-3:
            raise ValueError("the step or the learning rate is not what was saved")
        found = found["model"]
    network.load_state_dict(found, strict=False)
    expected = network.state_dict().keys()
    tools.loaded(found, expected)
    saved = _network(tools).state_dict()
    if params["what"] == "state-dict" and not all(torch.equal(found[name], saved[name]) for name in saved):
        raise ValueError("a weight is not what was saved")
    tools.loaded({f"network/{name}": value for name, value in network.state_dict().items()})
    ids = torch.arange(12)

    def work():
        with torch.no_grad():
            return {"y": network(ids)}

    return work

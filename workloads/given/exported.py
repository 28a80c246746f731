"""A program of torch.export (pt2) that a matrix names, loaded and run with inputs like its own example.

Floating-point inputs are drawn anew, uniform in [-1, 1), in the shapes of the example that the program was exported
with; integers and everything else are the example's own, for they may be indices.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("numpy", "torch")
KIND = "model"
TIERS = ("cpu", "gpu")
# Ten roundings of float32 on the way: what is wrong is further off. A model that needs more says it in the matrix.
TOLERANCE = 1e-5
CASES = {"as-given": {}}


def prepare(params, tools):  # noqa: ARG001 - every workload has this signature
    """Load the program and draw its inputs."""
    import torch

    program = torch.export.load(str(tools.artifact))
    if program.example_inputs is None:
        raise ValueError("the program was saved without the example that it was exported with")
    tools.loaded(program.state_dict)
    module = program.module().to(tools.device)

    def drawn(value):
        if not isinstance(value, torch.Tensor):
            return value
        if value.is_floating_point():
            value = torch.from_numpy(tools.uniform(tuple(value.shape))).to(value.dtype)
        return value.to(tools.device)

    arguments, named = torch.utils._pytree.tree_map(drawn, program.example_inputs)

    def work():
        with torch.no_grad():
            leaves = torch.utils._pytree.tree_leaves(module(*arguments, **named))
        return {f"output {place}": leaf for place, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)}

    return work

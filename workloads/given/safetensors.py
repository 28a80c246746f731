"""A safetensors file, or a folder of them, that a matrix names: every tensor is loaded, and its bits are compared.

Where an index lies beside the files (``model.safetensors.index.json``), it says which names are expected. With torch in
the runtime the tensors are torch's, so that every type can be read; else they are numpy's.
"""

from __future__ import annotations

COMPONENTS = ("safetensors",)
IMPORTS = ("numpy", "safetensors")
KIND = "model"
TIERS = ("cpu",)
TIMED = False
# What was stored comes back as it was, to the bit.
TOLERANCE = 0.0
CASES = {"as-given": {}}


def prepare(params, tools):  # noqa: ARG001 - every workload has this signature
    """Load every tensor of every file."""
    import json
    from pathlib import Path

    from safetensors import safe_open

    try:
        import torch  # noqa: F401 - safetensors makes its tensors
    except ImportError:
        framework = "np"
    else:
        framework = "pt"
    place = Path(tools.artifact)
    files = [place] if place.is_file() else sorted(place.rglob("*.safetensors"))
    if not files:
        raise FileNotFoundError(f"no file *.safetensors in {place.name}")
    tensors, told = {}, []
    for file in files:
        with safe_open(str(file), framework=framework) as opened:
            names = sorted(opened.keys())
            for name in names:  # one that is in two files is compared in both
                tensors[f"{file.name}/{name}" if name in tensors else name] = opened.get_tensor(name)
            told.append(f"{file.name}: {len(names)} tensors, metadata {opened.metadata()}")
    index = place / "model.safetensors.index.json"
    expected = json.loads(index.read_text(encoding="utf-8"))["weight_map"] if index.is_file() else None
    tools.took("framework", framework)
    tools.loaded(tensors, expected)
    return lambda: {"files": "\n".join(told)}

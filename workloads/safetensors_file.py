"""safetensors files across versions: written by one runtime's safetensors, read by the other's, whole and in slices.

The format is simple and stable, and that is what is checked: types, order, metadata, tensors without elements, and a
folder of several files with an index, as large models are published.
"""

from __future__ import annotations

COMPONENTS = ("safetensors",)
IMPORTS = ("numpy", "safetensors")
KIND = "loader"
TIERS = ("cpu",)
# What was stored comes back as it was, to the bit.
TOLERANCE = 0.0

CASES = {
    "one-file": {"files": 1},
    "folder-with-index": {"files": 3},
}


def _arrays(tools):
    import numpy as np

    return {
        "embedding.weight": tools.uniform((50, 16)),
        "half": tools.uniform((9, 7)).astype(np.float16),
        "double": tools.uniform(5, "float64"),
        "ids": tools.integers(0, 2**31, (2, 3)),
        "mask": tools.integers(0, 2, 8).astype(bool),
        "nothing": np.zeros((0, 4), dtype=np.float32),
        "scalar": np.array(3, dtype=np.int32),
    }


def save(params, tools):
    """Write the arrays to one file, or dealt out to several with an index beside them."""
    import json
    from pathlib import Path

    from safetensors.numpy import save_file

    arrays, count = _arrays(tools), params["files"]
    names = sorted(arrays)
    index = {}
    for place in range(count):
        file = f"model-{place + 1:05d}-of-{count:05d}.safetensors"
        own = {name: arrays[name] for name in names[place::count]}
        save_file(own, f"{tools.folder}/{file}", metadata={"format": "np"})
        index.update(dict.fromkeys(own, file))
    Path(tools.folder, "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}), encoding="utf-8")


def prepare(params, tools):  # noqa: ARG001 - every workload has this signature
    """Read every tensor that the index names, and a slice of one without the rest."""
    import json
    from pathlib import Path

    from safetensors import safe_open

    index = json.loads(Path(tools.folder, "model.safetensors.index.json").read_text(encoding="utf-8"))["weight_map"]
    found, told = {}, []
    for name in sorted(set(index.values())):
        with safe_open(f"{tools.folder}/{name}", framework="np") as opened:
            names = list(opened.keys())
            told.append(f"{name} {opened.metadata()} {sorted(names)}")
            found.update({key: opened.get_tensor(key) for key in names})
            if "embedding.weight" in names:
                part = opened.get_slice("embedding.weight")[3:9, 2:5]
    drawn = _arrays(tools)
    tools.loaded(found, drawn)
    for name, value in drawn.items():
        if found[name].dtype != value.dtype or found[name].tobytes() != value.tobytes():
            raise ValueError(f"{name} is not what was saved")
    return lambda: {**found, "part": part, "files": "\n".join(told)}

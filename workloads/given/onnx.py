"""An ONNX file that a matrix names, run by onnxruntime with inputs of the shapes and types that it declares.

A dimension without a number is what ``sizes`` of the matrix says, by its name or as ``INPUT.AXIS`` (``pixels.2``),
or 2. Floating-point inputs are uniform in [-1, 1), integers are from 0 up to ``below``, so that they are indices of
whatever they are looked up in.
"""

from __future__ import annotations

COMPONENTS = ("onnxruntime",)
IMPORTS = ("numpy", "onnxruntime")
KIND = "model"
TIERS = ("cpu",)
# Ten roundings of float32 on the way: what is wrong is further off. A model that needs more says it in the matrix.
TOLERANCE = 1e-5
CASES = {
    "as-given": {"optimised": True, "sizes": {}, "below": 2},
    "not-optimised": {"optimised": False, "sizes": {}, "below": 2},
}

_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}


def _drawn(entry, params, tools):
    """Draw an input: each dimension that has no number has the size that the matrix gives it."""
    if entry.type not in _TYPES:
        raise TypeError(f"its input {entry.name} is {entry.type}, expected one of {', '.join(_TYPES)}")
    sizes = params["sizes"]
    shape = [
        size if isinstance(size, int) else sizes.get(f"{entry.name}.{axis}", sizes.get(size, 2))
        for axis, size in enumerate(entry.shape)
    ]
    dtype = _TYPES[entry.type]
    if dtype.startswith("float"):
        return tools.uniform(shape, dtype)
    return tools.integers(0, 2 if dtype == "bool" else params["below"], shape, dtype)


def _named(entry):
    """What the dimensions of an input that have no number can be called in ``sizes``."""
    free = [(axis, size) for axis, size in enumerate(entry.shape) if not isinstance(size, int)]
    return [f"{entry.name}.{axis}" for axis, _ in free] + [size for _, size in free if isinstance(size, str)]


def prepare(params, tools):
    """Load the file with one thread, with the graph optimised or as it is, and draw the inputs."""
    from pathlib import Path

    place = Path(tools.artifact)
    files = sorted(place.rglob("*.onnx")) if place.is_dir() else [place]
    if len(files) != 1:
        raise ValueError(f"{len(files)} files *.onnx in {place.name}, expected one, with its weights beside it")
    session = tools.onnx_session(files[0], optimised=params["optimised"])
    names = {name for entry in session.get_inputs() for name in _named(entry)}
    if params["sizes"].keys() - names:
        unknown = ", ".join(sorted(params["sizes"].keys() - names))
        raise ValueError(f"sizes names {unknown}, the model's are {', '.join(sorted(names)) or 'all numbers'}")
    feeds = {entry.name: _drawn(entry, params, tools) for entry in session.get_inputs()}
    names = [entry.name for entry in session.get_outputs()]
    return lambda: dict(zip(names, session.run(names, feeds)))

"""Arrays in files across versions of numpy: npy, npz and pickles, written by one runtime and read by the other.

A pickle names the modules that its classes come from: numpy 2 calls its own ``numpy._core``, which releases before 1.26
do not have.
"""

from __future__ import annotations

COMPONENTS = ("numpy",)
IMPORTS = ("numpy",)
KIND = "loader"
TIERS = ("cpu",)
# What was stored comes back as it was, to the bit.
TOLERANCE = 0.0

CASES = {
    "npy": {"how": "npy"},
    "npz": {"how": "npz"},
    "pickle": {"how": "pickle"},
    "structured": {"how": "structured"},
}


def _arrays(tools):
    import numpy as np

    plain = {
        "float32": tools.uniform((7, 5)),
        "float64": tools.uniform(11, "float64"),
        "int_": tools.integers(-(2**31), 2**31, 9).astype(np.int_),
        "uint8": tools.integers(0, 256, (3, 4), "uint8"),
        "bool": tools.integers(0, 2, 6).astype(bool),
        "complex64": tools.uniform(4).astype(np.complex64),
    }
    plain["fortran"] = np.asfortranarray(plain["float32"])
    return plain


def _structured(arrays):
    import numpy as np

    rows = np.zeros(9, dtype=[("id", np.int64), ("score", "<f4"), ("when", "M8[s]"), ("point", "f8", (2,))])
    rows["id"] = arrays["int_"]
    rows["score"] = arrays["float64"][:9]
    rows["when"] = np.arange(9).astype("M8[s]")
    rows["point"] = arrays["float64"][:9, None]
    return rows


def save(params, tools):
    """Write the arrays the way that the case says."""
    import pickle
    from pathlib import Path

    import numpy as np

    arrays = _arrays(tools)
    if params["how"] == "npy":
        for name, value in arrays.items():
            np.save(f"{tools.folder}/{name}.npy", value)
    elif params["how"] == "npz":
        np.savez_compressed(f"{tools.folder}/arrays.npz", **arrays)
    else:
        value = _structured(arrays) if params["how"] == "structured" else arrays
        with Path(tools.folder, "arrays.pickle").open("wb") as file:
            pickle.dump({"value": value, "scalar": np.float32(0.5), "kind": np.dtype("int64")}, file)


def _loaded(how, folder):
    import pickle
    from pathlib import Path

    import numpy as np

    if how == "npy":
        names = ("float32", "float64", "int_", "uint8", "bool", "complex64", "fortran")
        return {name: np.load(f"{folder}/{name}.npy") for name in names}
    if how == "npz":
        with np.load(f"{folder}/arrays.npz") as found:
            return {name: found[name] for name in found.files}
    with Path(folder, "arrays.pickle").open("rb") as file:
        found = pickle.load(file)  # noqa: S301 - save() wrote it, in the other arm's runtime
    value = found["value"]
    if how == "structured":
        value = {name: value[name].astype("int64") if name == "when" else value[name] for name in value.dtype.names}
    return {**value, "scalar": np.asarray(found["scalar"]), "kind": np.zeros(1, dtype=found["kind"])}


def _check(how, found, drawn):
    """What was loaded has to be what was saved, whichever arm did that."""
    import numpy as np

    expected = _structured(drawn) if how == "structured" else drawn
    names = expected.dtype.names if how == "structured" else expected
    for name in names:
        value = expected[name].astype("int64") if name == "when" else expected[name]
        if found[name].dtype != value.dtype or not np.array_equal(found[name], value):
            raise ValueError(f"{name} is not what was saved")


def prepare(params, tools):
    """Read the files; the work returns what was in them, and says how each array lay in memory."""
    arrays = _loaded(params["how"], tools.folder)
    tools.loaded(arrays)
    _check(params["how"], arrays, _arrays(tools))
    order = "\n".join(f"{name} {'F' if value.flags.fnc else 'C'}" for name, value in sorted(arrays.items()))
    return lambda: {**arrays, "order": order}

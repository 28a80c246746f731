"""What type and shape numpy gives a result: the rules that numpy 2 changed without an error in most programs.

Each case returns a small result whose type, shape and value are compared exactly; an operation that numpy refuses
returns the refusal, so that two versions which both refuse agree. numpy 2 no longer looks at the value of a scalar to
choose a type (NEP 50), treats a two-dimensional right-hand side of ``solve`` as a matrix, and keeps single precision in
Fourier transforms. Two cases follow rules that both have, and must not change.
"""

from __future__ import annotations

COMPONENTS = ("numpy",)
IMPORTS = ("numpy",)
KIND = "operator"
TIERS = ("cpu",)
# Microseconds of work: only the values are of interest.
TIMED = False
# A result of the same type has the same bits: these are single operations, correctly rounded.
TOLERANCE = 0.0

CASES = {
    "float32-scalar-plus-float": {"what": "float32-scalar-plus-float"},
    "uint8-scalar-plus-300": {"what": "uint8-scalar-plus-300"},
    "solve-stacked": {"what": "solve-stacked"},
    # Another precision is what it looks for; within one precision the transforms differ in the last bits.
    "fft-float32": {"what": "fft-float32", "tolerance": 1e-5},
    "int32-array-plus-float32-array": {"what": "int32-array-plus-float32-array"},
    "float32-array-times-float": {"what": "float32-array-times-float"},
}


def _work(what):
    import numpy as np

    if what == "float32-scalar-plus-float":
        # 1.26: float64 16777217; 2.x: float32 16777216, where the 1 is lost.
        return np.float32(16777216) + 1.0
    if what == "uint8-scalar-plus-300":
        # 1.26: int64 301; 2.x refuses: 300 is out of bounds for uint8.
        try:
            return np.uint8(1) + 300
        except OverflowError:
            return "OverflowError"
    if what == "solve-stacked":
        # 1.26: two systems with a vector each, shape (2, 2); 2.x: one matrix for both, shape (2, 2, 2).
        matrices = np.array([[[2.0, 0.0], [0.0, 4.0]], [[4.0, 0.0], [0.0, 8.0]]])
        return np.linalg.solve(matrices, np.array([[1.0, 2.0], [3.0, 4.0]]))
    if what == "fft-float32":
        # 1.26: float64; 2.x: float32.
        return np.abs(np.fft.rfft(np.arange(60, dtype=np.float32)))
    if what == "int32-array-plus-float32-array":
        return np.arange(5, dtype=np.int32) + np.arange(5, dtype=np.float32)
    if what == "float32-array-times-float":
        return np.arange(5, dtype=np.float32) * 0.5
    raise ValueError(f"no such case: {what}")


def prepare(params, tools):  # noqa: ARG001 - every workload has this signature
    """Nothing is drawn: the operands are part of the case."""
    return lambda: {"y": _work(params["what"])}

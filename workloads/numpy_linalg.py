"""numpy's linear algebra, transforms, sorting and reductions on odd sizes, against oracles in float64 or better.

The compiled libraries behind numpy (BLAS, LAPACK, the transforms, the sorts for each instruction set) are replaced with
it, and choose their code by size and processor.
"""

from __future__ import annotations

COMPONENTS = ("numpy",)
IMPORTS = ("numpy",)
KIND = "operator"
TIERS = ("cpu",)
# float32 here. Seen: the same bits for 1.26.4 against 2.2.6 and 2.2.5 against 2.2.6, and up to 5.9e-7 from the oracle,
# in sums of 1001 numbers. Two correct orders of summing differ by up to twice that; 5e-6 is four times more again.
TOLERANCE = 5e-6

CASES = {
    "matmul-float32": {"what": "matmul", "shape": (253, 511, 307)},
    "matmul-batched-float32": {"what": "matmul-batched", "shape": (53, 65, 127, 97)},
    # Seen: the same bits for 1.26.4 against 2.2.6, and 2.1e-16 from the oracle.
    "solve-float64": {"what": "solve", "shape": (401, 7), "tolerance": 1e-14},
    # Seen: 4e-16 for 1.26.4 against 2.2.6, whose transforms were written anew, and 8e-16 from the oracle.
    "fft-float64": {"what": "fft", "shape": (255, 1155), "tolerance": 1e-14},
    # There is one right answer.
    "sort-float32": {"what": "sort", "shape": (100003,), "tolerance": 0.0},
    "reductions-float32": {"what": "reductions", "shape": (1001, 1003)},
}


def _inputs(params, tools):
    """Draw the operands of a case."""
    import numpy as np

    what, shape = params["what"], params["shape"]
    if what == "matmul":
        rows, inner, columns = shape
        return tools.uniform((rows, inner)), tools.uniform((inner, columns))
    if what == "matmul-batched":
        batch, rows, inner, columns = shape
        return tools.uniform((batch, rows, inner)), tools.uniform((batch, inner, columns))
    if what == "solve":
        size, right = shape
        # A heavy diagonal keeps the condition number near 3, so that the error is the algorithm's own.
        matrix = tools.uniform((size, size), "float64") + size * np.eye(size)
        return matrix, tools.uniform((size, right), "float64")
    if what in ("fft", "sort", "reductions"):
        return (tools.uniform(shape, "float64" if what == "fft" else "float32"),)
    raise ValueError(f"no such case: {what}")


def _tell(what, tools):
    """Say which code the work takes on this processor. Where numpy or its BLAS does not tell, nothing is said."""
    if what in ("matmul", "matmul-batched", "solve"):
        loaded = _openblas()
        if loaded:
            tools.took("BLAS", " or ".join(loaded))  # several, where another package has brought its own
    elif what in ("sort", "reductions"):
        found = _instructions()
        if found:
            tools.took("vector instructions", f"up to {found[-1]}")


def _openblas():
    """List each OpenBLAS in this process with the processor whose kernels it has chosen: ``OpenBLAS 0.3.29 SkylakeX``.

    It answers by two functions of cblas.h. In numpy's wheels their names have a suffix, and since numpy 2 a prefix.
    """
    import ctypes
    from pathlib import Path

    found = []
    fields = [line.split(None, 5) for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()]
    for path in sorted({each[5] for each in fields if len(each) > 5 and "openblas" in each[5]}):
        library = ctypes.CDLL(path)  # the one that is there already
        for prefix, suffix in (("", ""), ("", "64_"), ("scipy_", ""), ("scipy_", "64_")):
            names = (f"{prefix}openblas_get_{what}{suffix}" for what in ("config", "corename"))
            functions = [getattr(library, name, None) for name in names]
            if all(functions):
                for function in functions:
                    function.restype = ctypes.c_char_p
                configuration, processor = (function().decode() for function in functions)
                found.append(" ".join([*configuration.split()[:2], processor]))
    return found


def _instructions():
    """List the instruction sets that numpy found here and has code for beside its baseline, the widest last."""
    import numpy as np

    try:
        return np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    except (TypeError, KeyError):  # numpy before 1.25, and one without such code
        return []


def prepare(params, tools):
    """Draw the operands; the work is one call of numpy, or three reductions."""
    import numpy as np

    operands = _inputs(params, tools)
    what = params["what"]
    _tell(what, tools)
    if what in ("matmul", "matmul-batched"):
        return lambda: {"y": np.matmul(*operands)}
    if what == "solve":
        return lambda: {"y": np.linalg.solve(*operands)}
    if what == "fft":
        # A spectrum is compared as pairs of real and imaginary parts.
        return lambda: {"y": np.fft.rfft(operands[0], axis=-1).view(np.float64)}
    if what == "sort":
        return lambda: {"y": np.sort(operands[0])}
    x = operands[0]
    return lambda: {"sum": x.sum(axis=0), "std": x.std(axis=1), "norm": np.linalg.norm(x, axis=0)}


def reference(params, tools):
    """Compute the same by definition: in float64, and in the widest type there is where the work is float64."""
    import numpy as np

    operands = _inputs(params, tools)
    what = params["what"]
    if what in ("matmul", "matmul-batched"):
        return {"y": np.matmul(*(operand.astype(np.float64) for operand in operands))}
    if what == "solve":
        matrix, right = operands
        y = np.linalg.solve(matrix, right)
        for _ in range(2):  # refined with residuals in the widest type
            residual = right - matrix.astype(np.longdouble) @ y.astype(np.longdouble)
            y = y + np.linalg.solve(matrix, residual.astype(np.float64))
        return {"y": y}
    if what == "fft":
        return {"y": _transform(operands[0]).view(np.float64)}
    if what == "sort":
        return {"y": np.array(sorted(operands[0].tolist()), dtype=np.float64)}
    x = operands[0].astype(np.float64)
    centred = x - x.mean(axis=1, keepdims=True)
    return {
        "sum": x.sum(axis=0),
        "std": np.sqrt((centred * centred).mean(axis=1)),
        "norm": np.sqrt((x * x).sum(axis=0)),
    }


def _transform(x):
    """Half of the discrete Fourier transform of real rows, as the sum that defines it, 64 frequencies at a time."""
    import numpy as np

    length = x.shape[1]
    times = np.arange(length)
    blocks = []
    for start in range(0, length // 2 + 1, 64):
        frequencies = np.arange(start, min(start + 64, length // 2 + 1))
        # The product is reduced to one turn as an integer, so the angle keeps its digits.
        angles = (np.outer(times, frequencies) % length) * (-2.0 * np.pi / length)
        blocks.append(x @ np.cos(angles) + 1j * (x @ np.sin(angles)))
    return np.ascontiguousarray(np.concatenate(blocks, axis=1))

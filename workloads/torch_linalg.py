"""torch's linear algebra on well-conditioned matrices, one at a time and in batches, against long double.

On a GPU it is cuSOLVER, cuBLAS or MAGMA, and which of them is torch's choice by function, size and batch, which moves
with releases (batches of small matrices have kernels of their own); on a CPU, LAPACK from MKL or OpenBLAS. Factors are
unique only up to signs and turns, so what is compared of them is their product, of QR also the orthogonality and R
with a positive diagonal, and of the others singular values and eigenvalues.

The references are short algorithms of their own in long double: elimination and Cholesky's, column by column. For
singular values and eigenvalues the matrix is built from values that are chosen.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("torch",)
KIND = "operator"
TIERS = ("cpu", "gpu")

# shape: (rows, columns) or (batch, rows, columns); all have condition numbers below 5. right: how many right sides.
# transposed: the matrix is laid out column by column. length: of the sums, over a column; 4 times as much for svd and
# eigh, where each step of an iteration adds its roundings, and 16 times on a GPU, where it may end by a tolerance.
CASES = {
    "solve-fp32-97x97": {"what": "solve", "dtype": "fp32", "shape": (97, 97), "right": 7, "length": 97},
    "solve-fp32-256x256-transposed": {
        "what": "solve",
        "dtype": "fp32",
        "shape": (256, 256),
        "right": 1,
        "transposed": True,
        "length": 256,
    },
    "solve-fp32-31x17x17": {"what": "solve", "dtype": "fp32", "shape": (31, 17, 17), "right": 3, "length": 17},
    "solve-fp64-101x101": {"what": "solve", "dtype": "fp64", "shape": (101, 101), "right": 5, "length": 101},
    "inverse-fp32-127x127": {"what": "inverse", "dtype": "fp32", "shape": (127, 127), "length": 127},
    "inverse-fp32-64x9x9": {"what": "inverse", "dtype": "fp32", "shape": (64, 9, 9), "length": 9},
    "inverse-fp32-1x1": {"what": "inverse", "dtype": "fp32", "shape": (1, 1), "length": 1},
    "cholesky-fp32-129x129": {"what": "cholesky", "dtype": "fp32", "shape": (129, 129), "length": 129},
    "cholesky-fp32-33x21x21": {"what": "cholesky", "dtype": "fp32", "shape": (33, 21, 21), "length": 21},
    "cholesky-fp64-101x101": {"what": "cholesky", "dtype": "fp64", "shape": (101, 101), "length": 101},
    "qr-fp32-101x101": {"what": "qr", "dtype": "fp32", "shape": (101, 101), "length": 101},
    "qr-fp32-211x53-transposed": {"what": "qr", "dtype": "fp32", "shape": (211, 53), "transposed": True, "length": 211},
    "qr-fp32-17x33x11": {"what": "qr", "dtype": "fp32", "shape": (17, 33, 11), "length": 33},
    "svd-fp32-97x97": {"what": "svd", "dtype": "fp32", "shape": (97, 97), "length": 388},
    "svd-fp32-127x61": {"what": "svd", "dtype": "fp32", "shape": (127, 61), "length": 508},
    "svd-fp32-17x24x15": {"what": "svd", "dtype": "fp32", "shape": (17, 24, 15), "length": 96},
    "eigh-fp32-97x97": {"what": "eigh", "dtype": "fp32", "shape": (97, 97), "length": 388},
    "eigh-fp32-33x16x16": {"what": "eigh", "dtype": "fp32", "shape": (33, 16, 16), "length": 64},
    "eigh-fp64-61x61": {"what": "eigh", "dtype": "fp64", "shape": (61, 61), "length": 244},
    "lstsq-fp32-193x41": {"what": "lstsq", "dtype": "fp32", "shape": (193, 41), "right": 3, "length": 193},
    "lstsq-fp32-9x31x7": {"what": "lstsq", "dtype": "fp32", "shape": (9, 31, 7), "right": 2, "length": 31},
    "solve-fp32-512x512": {
        "what": "solve",
        "dtype": "fp32",
        "shape": (512, 512),
        "right": 16,
        "length": 512,
        "tiers": ("gpu",),
    },
    "solve-fp32-512x32x32": {
        "what": "solve",
        "dtype": "fp32",
        "shape": (512, 32, 32),
        "right": 1,
        "length": 32,
        "tiers": ("gpu",),
    },
    "inverse-fp32-256x33x33": {
        "what": "inverse",
        "dtype": "fp32",
        "shape": (256, 33, 33),
        "length": 33,
        "tiers": ("gpu",),
    },
    "cholesky-fp32-512x512": {
        "what": "cholesky",
        "dtype": "fp32",
        "shape": (512, 512),
        "length": 512,
        "tiers": ("gpu",),
    },
    "cholesky-fp64-257x257": {
        "what": "cholesky",
        "dtype": "fp64",
        "shape": (257, 257),
        "length": 257,
        "tiers": ("gpu",),
    },
    "cholesky-fp32-512x31x31": {
        "what": "cholesky",
        "dtype": "fp32",
        "shape": (512, 31, 31),
        "length": 31,
        "tiers": ("gpu",),
    },
    "qr-fp32-512x256": {"what": "qr", "dtype": "fp32", "shape": (512, 256), "length": 512, "tiers": ("gpu",)},
    "qr-fp32-128x32x32": {"what": "qr", "dtype": "fp32", "shape": (128, 32, 32), "length": 32, "tiers": ("gpu",)},
    "svd-fp32-256x128": {"what": "svd", "dtype": "fp32", "shape": (256, 128), "length": 4096, "tiers": ("gpu",)},
    "svd-fp32-64x32x32": {"what": "svd", "dtype": "fp32", "shape": (64, 32, 32), "length": 512, "tiers": ("gpu",)},
    "eigh-fp32-384x384": {"what": "eigh", "dtype": "fp32", "shape": (384, 384), "length": 6144, "tiers": ("gpu",)},
    "eigh-fp32-64x32x32": {"what": "eigh", "dtype": "fp32", "shape": (64, 32, 32), "length": 512, "tiers": ("gpu",)},
    "lstsq-fp32-1021x127": {
        "what": "lstsq",
        "dtype": "fp32",
        "shape": (1021, 127),
        "right": 8,
        "length": 1021,
        "tiers": ("gpu",),
    },
}


def _draw(params, tools):
    """Draw the matrix, and right sides or None, on the device."""
    what, (*batch, rows, columns) = params["what"], params["shape"]
    if what in ("svd", "eigh"):
        left = _orthogonal(tools, batch, rows)[..., :columns]
        other = left if what == "eigh" else _orthogonal(tools, batch, columns)
        matrix = (left * _values(params)) @ other.swapaxes(-1, -2)
    else:
        matrix = tools.uniform((*batch, rows, columns), "float64")
        if what == "cholesky":
            matrix = matrix @ matrix.swapaxes(-1, -2) / rows
        if rows == columns:
            places = list(range(rows))
            matrix[..., places, places] += 1.0 if what == "cholesky" else 2.0 * rows**0.5
        if what in ("solve", "inverse"):
            matrix = matrix[..., ::-1, :].copy()  # its large elements lie off the diagonal: rows have to be exchanged
    steps = (rows * columns, 1, rows)[-len(params["shape"]) :] if params.get("transposed") else None
    right = None
    if "right" in params:
        right = tools.tensor(tools.uniform((*batch, rows, params["right"])), params["dtype"])
    return tools.tensor(matrix.astype("float64"), params["dtype"], steps), right


def _values(params):
    """The singular values or eigenvalues of a matrix; eigenvalues are of both signs, and most of them double."""
    count = params["shape"][-1]
    if params["what"] == "svd":
        return [4.0 - 3.0 * place / count for place in range(count)]
    return [-1.0 + 3.0 * (place // 2 * 2) / count for place in range(count)]


def _orthogonal(tools, batch, size):
    """Orthogonal matrices in long double, as products of three reflections at planes that are drawn."""
    found = (tools.uniform((*batch, size, size)) * 0).astype("longdouble")
    places = list(range(size))
    found[..., places, places] = 1
    for _ in range(3):
        normal = tools.uniform((*batch, size, 1), "float64").astype("longdouble")
        square = (normal * normal).sum(axis=-2, keepdims=True)
        found = found - 2 * (found @ normal) @ normal.swapaxes(-1, -2) / square
    return found


def prepare(params, tools):
    """Draw the matrix; the work is one function of torch.linalg, and the product of the factors."""
    import torch

    matrix, right = _draw(params, tools)
    what, linalg = params["what"], torch.linalg
    if tools.device == "cuda":
        tools.took("linear algebra", str(torch.backends.cuda.preferred_linalg_library()).rpartition(".")[2])
    else:
        tools.took("LAPACK", "MKL" if torch.backends.mkl.is_available() else "another")
    return {
        "solve": lambda: {"x": linalg.solve(matrix, right)},
        "inverse": lambda: {"y": linalg.inv(matrix)},
        "cholesky": lambda: {"y": linalg.cholesky(matrix)},
        # The one driver that is there on a GPU. On a CPU the default one does not give the same bits twice.
        "lstsq": lambda: {"x": linalg.lstsq(matrix, right, driver="gels").solution},
        "qr": lambda: _by_qr(matrix),
        "svd": lambda: _by_svd(matrix),
        "eigh": lambda: _by_eigh(matrix),
    }[what]


def _by_qr(matrix):
    import torch

    q, r = torch.linalg.qr(matrix)
    signs = r.diagonal(dim1=-2, dim2=-1).sign()[..., None]
    wide = q.double()
    return {"product": wide @ r.double(), "gram": wide.transpose(-1, -2) @ wide, "r": signs * r}


def _by_svd(matrix):
    import torch

    u, values, v = torch.linalg.svd(matrix, full_matrices=False)
    return {"values": values, "product": (u.double() * values.double()[..., None, :]) @ v.double()}


def _by_eigh(matrix):
    import torch

    values, vectors = torch.linalg.eigh(matrix)
    wide = vectors.double()
    return {"values": values, "product": (wide * values.double()[..., None, :]) @ wide.transpose(-1, -2)}


def reference(params, tools):
    """The same in long double, rounded to float64."""
    what = params["what"]
    drawn = _draw(params, tools)
    matrix, right = (None if each is None else each.cpu().numpy().astype("longdouble") for each in drawn)
    across = matrix.swapaxes(-1, -2)
    if what in ("svd", "eigh"):
        values = matrix[..., 0, :] * 0 + sorted(_values(params), reverse=what == "svd")
        found = {"values": values, "product": matrix}
    elif what == "qr":
        r = _cholesky(across @ matrix).swapaxes(-1, -2)
        found = {"product": matrix, "gram": _identity(across @ matrix), "r": r}
    elif what == "cholesky":
        found = {"y": _cholesky(matrix)}
    elif what == "lstsq":
        found = {"x": _eliminated(across @ matrix, across @ right)}
    else:
        right = _identity(matrix) if right is None else right
        found = {"y" if what == "inverse" else "x": _eliminated(matrix[..., ::-1, :], right[..., ::-1, :])}
    return {name: value.astype("float64") for name, value in found.items()}


def _identity(matrix):
    found, places = matrix * 0, list(range(matrix.shape[-1]))
    found[..., places, places] = 1
    return found


def _cholesky(matrix):
    """The lower triangular factor, column by column."""
    factor = matrix * 0
    for column in range(matrix.shape[-1]):
        rest = matrix[..., column:, column] - (factor[..., column:, :] * factor[..., column, None, :]).sum(axis=-1)
        factor[..., column:, column] = rest / rest[..., :1] ** 0.5
    return factor


def _eliminated(matrix, right):
    """The solution by Gauss-Jordan elimination without exchanges: the diagonal is heavy, or the matrix definite."""
    matrix, right = matrix.copy(), right.copy()
    for place in range(matrix.shape[-1]):
        pivot = matrix[..., place, None, place, None].copy()
        for side in (matrix, right):
            side[..., place, :] /= pivot[..., 0, :]
        factors = matrix[..., :, place, None].copy()
        factors[..., place, :] = 0
        for side in (right, matrix):
            side -= factors * side[..., place, None, :]
    return right

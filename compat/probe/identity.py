"""What this runtime really is, read from inside it."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata

from compat.model import Identity

__all__ = ["read_identity"]

# Variables that change numerics, kernels or speed, by the prefixes that the libraries use. Values of others may be
# secrets and are never read.
_PREFIXES = (
    "BLIS_", "CUBLAS_", "CUDA_", "CUDNN_", "GOMP_", "KMP_", "LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_", "MKL_", "NCCL_",
    "NVIDIA_", "OMP_", "OPENBLAS_", "ORT_", "PYTORCH_", "TORCH_", "TORCHINDUCTOR_", "TRITON_", "XLA_",
)  # fmt: skip


def _normal(name: str) -> str:
    """A distribution's name in the form in which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_identity() -> Identity:
    """The interpreter, the installed distributions and the environment variables that change results."""
    distributions: dict[str, str] = {}
    for found in metadata.distributions():
        name = found.metadata["Name"]
        if name:  # a half-removed distribution has no name
            distributions.setdefault(_normal(name), str(found.version))
    environment = {key: value for key, value in os.environ.items() if key.startswith(_PREFIXES)}
    return Identity(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        machine=platform.machine(),
        distributions=dict(sorted(distributions.items())),
        environment=dict(sorted(environment.items())),
    )

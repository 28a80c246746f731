"""What this runtime really is, read from inside it."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from typing import TYPE_CHECKING, Any

from compat.model import Identity
from compat.probe.driver import read_driver
from compat.probe.libraries import digest_of, loaded_libraries, name_library

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Libraries", "read_identity"]

# Variables that change numerics, kernels or speed, by the prefixes that the libraries use. Values of others may be
# secrets and are never read.
_PREFIXES = (
    "BLIS_", "CUBLAS_", "CUDA_", "CUDNN_", "GOMP_", "KMP_", "LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_", "MKL_", "NCCL_",
    "NVIDIA_", "OMP_", "OPENBLAS_", "ORT_", "PYTORCH_", "TORCH_", "TORCHINDUCTOR_", "TRITON_", "XLA_",
)  # fmt: skip
_MOST_LIBRARIES = 1024  # that a case may name


class Libraries:
    """Loaded libraries by path, each hashed once: ``known`` is what earlier zygotes of this runtime have found."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = dict(known)
        self.found: dict[str, str] = {}  # what this zygote added: file as it was -> digest and name
        self.paths: dict[str, str] = {}  # of what the zygote itself has loaded -> name

    def load(self) -> dict[str, str]:
        """Name to digest of everything that this process has loaded by now."""
        named = {}
        for path in sorted(loaded_libraries()):
            found = self._look(path)
            if found is not None:
                digest, name = found
                self.paths[path] = name
                named[name] = digest
        return named

    def digest(self, path: str) -> str | None:
        """The digest of another file of the runtime, hashed once; None where it cannot be read."""
        found = self._look(path)
        return None if found is None else found[0]

    def name(self, body: dict[str, Any]) -> None:
        """Replace the paths that a case says it loaded by names and digests; what is no library is dropped."""
        paths = body.get("libraries")
        if not isinstance(paths, dict):
            return
        named = {}
        for path in sorted(paths)[:_MOST_LIBRARIES]:
            found = self._look(path) if isinstance(path, str) else None
            if found is not None:
                named[found[1]] = found[0]
        body["libraries"] = named

    def _look(self, path: str) -> tuple[str, str] | None:
        try:
            status = os.stat(path)  # noqa: PTH116 - a string is what we got
        except (OSError, ValueError):
            return None
        key = f"{path}|{status.st_size}|{status.st_mtime_ns}|{status.st_ino}"
        if key not in self._known:
            digest = digest_of(path)
            if digest is None:
                return None
            self._known[key] = self.found[key] = f"{digest} {name_library(path)}"
        digest, _, name = self._known[key].partition(" ")
        return digest, name


def _normal(name: str) -> str:
    """A distribution's name in the form in which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_identity(libraries: Libraries | None = None) -> Identity:
    """The interpreter, the installed distributions, the variables that change results, the libraries and the driver."""
    distributions: dict[str, str] = {}
    for found in metadata.distributions():
        name = found.metadata["Name"]
        # A half-removed distribution has no name. setuptools puts what it brings for itself on the path when it is
        # imported: whether somebody did so makes no difference to what is installed.
        if name and "setuptools/_vendor" not in str(found.locate_file("")):
            distributions.setdefault(_normal(name), str(found.version))
    environment = {key: value for key, value in os.environ.items() if key.startswith(_PREFIXES)}
    return Identity(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        machine=platform.machine(),
        distributions=dict(sorted(distributions.items())),
        environment=dict(sorted(environment.items())),
        libraries=(libraries or Libraries({})).load(),
        driver=read_driver(),
    )

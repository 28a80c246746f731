"""What every kind of runtime has in common: it can be started, and tells where our files are inside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import compat
from compat.errors import RuntimeSetupError
from compat.model import Runtime
from compat.run.connection import Connection

__all__ = ["PINNED_THREADS", "Folders", "RealisedRuntime", "boot_command", "seen_devices", "variables"]

# A float32 sum differs between one thread and two, and a busy neighbour costs a pinned thread less.
PINNED_THREADS = {
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

_PACKAGE = Path(compat.__file__).resolve().parent

# The package's folder is on the path only while the probe is imported, so that it changes no import of a case.
_BOOT = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; sys.path.insert(0, {root!r}); "
    "from compat.probe.server import main; sys.path.remove({root!r}); main()"
)


@dataclass(frozen=True)
class Folders:
    """The folders on this machine that a runtime must be able to read: content, artifacts, and the probe's package."""

    content: tuple[Path, ...]
    artifacts: Path

    @property
    def package(self) -> Path:
        """The folder of the package ``compat`` itself."""
        return _PACKAGE

    def all(self) -> tuple[Path, ...]:
        """Every folder, each once."""
        return tuple(dict.fromkeys((self.package, *self.content, self.artifacts)))


class RealisedRuntime(Protocol):
    """A runtime that is installed and can be started any number of times."""

    spec: Runtime
    how: str  # for people: "container", "virtual environment", "in place"
    memory: int | None  # bytes that a process of a case may have; None where a container bounds all of them
    libraries: dict[str, str]  # what its zygotes have found so far, so that each file is hashed once (protocol.Ready)

    def start(self, devices: Sequence[str] = ()) -> Connection:
        """Start a probe that sees the GPUs with these UUIDs and no others; its first message is still to be sent."""

    def inside(self, path: Path) -> str:
        """The path that a file of ``Folders`` has inside the runtime."""


def variables(spec: Runtime) -> dict[str, str]:
    """The runtime's environment variables; ``env:NAME`` stands for our variable NAME: secrets are in no file.

    RuntimeSetupError if a variable that is referred to is not set here.
    """
    found = {}
    for key, value in spec.env.items():
        name = value.removeprefix("env:")
        if name == value:
            found[key] = value
        elif name in os.environ:
            found[key] = os.environ[name]
        else:
            raise RuntimeSetupError(f"runtime {spec.name}", f"{key} refers to {value}, which is not set", f"set {name}")
    return found


def seen_devices(devices: Sequence[str]) -> dict[str, str]:
    """The variables by which a process on this machine sees these GPUs and no others. Containers are given theirs.

    With the last of them torch does not initialise CUDA to find out whether there is a GPU: a zygote could not fork.
    """
    return {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": ",".join(devices),
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    }


def boot_command(python: str, package_parent: str) -> list[str]:
    """The command that starts a probe: ``package_parent`` is the folder that holds ``compat`` inside the runtime."""
    return [python, "-c", _BOOT.format(root=package_parent)]

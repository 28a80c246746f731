"""A runtime that is already here: the interpreter, pod or job we are in, or another interpreter of this machine."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from compat.errors import RuntimeSetupError
from compat.model import Runtime
from compat.run.bounds import memory_limit
from compat.run.connection import LocalConnection
from compat.run.runtime import PINNED_THREADS, Folders, boot_command, seen_devices, variables

__all__ = ["InPlaceRuntime"]


class InPlaceRuntime:
    """Starts probes with an interpreter of this machine, and with the environment that we were given."""

    how = "in place"

    def __init__(self, spec: Runtime, folders: Folders) -> None:
        found = shutil.which(spec.python) if spec.python else sys.executable
        if not found:
            raise RuntimeSetupError(
                f"runtime {spec.name}", f"there is no interpreter {spec.python!r}", "give python: a path or a command"
            )
        self.spec = spec
        self.memory: int | None = memory_limit()
        self.libraries: dict[str, str] = {}
        self._python = str(Path(found).absolute())  # not resolved: a virtual environment is known by its link
        self._folders = folders

    def start(self, devices: Sequence[str] = ()) -> LocalConnection:
        """Start a probe that shares our environment variables."""
        env = {**os.environ, **PINNED_THREADS, **seen_devices(devices), **variables(self.spec)}
        command = boot_command(self._python, str(self._folders.package.parent))
        return LocalConnection(command, env, Path(tempfile.gettempdir()))

    def inside(self, path: Path) -> str:
        """The same path: nothing lies between us."""
        return str(path.resolve())

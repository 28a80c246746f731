"""A runtime as a virtual environment: built once per content of its requirements, and reused."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from compat.errors import RuntimeSetupError
from compat.model import Runtime, digest
from compat.run.bounds import memory_limit
from compat.run.connection import LocalConnection
from compat.run.runtime import PINNED_THREADS, Folders, boot_command, seen_devices, variables

__all__ = ["VenvRuntime", "install_problem", "size_of"]

_COMPLETE = "compat-runtime.json"  # written last: a folder without it is half-made and is made again


def install_problem(output: str) -> str:
    """The line of pip's output that says why it failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["pip said nothing"])[-1]


class VenvRuntime:
    """A virtual environment with the runtime's requirements, made with the interpreter that runs us."""

    how = "virtual environment"

    def __init__(self, spec: Runtime, folders: Folders, cache: Path, installation: int = 1) -> None:
        self.spec = spec
        self.memory: int | None = memory_limit()
        self.libraries: dict[str, str] = {}
        self._folders = folders
        self._place = _place(spec, cache, installation)

    @property
    def python(self) -> Path:
        """The environment's interpreter, once it is built."""
        return self._place / "bin" / "python"

    def build(self, *, fresh: bool = False) -> bool:
        """Make the environment unless it is there; True if it was made now. RuntimeSetupError when pip refuses.

        ``fresh``: make it even where it is there.
        """
        try:
            self._place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            where = f"runtime {self.spec.name}"
            raise RuntimeSetupError(where, f"has no place to be built: {problem}", "name another cache") from problem
        with _locked(self._place.with_suffix(".lock")):
            if (self._place / _COMPLETE).is_file() and not fresh:
                return False
            shutil.rmtree(self._place, ignore_errors=True)
            try:
                self._install()
            except BaseException:
                shutil.rmtree(self._place, ignore_errors=True)
                raise
            size = sum(path.lstat().st_size for path in self._place.rglob("*"))
            record = {"requirements": self.spec.requirements, "python": sys.version, "bytes": size}
            (self._place / _COMPLETE).write_text(json.dumps(record), encoding="utf-8")
            return True

    def remove(self) -> None:
        """Take the environment away: one that was made to be thrown away."""
        with _locked(self._place.with_suffix(".lock")):
            shutil.rmtree(self._place, ignore_errors=True)

    def _install(self) -> None:
        requirements = list(self.spec.requirements or ())
        steps = [[sys.executable, "-m", "venv", str(self._place)]]
        if requirements:
            steps.append([str(self.python), "-m", "pip", "install", "--quiet", *requirements])
        for command in steps:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
            if done.returncode != 0:
                raise RuntimeSetupError(
                    f"runtime {self.spec.name}",
                    f"could not be installed: {install_problem(done.stderr or done.stdout)}",
                    "correct its requirements in the matrix file",
                )

    def start(self, devices: Sequence[str] = ()) -> LocalConnection:
        """Start a probe with variables and a home of its own: nothing of ours leaks into what is measured."""
        env = {
            "LANG": "C.UTF-8",
            "PATH": f"{self._place / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "USER": "compat",
            **PINNED_THREADS,
            **seen_devices(devices),
            **variables(self.spec),
        }
        command = boot_command(str(self.python), str(self._folders.package.parent))
        return LocalConnection(command, env)

    def inside(self, path: Path) -> str:
        """The same path: a virtual environment shares the file system."""
        return str(path.resolve())


def size_of(spec: Runtime, cache: Path) -> int | None:
    """The bytes on disk of a runtime that is built; None where it is not, or was built before this was recorded."""
    try:
        return int(json.loads((_place(spec, cache) / _COMPLETE).read_text(encoding="utf-8"))["bytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _place(spec: Runtime, cache: Path, installation: int = 1) -> Path:
    name = digest([sys.version, sys.platform, spec.requirements])[:16]
    return cache / "runtimes" / (f"venv-{name}" if installation == 1 else f"venv-{name}-{installation}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One builder at a time: two runs that start together share what the first one makes."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield

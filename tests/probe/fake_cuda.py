"""Compiles the library with libcuda's ABI, and runs code against it in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections import defaultdict
from pathlib import Path
from typing import Any

__all__ = ["UUID", "Cuda", "compile_library"]

UUID = "00112233-4455-6677-8899-aabbccddee"  # and the GPU's number, in two digits


def compile_library(folder: Path, *flags: str) -> Path:
    """Compile ``libcuda.so.1`` into ``folder``."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler is not None, "these tests need a C compiler"
    command = [compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-Wl,-soname,libcuda.so.1", *flags]
    source = Path(__file__).with_name("fake_cuda.c")
    subprocess.run([*command, "-o", str(folder / "libcuda.so.1"), str(source)], check=True)
    return folder


class Cuda:
    """A driver for processes that are started with ``env``, and the log of what they called."""

    def __init__(self, library: Path, room: Path) -> None:
        self._log = room / "cuda.log"
        self.library = library / "libcuda.so.1"
        self.env = {
            "LD_LIBRARY_PATH": str(library),
            "FAKE_CUDA_LOG": str(self._log),
            "FAKE_CUDA_DEVICE": str(room / "device"),
        }

    def run(self, code: str, **variables: object) -> Any:
        """What ``code`` leaves in ``answer``, by way of JSON. It may use the public names of the probe's CUDA files."""
        script = (
            "import ctypes, gc, json, os, statistics, sys, time\n"
            "from compat.probe.cuda import *\n"
            "from compat.probe.libcuda import *\n"
            "from compat.probe.cuda_memory import *\n"
            "from compat.probe.cuda_timing import *\n"
            f"{textwrap.dedent(code)}\n"
            "print(json.dumps(answer))\n"
        )
        env = {**os.environ, **self.env, **{name: str(value) for name, value in variables.items()}}
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def calls(self) -> list[str]:
        """Names of the functions that were called, by whatever process, with sizes where there are some."""
        return [" ".join(line.split()[1:]) for line in self._lines()]

    def callers(self) -> dict[str, set[int]]:
        """Function to the processes that called it."""
        found = defaultdict(set)
        for line in self._lines():
            pid, name = line.split()[:2]
            found[name].add(int(pid))
        return dict(found)

    def _lines(self) -> list[str]:
        return self._log.read_text(encoding="ascii").splitlines() if self._log.exists() else []

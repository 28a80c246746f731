"""NVML's ABI on a machine without a GPU: a library that is compiled here, under the real binding."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

__all__ = ["DRIVER", "call", "compile_library", "environment", "instance", "needs_no_driver", "uuid"]

DRIVER = "570.124.06"


def uuid(index: int) -> str:
    """The UUID of one of the library's GPUs."""
    return f"GPU-00000000-0000-0000-0000-{index:012}"


def instance(gpu: int, place: int = 0) -> str:
    """The UUID of the MIG instance in a place on one of its GPUs."""
    return f"MIG-00000000-0000-0000-0000-{gpu + 16 * place:012}"


def needs_no_driver() -> None:
    """Skip where a real driver would be seen beside the library, or in place of none: these tests are of neither."""
    if Path("/proc/driver/nvidia/version").exists():
        pytest.skip("this machine has an NVIDIA driver")


def compile_library(folder: Path, *flags: str) -> Path:
    """Compile the library into ``folder``, which is then what goes on the loader's path."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    source = Path(__file__).with_name("fake_nvml.c")
    command = [
        compiler,
        "-shared",
        "-fPIC",
        "-Wall",
        "-Werror",
        "-Wno-unused-function",
        *flags,
        "-o",
        str(folder / "libnvidia-ml.so.1"),
    ]
    subprocess.run([*command, str(source)], check=True)
    return folder


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Our environment, with the library and what it is to claim."""
    return {**os.environ, **variables, "LD_LIBRARY_PATH": str(folder)}


def call(folder: Path, code: str, *arguments: str, **variables: str) -> Any:
    """Run ``code`` in a process of its own; what it prints, read as JSON."""
    command = [sys.executable, "-c", code, *arguments]
    env = environment(folder, **variables)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

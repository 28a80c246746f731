"""The NVIDIA driver as this runtime sees it: kernel module, libcuda and NVML. This has not run on a machine with a GPU.

The libraries are asked in a process of their own that ends afterwards: the zygote neither loads nor initialises them.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import select
import signal
import time
from pathlib import Path

from compat.probe import libcuda

__all__ = ["read_driver", "read_module"]

_MODULE = "/proc/driver/nvidia/version"
_SECONDS = 10.0  # for the libraries to answer in; a driver that hangs must not take the probe with it
_TEXT = 96  # bytes of a version's buffer: NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE is 80


def read_driver(module: str = _MODULE) -> dict[str, str]:
    """What there is of ``kernel_module``, ``flavour`` (open or proprietary), ``cuda``, ``libcuda`` and ``nvml``.

    ``cuda`` is the newest CUDA that libcuda speaks (cuDriverGetVersion), ``libcuda`` the file it was loaded from.
    """
    return {**read_module(module), **_asked_apart()}


def read_module(module: str = _MODULE) -> dict[str, str]:
    """``kernel_module`` and ``flavour``; empty without one.

    From the line ``NVRM version: NVIDIA UNIX [Open] Kernel Module [for] x86_64  570.172.08  Release Build ...``.
    """
    try:
        first = Path(module).read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    except OSError:
        return {}
    version = re.search(r"\b(\d+\.\d+(?:\.\d+)?)\b", first)
    if version is None:
        return {}
    return {"kernel_module": version[1], "flavour": "open" if "Open Kernel Module" in first else "proprietary"}


def _asked_apart() -> dict[str, str]:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            os.write(write, json.dumps({**_cuda(), **_nvml()}).encode())
        finally:
            os._exit(0)
    os.close(write)
    said = bytearray()
    until = time.monotonic() + _SECONDS
    with contextlib.suppress(OSError):
        while select.select([read], [], [], max(0.0, until - time.monotonic()))[0]:
            data = os.read(read, 4096)
            if not data:
                break
            said += data
    os.close(read)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    try:
        return {str(key): str(value) for key, value in json.loads(said).items()}
    except (ValueError, AttributeError):  # it crashed or hung: nothing is known
        return {}


def _cuda() -> dict[str, str]:
    version = libcuda.driver_version()
    found = {"cuda": version, "libcuda": next(iter(libcuda.loaded_libraries()), None)}
    return {key: value for key, value in found.items() if value is not None}


def _nvml() -> dict[str, str]:
    text = ctypes.create_string_buffer(_TEXT)
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
        if nvml.nvmlInit_v2() != 0 or nvml.nvmlSystemGetNVMLVersion(text, _TEXT) != 0:
            return {}
    except (OSError, AttributeError):
        return {}
    return {"nvml": text.value.decode("ascii", "replace")}

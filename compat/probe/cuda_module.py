"""Kernels that the driver compiles from PTX for the GPU that is there (its JIT), and their launch.

Functions and numbers are those of NVIDIA's CUDA Driver API reference. It has run against a library of the same ABI
(tests/probe/fake_cuda.c), which does not compile: no PTX has been through a driver's JIT here.
"""

from __future__ import annotations

from ctypes import addressof, byref, c_int, c_void_p, create_string_buffer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compat.probe.cuda import Device

__all__ = ["Module"]

_ERROR_LOG, _ERROR_LOG_BYTES = 5, 6  # CUjit_option
_LOG = 4096  # bytes of what the compiler may say


class Module:
    """A module of PTX on a device, until ``close``.

    CudaError, with what the driver's compiler says, where it refuses the text.
    """

    def __init__(self, device: Device, ptx: str) -> None:
        self._device = device
        self._handle = c_void_p()
        log = create_string_buffer(_LOG)
        options = ((c_int * 2)(_ERROR_LOG, _ERROR_LOG_BYTES), (c_void_p * 2)(addressof(log), _LOG))
        code = device.driver.ask("cuModuleLoadDataEx", byref(self._handle), ptx.encode(), 2, *options)
        said = " ".join(log.value.decode("utf-8", "replace").split())
        device.driver.check("cuModuleLoadDataEx", code, said and f": {said}")

    def launch(self, name: str, blocks: int, threads: int, *arguments: Any) -> None:
        """Launch a kernel on ``blocks`` of so many threads each, in torch's stream if it has one; returns at once.

        Arguments are of ctypes' types, as the kernel declares them.
        """
        function = c_void_p()
        driver = self._device.driver
        driver.call("cuModuleGetFunction", byref(function), self._handle, name.encode())
        places = (c_void_p * len(arguments))(*map(addressof, arguments))
        shape = (blocks, 1, 1, threads, 1, 1)
        driver.call("cuLaunchKernel", function, *shape, 0, self._device.stream(), places, None)

    def close(self) -> None:
        """Unload it. May be called twice."""
        if self._handle:
            self._device.driver.call("cuModuleUnload", self._handle)
            self._handle = c_void_p()

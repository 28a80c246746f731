"""The CUDA driver's library, libcuda, by ctypes, and whether this process has touched CUDA at all.

It needs nothing but a driver. Names, numbers and behaviour are those of NVIDIA's CUDA Driver API reference. It has run
against a library of the same ABI (tests/probe/fake_cuda.c) and has not run on a GPU. Nothing here calls cuInit.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import byref, c_char_p, c_int, c_size_t, c_ubyte, c_uint, c_uint64, c_void_p
from typing import Any

__all__ = ["CudaError", "Driver", "driver_version", "initialised", "loaded_libraries", "open_devices"]

_LIBRARY = "libcuda.so.1"
_SUCCESS, _NOT_INITIALIZED, _DEINITIALIZED = 0, 3, 4  # CUresult

# The exported names: cuda.h maps some functions to newer versions of themselves, which a binding has to name.
_PARAMETERS: dict[str, tuple[Any, ...]] = {
    "cuCtxGetCurrent": (c_void_p,),
    "cuCtxSetCurrent": (c_void_p,),
    "cuCtxSynchronize": (),
    "cuDeviceGet": (c_void_p, c_int),
    "cuDeviceGetAttribute": (c_void_p, c_int, c_int),
    "cuDeviceGetCount": (c_void_p,),
    "cuDeviceGetUuid": (c_void_p, c_int),
    "cuDeviceGetUuid_v2": (c_void_p, c_int),
    "cuDevicePrimaryCtxRelease_v2": (c_int,),
    "cuDevicePrimaryCtxRetain": (c_void_p, c_int),
    "cuDriverGetVersion": (c_void_p,),
    "cuEventCreate": (c_void_p, c_uint),
    "cuEventDestroy_v2": (c_void_p,),
    "cuEventElapsedTime": (c_void_p, c_void_p, c_void_p),
    "cuEventRecord": (c_void_p, c_void_p),
    "cuEventSynchronize": (c_void_p,),
    "cuGetErrorName": (c_int, c_void_p),
    "cuInit": (c_uint,),
    "cuLaunchKernel": (c_void_p, *[c_uint] * 7, c_void_p, c_void_p, c_void_p),
    "cuMemAlloc_v2": (c_void_p, c_size_t),
    "cuMemFree_v2": (c_uint64,),
    "cuMemGetInfo_v2": (c_void_p, c_void_p),
    "cuMemcpyDtoH_v2": (c_void_p, c_uint64, c_size_t),
    "cuMemcpyHtoD_v2": (c_uint64, c_void_p, c_size_t),
    "cuMemsetD8Async": (c_uint64, c_ubyte, c_size_t, c_void_p),
    "cuModuleGetFunction": (c_void_p, c_void_p, c_char_p),
    "cuModuleLoadDataEx": (c_void_p, c_char_p, c_uint, c_void_p, c_void_p),
    "cuModuleUnload": (c_void_p,),
}


class CudaError(Exception):
    """A call of the driver API that failed, such as ``cuMemAlloc_v2: CUDA_ERROR_OUT_OF_MEMORY (2)``.

    ``name`` is the error's name; None where there is no driver to give one.
    """

    def __init__(self, call: str, problem: str, name: str | None = None) -> None:
        super().__init__(f"{call}: {problem}")
        self.call = call
        self.name = name


class Driver:
    """The functions of a loaded libcuda."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

    @classmethod
    def load(cls) -> Driver:
        """Load libcuda, which initialises nothing. CudaError where there is none."""
        try:
            return cls(ctypes.CDLL(_LIBRARY))
        except OSError as problem:
            raise CudaError("dlopen", str(problem)) from problem

    def ask(self, name: str, *arguments: Any) -> int:
        """Call a function and return its CUresult. CudaError if this driver does not have the function."""
        try:
            function = getattr(self._library, name)
        except AttributeError:
            raise CudaError(name, "this driver is too old to have it") from None
        if function.argtypes is None:
            function.argtypes = _PARAMETERS[name]
        return int(function(*arguments))

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function; CudaError unless it succeeds."""
        self.check(name, self.ask(name, *arguments))

    def check(self, name: str, code: int, more: str = "") -> None:
        """CudaError of a call that returned ``code``, unless that is success; ``more`` is what else is known."""
        if code != _SUCCESS:
            known = self._error_name(code)
            raise CudaError(name, f"{known or 'CUDA error'} ({code}){more}", known)

    def has(self, name: str) -> bool:
        """Whether this driver has a function."""
        return hasattr(self._library, name)

    def _error_name(self, code: int) -> str | None:
        text = c_char_p()
        if self.ask("cuGetErrorName", code, byref(text)) != _SUCCESS or text.value is None:
            return None  # an error that is newer than the driver's table
        return text.value.decode("ascii", "replace")


def initialised(maps: str = "/proc/self/maps") -> bool | None:
    """Whether CUDA was initialised in this process, by whomever; None where that cannot be told. Initialises nothing.

    A process that has not loaded libcuda has not. One that has is asked for the number of its GPUs, which the driver
    answers with CUDA_ERROR_NOT_INITIALIZED before cuInit. A child that was forked after its parent's cuInit gets the
    same answer: there False means that this process has no CUDA, and not that it could have.
    """
    paths = _mapped(maps)
    if paths is None:
        return None
    answers = {_initialised(path) for path in paths}
    if True in answers:
        return True
    return None if None in answers else False


def _initialised(path: str) -> bool | None:
    loaded = _already_loaded(path) or _already_loaded(_LIBRARY)  # by its name where the file was replaced meanwhile
    if loaded is None:
        return None
    try:
        code = Driver(loaded).ask("cuDeviceGetCount", byref(c_int()))
    except CudaError:
        return None
    return {_SUCCESS: True, _DEINITIALIZED: True, _NOT_INITIALIZED: False}.get(code)


def _already_loaded(name: str) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(name, mode=os.RTLD_NOW | os.RTLD_NOLOAD)
    except OSError:
        return None


def _mapped(maps: str) -> list[str] | None:
    """The files of libcuda in this process's memory; None where /proc does not tell."""
    try:
        with open(maps, "rb") as stream:  # noqa: PTH123 - asked before every case
            lines = stream.read().splitlines()
    except OSError:
        return None
    paths = {line.partition(b"/")[2].replace(b" (deleted)", b"") for line in lines if b"/libcuda.so" in line}
    return sorted("/" + os.fsdecode(path) for path in paths)


def loaded_libraries() -> tuple[str, ...]:
    """The files of libcuda that this process has loaded: one where all is well."""
    return tuple(_mapped("/proc/self/maps") or ())


def driver_version() -> str | None:
    """The newest CUDA that the driver speaks, such as ``12.8``; None without one. Loads libcuda and calls no cuInit."""
    version = c_int()
    try:
        Driver.load().call("cuDriverGetVersion", byref(version))
    except CudaError:
        return None
    return f"{version.value // 1000}.{version.value % 1000 // 10}"


def open_devices(prefix: str = "/dev/nvidia", descriptors: str = "/proc/self/fd") -> tuple[str, ...] | None:
    """What this process has open below ``prefix``, each path once, sorted; None where /proc does not tell.

    cuInit opens /dev/nvidiactl and the device of each GPU; NVML does too, and CUDA need not be initialised then.
    """
    found = set()
    try:
        for number in os.listdir(descriptors):  # noqa: PTH208 - asked before every case
            try:
                path = os.readlink(f"{descriptors}/{number}")  # noqa: PTH115
            except FileNotFoundError:  # the descriptor of the listing itself
                continue
            if path.startswith(prefix):
                found.add(path)
    except OSError:
        return None
    return tuple(sorted(found))

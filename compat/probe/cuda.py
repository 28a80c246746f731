"""A GPU through the CUDA driver API, and whether this process has touched CUDA at all.

A binding of ``libcuda.so.1`` by ctypes: it needs nothing but a driver. Names, numbers and behaviour are those of
NVIDIA's CUDA Driver API reference. It has run against a library of the same ABI (tests/probe/fake_cuda.c) and has not
run on a GPU.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from ctypes import byref, c_char_p, c_float, c_int, c_size_t, c_ubyte, c_uint, c_uint64, c_void_p
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

__all__ = [
    "CudaError",
    "Device",
    "SharedDeviceError",
    "driver_version",
    "initialised",
    "loaded_library",
    "open_devices",
]

_LIBRARY = "libcuda.so.1"

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
    "cuMemAlloc_v2": (c_void_p, c_size_t),
    "cuMemFree_v2": (c_uint64,),
    "cuMemGetInfo_v2": (c_void_p, c_void_p),
    "cuMemsetD8Async": (c_uint64, c_ubyte, c_size_t, c_void_p),
}
_SUCCESS, _NOT_INITIALIZED, _DEINITIALIZED = 0, 3, 4  # CUresult
_L2_CACHE_SIZE, _MPS_ENABLED = 38, 133  # CUdevice_attribute; the second since CUDA 12.3


class CudaError(Exception):
    """A call of the driver API that failed, such as ``cuMemAlloc_v2: CUDA_ERROR_OUT_OF_MEMORY (2)``.

    ``name`` is the error's name; None where there is no driver to give one.
    """

    def __init__(self, call: str, problem: str, name: str | None = None) -> None:
        super().__init__(f"{call}: {problem}")
        self.call = call
        self.name = name


class SharedDeviceError(Exception):
    """A GPU whose contexts the Multi-Process Service (MPS) shares among processes."""


class _Driver:
    """The functions of a loaded libcuda."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

    @classmethod
    def load(cls) -> _Driver:
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
        code = self.ask(name, *arguments)
        if code != _SUCCESS:
            known = self._error_name(code)
            raise CudaError(name, f"{known or 'CUDA error'} ({code})", known)

    def _error_name(self, code: int) -> str | None:
        text = c_char_p()
        if self.ask("cuGetErrorName", code, byref(text)) != _SUCCESS or text.value is None:
            return None  # an error that is newer than the driver's table
        return text.value.decode("ascii", "replace")


class Device:
    """One GPU, by its number among the visible ones, with its primary context current in this thread.

    The primary context is the one that torch and triton use, so events and memory are shared with them. ``close`` gives
    it up; whoever else has retained it keeps it. Every method may raise CudaError; after a fault of a kernel all do.
    SharedDeviceError where its context would be shared through MPS: others' faults would end the case, and their memory
    and time would be its own.
    """

    def __init__(self, ordinal: int = 0) -> None:
        self.ordinal = ordinal
        self._driver = _Driver.load()
        self._open = False
        handle, context, before = c_int(), c_void_p(), c_void_p()
        self._driver.call("cuInit", 0)
        self._driver.call("cuDeviceGet", byref(handle), ordinal)
        self._handle = handle.value
        if self._attribute(_MPS_ENABLED) == 1:
            raise SharedDeviceError(f"GPU {ordinal} is shared by MPS, beside which nothing is measured")
        self._driver.call("cuCtxGetCurrent", byref(before))
        self._before = before.value
        self._driver.call("cuDevicePrimaryCtxRetain", byref(context), self._handle)
        self._open = True
        try:
            self._driver.call("cuCtxSetCurrent", context)
        except CudaError:
            self._driver.ask("cuDevicePrimaryCtxRelease_v2", self._handle)
            raise

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(*(() if kind is None else (CudaError,))):  # the first error is the one to tell
            self.close()

    def close(self) -> None:
        """Make current what was current before, and release the primary context. May be called twice."""
        if self._open:
            self._open = False
            self._driver.call("cuCtxSetCurrent", self._before)
            self._driver.call("cuDevicePrimaryCtxRelease_v2", self._handle)

    @property
    def uuid(self) -> str:
        """As NVML and ``nvidia-smi -L`` spell it: ``GPU-`` and 8-4-4-4-12 digits, ``MIG-`` for a MIG instance.

        cuDeviceGetUuid_v2 (CUDA 11.4 and later) gives the instance's UUID where cuDeviceGetUuid gives its GPU's.
        """
        own = (c_ubyte * 16)()
        self._driver.call("cuDeviceGetUuid", own, self._handle)
        instance = (c_ubyte * 16)()
        try:
            self._driver.call("cuDeviceGetUuid_v2", instance, self._handle)
        except CudaError as problem:
            if problem.name is not None:
                raise
            instance = own
        kind = "GPU" if bytes(instance) == bytes(own) else "MIG"
        digits = bytes(instance).hex()
        return "-".join((kind, digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    @property
    def l2_bytes(self) -> int:
        """Size of the L2 cache in bytes."""
        value = c_int()
        self._driver.call("cuDeviceGetAttribute", byref(value), _L2_CACHE_SIZE, self._handle)
        return value.value

    def _attribute(self, number: int) -> int | None:
        """An attribute that a driver may be too old to know: None then."""
        value = c_int()
        code = self._driver.ask("cuDeviceGetAttribute", byref(value), number, self._handle)
        return value.value if code == _SUCCESS else None

    def memory_info(self) -> tuple[int, int]:
        """Bytes of device memory: free, total. Free is what all processes together have left."""
        free, total = c_size_t(), c_size_t()
        self._driver.call("cuMemGetInfo_v2", byref(free), byref(total))
        return free.value, total.value

    def synchronize(self) -> None:
        """Wait until the GPU has done all that this process asked of it."""
        self._driver.call("cuCtxSynchronize")

    def allocate(self, size: int) -> int:
        """Take ``size`` bytes of device memory, outside torch's allocator; the address."""
        address = c_uint64()
        self._driver.call("cuMemAlloc_v2", byref(address), size)
        return address.value

    def free(self, address: int) -> None:
        """Give memory back."""
        self._driver.call("cuMemFree_v2", address)

    def memset(self, address: int, value: int, size: int) -> None:
        """Write ``size`` bytes of ``value``, in the order of the stream; returns at once."""
        self._driver.call("cuMemsetD8Async", address, value, size, self._stream())

    def create_event(self) -> int:
        """A new event that takes the time; ``destroy_event`` ends it."""
        event = c_void_p()
        self._driver.call("cuEventCreate", byref(event), 0)
        return event.value or 0

    def record(self, event: int) -> None:
        """Let the stream take the time when it gets there; returns at once."""
        self._driver.call("cuEventRecord", event, self._stream())

    def elapsed(self, start: int, end: int) -> float:
        """Seconds from one recorded event to a later one, which is waited for. CUDA promises a step of about 0.5 us."""
        milliseconds = c_float()
        self._driver.call("cuEventSynchronize", end)
        self._driver.call("cuEventElapsedTime", byref(milliseconds), start, end)
        return milliseconds.value * 1e-3

    def destroy_event(self, event: int) -> None:
        """End an event."""
        self._driver.call("cuEventDestroy_v2", event)

    def _stream(self) -> int | None:
        """The stream that torch works on now; the default stream where torch has not begun."""
        cuda = getattr(sys.modules.get("torch"), "cuda", None)
        if cuda is None or not cuda.is_initialized():
            return None
        return int(cuda.current_stream(self.ordinal).cuda_stream) or None


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
        code = _Driver(loaded).ask("cuDeviceGetCount", byref(c_int()))
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


def loaded_library() -> str | None:
    """The file of the libcuda that this process has loaded; None where it has loaded none."""
    return next(iter(_mapped("/proc/self/maps") or ()), None)


def driver_version() -> str | None:
    """The newest CUDA that the driver speaks, such as ``12.8``; None without one. Loads libcuda and calls no cuInit."""
    version = c_int()
    try:
        _Driver.load().call("cuDriverGetVersion", byref(version))
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

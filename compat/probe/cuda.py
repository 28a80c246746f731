"""A GPU through the CUDA driver API, which needs nothing but a driver. It has not run on a GPU: see ``libcuda``."""

from __future__ import annotations

import contextlib
import sys
from ctypes import byref, c_float, c_int, c_size_t, c_ubyte, c_uint64, c_void_p, create_string_buffer
from typing import TYPE_CHECKING

from compat.probe.libcuda import CudaError, Driver

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Device", "SharedDeviceError"]

_SUCCESS = 0  # CUresult
_L2_CACHE_SIZE, _MPS_ENABLED = 38, 133  # CUdevice_attribute; the second since CUDA 12.3


class SharedDeviceError(Exception):
    """A GPU whose contexts the Multi-Process Service (MPS) shares among processes."""


class Device:
    """One GPU, by its number among the visible ones, with its primary context current in this thread.

    The primary context is the one that torch and triton use, so events and memory are shared with them. ``close`` gives
    it up; whoever else has retained it keeps it. Every method may raise CudaError; after a fault of a kernel all do.
    SharedDeviceError where its context would be shared through MPS: others' faults would end the case, and their memory
    and time would be its own.
    """

    def __init__(self, ordinal: int = 0) -> None:
        self.ordinal = ordinal
        self.driver = Driver.load()
        self._open = False
        handle, context, before = c_int(), c_void_p(), c_void_p()
        self.driver.call("cuInit", 0)
        self.driver.call("cuDeviceGet", byref(handle), ordinal)
        self._handle = handle.value
        if self._attribute(_MPS_ENABLED) == 1:
            raise SharedDeviceError(f"GPU {ordinal} is shared by MPS, beside which nothing is measured")
        self.driver.call("cuCtxGetCurrent", byref(before))
        self._before = before.value
        self.driver.call("cuDevicePrimaryCtxRetain", byref(context), self._handle)
        self._open = True
        try:
            self.driver.call("cuCtxSetCurrent", context)
        except CudaError:
            self.driver.ask("cuDevicePrimaryCtxRelease_v2", self._handle)
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
            self.driver.call("cuCtxSetCurrent", self._before)
            self.driver.call("cuDevicePrimaryCtxRelease_v2", self._handle)

    @property
    def uuid(self) -> str:
        """As NVML and ``nvidia-smi -L`` spell it: ``GPU-`` and 8-4-4-4-12 digits, ``MIG-`` for a MIG instance.

        cuDeviceGetUuid_v2 (CUDA 11.4 and later) gives the instance's UUID where cuDeviceGetUuid gives its GPU's.
        """
        own = (c_ubyte * 16)()
        self.driver.call("cuDeviceGetUuid", own, self._handle)
        instance = (c_ubyte * 16)()
        try:
            self.driver.call("cuDeviceGetUuid_v2", instance, self._handle)
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
        self.driver.call("cuDeviceGetAttribute", byref(value), _L2_CACHE_SIZE, self._handle)
        return value.value

    def _attribute(self, number: int) -> int | None:
        """An attribute that a driver may be too old to know: None then."""
        value = c_int()
        code = self.driver.ask("cuDeviceGetAttribute", byref(value), number, self._handle)
        return value.value if code == _SUCCESS else None

    def memory_info(self) -> tuple[int, int]:
        """Bytes of device memory: free, total. Free is what all processes together have left."""
        free, total = c_size_t(), c_size_t()
        self.driver.call("cuMemGetInfo_v2", byref(free), byref(total))
        return free.value, total.value

    def synchronize(self) -> None:
        """Wait until the GPU has done all that this process asked of it."""
        self.driver.call("cuCtxSynchronize")

    def allocate(self, size: int) -> int:
        """Take ``size`` bytes of device memory, outside torch's allocator; the address."""
        address = c_uint64()
        self.driver.call("cuMemAlloc_v2", byref(address), size)
        return address.value

    def free(self, address: int) -> None:
        """Give memory back."""
        self.driver.call("cuMemFree_v2", address)

    def memset(self, address: int, value: int, size: int) -> None:
        """Write ``size`` bytes of ``value``, in the order of the stream; returns at once."""
        self.driver.call("cuMemsetD8Async", address, value, size, self.stream())

    def write(self, address: int, data: bytes) -> None:
        """Copy bytes of the host to device memory; they are there when it returns, for every stream."""
        self.driver.call("cuMemcpyHtoD_v2", address, data, len(data))
        self.synchronize()

    def read(self, address: int, size: int) -> bytes:
        """Copy ``size`` bytes of device memory to the host, after all that the GPU was asked before."""
        self.synchronize()
        data = create_string_buffer(size)
        self.driver.call("cuMemcpyDtoH_v2", data, address, size)
        return data.raw

    def create_event(self) -> int:
        """A new event that takes the time; ``destroy_event`` ends it."""
        event = c_void_p()
        self.driver.call("cuEventCreate", byref(event), 0)
        return event.value or 0

    def record(self, event: int) -> None:
        """Let the stream take the time when it gets there; returns at once."""
        self.driver.call("cuEventRecord", event, self.stream())

    def elapsed(self, start: int, end: int) -> float:
        """Seconds from one recorded event to a later one, which is waited for. CUDA promises a step of about 0.5 us."""
        milliseconds = c_float()
        self.driver.call("cuEventSynchronize", end)
        self.driver.call("cuEventElapsedTime", byref(milliseconds), start, end)
        return milliseconds.value * 1e-3

    def destroy_event(self, event: int) -> None:
        """End an event."""
        self.driver.call("cuEventDestroy_v2", event)

    def stream(self) -> int | None:
        """The stream that torch works on now; the default stream where torch has not begun."""
        cuda = getattr(sys.modules.get("torch"), "cuda", None)
        if cuda is None or not cuda.is_initialized():
            return None
        return int(cuda.current_stream(self.ordinal).cuda_stream) or None

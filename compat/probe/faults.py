"""What an exception becomes: the fault of a case, with the stage in which it happened, in words that can be kept."""

from __future__ import annotations

from compat.model import Fault, FaultKind
from compat.probe import aot, backends
from compat.probe.cuda import SharedDeviceError
from compat.probe.outputs import NonFiniteError

__all__ = ["StageError", "describe", "fault_of"]


class StageError(Exception):
    """An exception with the stage it happened in; the case's own exception is the cause."""

    def __init__(self, stage: str, cause: BaseException) -> None:
        super().__init__(stage)
        self.stage = stage
        self.cause = cause


def fault_of(staged: StageError) -> Fault:
    """The fault that an exception in a stage is."""
    cause = staged.cause
    kind = FaultKind.EXCEPTION
    if isinstance(cause, MemoryError) or _out_of_memory(cause) or _out_of_memory(cause.__cause__):
        kind = FaultKind.OOM
    elif isinstance(cause, SharedDeviceError):
        kind = FaultKind.INFRASTRUCTURE
    elif isinstance(cause, NonFiniteError):
        kind = FaultKind.NONFINITE
    elif isinstance(cause, SystemExit):
        kind = FaultKind.EXIT
    elif isinstance(cause, ImportError) or staged.stage == "import":
        kind = FaultKind.IMPORT
    elif isinstance(cause, backends.BackendError):
        kind = FaultKind.COMPILE
    elif staged.stage == "load":
        kind = FaultKind.LOAD
    elif staged.stage == "compile":
        kind = FaultKind.COMPILE
    elif staged.stage == "report":
        kind = FaultKind.OUTPUT
    if isinstance(cause, aot.CompilationError):  # its text begins with the name of the compiler's own exception
        return Fault(staged.stage, kind, describe(cause).partition(": ")[2])
    return Fault(staged.stage, kind, describe(cause))


def _out_of_memory(cause: BaseException | None) -> bool:
    """Whether it is the memory of the GPU, or torch's way to say that there is none on the host."""
    return (
        getattr(cause, "name", None) == "CUDA_ERROR_OUT_OF_MEMORY"
        or type(cause).__name__ == "OutOfMemoryError"
        or (isinstance(cause, RuntimeError) and "DefaultCPUAllocator: " in str(cause))
    )


def describe(problem: BaseException) -> str:
    """An exception's type and text in one line, of at most 600 characters, that any JSON reader takes."""
    try:
        text = " ".join(str(problem).split())
    except Exception as failed:  # noqa: BLE001 - the exception is somebody else's code
        text = f"its text cannot be had ({type(failed).__name__})"
    text = text[:600].encode("utf-8", "backslashreplace").decode()  # no lone surrogates
    return f"{type(problem).__name__}: {text}" if text else type(problem).__name__

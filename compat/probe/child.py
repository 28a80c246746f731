"""Runs one case in this process and says what became of it. The process is fresh and ends afterwards."""

from __future__ import annotations

import importlib.util
import math
import os
import struct
import sys
import time
from types import ModuleType
from typing import Any

from compat.model import Direction, Fault, FaultKind, Kind, Measurement
from compat.probe import aot, memory
from compat.probe.protocol import FRAMES_LIMIT, CaseRequest, CaseResult, OutputHeader
from compat.probe.timing import latency_samples
from compat.probe.tools import Tools

__all__ = ["describe", "run_case"]

Frames = tuple[bytes, ...]


class _StageError(Exception):
    """An exception with the stage it happened in; the case's own exception is the cause."""

    def __init__(self, stage: str, cause: BaseException) -> None:
        super().__init__(stage)
        self.stage = stage
        self.cause = cause


def load_content(path: str) -> ModuleType:
    """The module at ``path``, loaded under a name of its own that nothing else can import."""
    name = "compat_content_" + os.path.basename(path)[:-3].replace("-", "_")  # noqa: PTH119 - a string is what we got
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # triton looks up the source of a kernel through it
    spec.loader.exec_module(module)
    return module


def run_case(request: CaseRequest) -> tuple[CaseResult, Frames]:
    """Run the case; what it raises becomes its fault, with the stage in which it happened."""
    begin = time.perf_counter()
    resident = memory.resident_bytes()
    inputs = ""
    outputs: tuple[OutputHeader, ...] = ()
    frames: Frames = ()
    measurements: tuple[Measurement, ...] = ()
    notes: list[str] = []
    fault = None
    try:
        module = _staged("import", load_content, request.path)
        if request.tier == "aot":
            measurements = _staged("compile", aot.compile_case, module, request.params)
        else:
            inputs, outputs, frames, measurements = _run_workload(module, request)
            measurements += _own_memory(resident, notes)
    except _StageError as staged:
        fault, measurements, outputs, frames = _fault(staged), (), (), ()
    result = CaseResult(
        id=request.id,
        nonce=request.nonce,
        seconds=time.perf_counter() - begin,
        inputs=inputs,
        measurements=measurements,
        outputs=outputs,
        fault=fault,
        notes=tuple(notes),
    )
    return result, frames


def _staged(stage: str, function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except (Exception, SystemExit) as cause:
        raise _StageError(stage, cause) from cause


def _called(stage: str, module: ModuleType, name: str, *arguments: Any) -> Any:
    """Call a function that the content must have: that there is none is a fault of the stage as well."""
    return _staged(stage, lambda: getattr(module, name)(*arguments))


def _run_workload(
    module: ModuleType, request: CaseRequest
) -> tuple[str, tuple[OutputHeader, ...], Frames, tuple[Measurement, ...]]:
    headers: list[OutputHeader] = []
    frames: list[bytes] = []
    digests = []
    first = None
    for seed in range(request.seeds):
        tools = Tools(seed, request.artifact)
        work = _called("prepare", module, "prepare", request.params, tools)
        values = _staged("run", work)
        first = first or work
        digests.append(tools.inputs_digest())
        _encode_all(values, seed, False, headers, frames)
        if hasattr(module, "reference"):
            tools.restart()
            oracle = _called("reference", module, "reference", request.params, tools)
            _encode_all(oracle, seed, True, headers, frames)
    measurements = []
    if request.timed:
        samples = _staged("run", latency_samples, first)
        measurements.append(Measurement("latency", "s", Direction.LOWER, Kind.SAMPLED, samples))
    if request.extra_metrics:
        tools = Tools(0, request.artifact)
        observed = _called("observe", module, "observe", request.params, tools)
        measurements += _staged("observe", _declared, request.extra_metrics, observed)
    return "/".join(digests), tuple(headers), tuple(frames), tuple(measurements)


def _declared(metrics: tuple[dict[str, Any], ...], observed: dict[str, Any]) -> list[Measurement]:
    """What was observed, in the units and directions that the file declares; more or less than that is an error."""
    names = {metric["name"] for metric in metrics}
    if set(observed) != names:
        raise ValueError(f"observe() returned {sorted(observed)}, METRICS declares {sorted(names)}")
    found = []
    for metric in metrics:
        value = observed[metric["name"]]
        samples = tuple(float(v) for v in value) if isinstance(value, (list, tuple)) else (float(value),)
        if not all(map(math.isfinite, samples)):
            raise ValueError(f"{metric['name']} was observed as {value}, expected finite numbers")
        found.append(
            Measurement(metric["name"], metric["unit"], Direction(metric["direction"]), Kind(metric["kind"]), samples)
        )
    return found


def _own_memory(resident: int | None, notes: list[str]) -> tuple[Measurement, ...]:
    """The case's own host peak: what this process grew by since it began."""
    peak = memory.high_water_bytes()
    if resident is None or peak is None:
        notes.append("memory: /proc/self/status could not be read")
        return ()
    own = float(max(0, peak - resident))
    return (Measurement("memory", "B", Direction.LOWER, Kind.BOUNDED, (own,)),)


def _encode_all(values: Any, seed: int, reference: bool, headers: list[OutputHeader], frames: list[bytes]) -> None:
    stage = "reference" if reference else "run"
    if not isinstance(values, dict):
        cause = TypeError(f"the work returned {type(values).__name__}, expected a dict of names and arrays")
        raise _StageError(stage, cause)
    for name, value in values.items():
        dtype, shape, data = _staged(stage, _encode, value)
        headers.append(OutputHeader(str(name), dtype, shape, seed, reference))
        frames.append(data)
        if not sum(map(len, frames)) <= FRAMES_LIMIT:
            raise _StageError("report", OverflowError(f"outputs of more than {FRAMES_LIMIT} bytes"))


def _encode(value: Any) -> tuple[str, tuple[int, ...], bytes]:
    """An output as (dtype, shape, bytes in C order); text as dtype ``utf-8``."""
    if isinstance(value, str):
        return "utf-8", (), value.encode()
    if isinstance(value, bool):
        return "|b1", (), bytes([value])
    if isinstance(value, int):
        return "<i8", (), struct.pack("<q", value)
    if isinstance(value, float):
        return "<f8", (), struct.pack("<d", value)
    dtype: Any = getattr(value, "dtype", None)
    if getattr(dtype, "kind", None) not in ("b", "i", "u", "f", "c"):
        raise TypeError(f"an output of type {type(value).__name__} ({dtype}) cannot be compared: return a numpy array")
    little = value.astype(dtype.newbyteorder("<"), copy=False)
    return little.dtype.str, tuple(little.shape), little.tobytes()


def _fault(staged: _StageError) -> Fault:
    cause = staged.cause
    kind = FaultKind.EXCEPTION
    if isinstance(cause, MemoryError):
        kind = FaultKind.OOM
    elif isinstance(cause, SystemExit):
        kind = FaultKind.EXIT
    elif isinstance(cause, ImportError) or staged.stage == "import":
        kind = FaultKind.IMPORT
    elif staged.stage == "compile":
        kind = FaultKind.COMPILE
    elif staged.stage == "report":
        kind = FaultKind.OUTPUT
    if isinstance(cause, aot.CompilationError):  # its text begins with the name of the compiler's own exception
        return Fault(staged.stage, kind, describe(cause).partition(": ")[2])
    return Fault(staged.stage, kind, describe(cause))


def describe(problem: BaseException) -> str:
    """An exception's type and text in one line, of at most 600 characters, that any JSON reader takes."""
    try:
        text = " ".join(str(problem).split())
    except Exception as failed:  # noqa: BLE001 - the exception is somebody else's code
        text = f"its text cannot be had ({type(failed).__name__})"
    text = text[:600].encode("utf-8", "backslashreplace").decode()  # no lone surrogates
    return f"{type(problem).__name__}: {text}" if text else type(problem).__name__

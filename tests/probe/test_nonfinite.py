"""NaN and infinity where the reference is a number are the case's own fault; where the reference has them they pass."""

from __future__ import annotations

import pytest

from compat.model import Direction, FaultKind, Kind, Metric
from tests.rig import Rig

CONTENT = """
import numpy as np

def prepare(params, tools):
    values = np.array([[1.0, 2.0], [3.0, {value}]], "{dtype}")
    return lambda: {{"y": values}}

def reference(params, tools):
    return {{"y": np.array([[1.0, 2.0], [3.0, {should}]])}}
"""
RATE = Metric("rate", "1/s", Direction.HIGHER, Kind.EXACT)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64"])
@pytest.mark.parametrize("value", ["np.nan", "np.inf", "-np.inf"])
def test_a_result_that_is_not_finite_is_a_fault(in_place: Rig, value: str, dtype: str) -> None:
    result, _ = in_place.run(CONTENT.format(value=value, should="4.0", dtype=dtype))
    in_place.faults(result, FaultKind.NONFINITE)
    assert result.fault is not None
    assert "1 of 4 elements of y are not finite where the reference is; y[1, 1] is " in result.fault.detail
    assert result.fault.detail.endswith("and should be 4")


def test_it_is_one_in_every_kind_of_runtime(rig: Rig) -> None:
    result, _ = rig.run(CONTENT.format(value="np.nan", should="4.0", dtype="float32"))
    rig.faults(result, FaultKind.NONFINITE)


@pytest.mark.parametrize(
    ("value", "should"), [("np.nan", "np.nan"), ("np.inf", "np.inf"), ("4.0", "4.0"), ("4.0", "np.nan")]
)
def test_what_the_reference_has_passes_through(in_place: Rig, value: str, should: str) -> None:
    result, frames = in_place.run(CONTENT.format(value=value, should=should, dtype="float32"))
    assert result.fault is None
    assert len(frames) == 2  # and the judge compares them


def test_without_a_reference_the_judge_decides(in_place: Rig) -> None:
    source = CONTENT.format(value="np.nan", should="4.0", dtype="float32").partition("def reference")[0]
    assert in_place.run(source)[0].fault is None


def test_a_metric_that_is_not_finite_is_a_fault(rig: Rig) -> None:
    source = "def prepare(params, tools):\n    return lambda: {}\n\n"
    source += "def observe(params, tools):\n    return {'rate': 1e400}\n"
    result, _ = rig.run(source, metrics=(RATE,))
    rig.faults(result, FaultKind.NONFINITE, "observe")


@pytest.mark.parametrize(
    "error",
    [
        "MemoryError()",
        "type('OutOfMemoryError', (RuntimeError,), {})('CUDA out of memory')",
        "RuntimeError('[enforce fail at alloc_cpu.cpp] . DefaultCPUAllocator: can\\'t allocate memory')",
        "type('CudaError', (Exception,), {'name': 'CUDA_ERROR_OUT_OF_MEMORY'})()",
    ],
)
def test_memory_that_is_not_there_has_many_names(in_place: Rig, error: str) -> None:
    in_place.faults(in_place.work(f"raise {error}"), FaultKind.OOM)

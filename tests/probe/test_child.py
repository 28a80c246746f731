from __future__ import annotations

import numpy as np
import pytest

from compat.model import Artifact, Direction, FaultKind, Kind, Measurement, Metric
from compat.probe.protocol import CaseResult
from compat.probe.tools import Tools
from tests.rig import Rig, make_case

LATENCY = Metric("latency", "s", Direction.LOWER, Kind.SAMPLED)
MEMORY = Metric("memory", "B", Direction.LOWER, Kind.BOUNDED)
RATE = Metric("rate", "items/s", Direction.HIGHER, Kind.SAMPLED)
COUNT = Metric("count", "items", Direction.HIGHER, Kind.EXACT)

# What a work may return -> dtype, shape and bytes as they arrive.
VALUES = {
    "text": ("'sömething'", "utf-8", (), "sömething".encode()),
    "true": ("True", "|b1", (), b"\x01"),
    "integer": ("-3", "<i8", (), np.int64(-3).tobytes()),
    "float": ("0.1", "<f8", (), np.float64(0.1).tobytes()),
    "not a number": ("float('nan')", "<f8", (), np.float64("nan").tobytes()),
    "numpy scalar": ("numpy.float32(1.5)", "<f4", (), np.float32(1.5).tobytes()),
    "numpy boolean": ("numpy.array([True, False])", "|b1", (2,), b"\x01\x00"),
    "half": ("numpy.ones((2, 1), 'float16')", "<f2", (2, 1), np.ones(2, "<f2").tobytes()),
    "complex": ("numpy.array([1j], 'complex64')", "<c8", (1,), np.array([1j], "<c8").tobytes()),
    "bytes": ("numpy.arange(3, dtype='uint8')", "|u1", (3,), b"\x00\x01\x02"),
    "big-endian": ("numpy.arange(3, dtype='>i4')", "<i4", (3,), np.arange(3, dtype="<i4").tobytes()),
    "transposed": ("numpy.arange(6).reshape(2, 3).T", "<i8", (3, 2), np.arange(6).reshape(2, 3).T.tobytes()),
    "strided": ("numpy.arange(6)[::-2]", "<i8", (3,), np.arange(6)[::-2].tobytes()),
    "no elements": ("numpy.zeros((0, 4))", "<f8", (0, 4), b""),
    "no dimensions": ("numpy.array(2.5)", "<f8", (), np.float64(2.5).tobytes()),
}


@pytest.mark.parametrize(("value", "dtype", "shape", "data"), VALUES.values(), ids=VALUES.keys())
def test_an_output_arrives_as_it_was_returned(
    in_place: Rig, value: str, dtype: str, shape: tuple[int, ...], data: bytes
) -> None:
    source = f"import numpy\n\ndef prepare(params, tools):\n    return lambda: {{'before': 1, 'value': {value}}}\n"
    result, frames = in_place.run(source)
    assert result.fault is None
    head = result.outputs[1]
    assert (head.name, head.dtype, head.shape, head.seed, head.reference) == ("value", dtype, shape, 0, False)
    assert frames[1] == data


SEEDED = """
def prepare(params, tools):
    values = tools.uniform(params["count"])
    return lambda: {"y": values}

def reference(params, tools):
    return {"y": tools.uniform(params["count"], "float64")}
"""


def test_every_seed_has_its_inputs_and_its_oracle(rig: Rig) -> None:
    result, frames = rig.run(SEEDED, seeds=3, params={"count": 5})
    assert result.fault is None
    heads = [(head.name, head.seed, head.reference, head.dtype) for head in result.outputs]
    assert heads == [("y", seed, oracle, "<f8" if oracle else "<f4") for seed in range(3) for oracle in (False, True)]
    tools = [Tools(seed) for seed in range(3)]
    expected = [one.uniform(5) for one in tools]
    assert frames == tuple(data for y in expected for data in (y.tobytes(), y.astype("<f8").tobytes()))
    assert result.inputs == "/".join(one.inputs_digest() for one in tools)  # the oracle's draws do not count


MEASURED = """
import time

def prepare(params, tools):
    return lambda: time.sleep(0.001) or {}

def observe(params, tools):
    return {"rate": [1.0, 2.5], "count": params["count"]}
"""


def test_metrics_are_measured_as_they_are_declared(rig: Rig) -> None:
    result, _ = rig.run(MEASURED, metrics=[LATENCY, MEMORY, RATE, COUNT], params={"count": 7})
    assert result.fault is None
    found = {one.metric: one for one in result.measurements}
    assert set(found) == {"latency", "memory", "rate", "count"}
    assert found["rate"] == Measurement("rate", "items/s", Direction.HIGHER, Kind.SAMPLED, (1.0, 2.5))
    assert found["count"] == Measurement("count", "items", Direction.HIGHER, Kind.EXACT, (7.0,))
    latency = found["latency"]
    assert (latency.unit, latency.direction, latency.kind) == ("s", Direction.LOWER, Kind.SAMPLED)
    assert 5 <= len(latency.samples) <= 100
    assert min(latency.samples) >= 0.001
    assert found["memory"].samples[0] >= 0


def test_what_is_not_timed_runs_once(in_place: Rig) -> None:
    source = "calls = []\n\ndef prepare(params, tools):\n    return lambda: calls.append(1) or {'calls': len(calls)}\n"
    result, frames = in_place.run(source, metrics=[MEMORY])
    assert [one.metric for one in result.measurements] == ["memory"]
    assert frames == (np.int64(1).tobytes(),)


OBSERVED = {
    "too few": ('{"rate": 1.0}', "ValueError: observe() returned ['rate'], METRICS declares ['count', 'rate']"),
    "too many": ('{"rate": 1.0, "count": 1, "more": 2}', "ValueError: observe() returned"),
    "text": ('{"rate": "fast", "count": 1}', "ValueError: could not convert"),
    "nothing": ("None", "TypeError"),
    "not a number": ('{"rate": [1.0, float("nan")], "count": 1}', "ValueError: rate"),
    "infinite": ('{"rate": float("inf"), "count": 1}', "ValueError: rate"),
}


@pytest.mark.parametrize(("returned", "detail"), OBSERVED.values(), ids=OBSERVED.keys())
def test_what_is_observed_and_was_not_declared_is_a_fault(in_place: Rig, returned: str, detail: str) -> None:
    source = MEASURED.partition("def observe")[0] + f"def observe(params, tools):\n    return {returned}\n"
    result, _ = in_place.run(source, metrics=[RATE, COUNT])
    in_place.faults(result, FaultKind.EXCEPTION, "observe")
    assert result.fault is not None
    assert result.fault.detail.startswith(detail)


def test_declared_metrics_without_observe_are_a_fault(in_place: Rig) -> None:
    result, _ = in_place.run(MEASURED.partition("def observe")[0], metrics=[RATE])
    in_place.faults(result, FaultKind.EXCEPTION, "observe")


def test_a_case_gets_its_artifact(rig: Rig) -> None:
    artifact = Artifact("package==1", "model.bin", "0" * 64)
    place = rig.folders.artifacts / artifact.sha256 / "model.bin"
    place.parent.mkdir(exist_ok=True)
    place.parent.chmod(0o755)
    place.write_bytes(b"weights")
    source = "def prepare(params, tools):\n    return lambda: {'read': open(tools.artifact).read()}\n"
    result, frames = rig.session.run(make_case(artifact=artifact), rig.write(source), place, 10.0)
    assert result.fault is None
    assert frames == (b"weights",)


def _missing(rig: Rig) -> CaseResult:
    return rig.session.run(make_case(), rig.folders.content[0] / "gone.py", None, 10.0)[0]


def test_a_content_file_that_is_gone_is_a_fault(rig: Rig) -> None:
    rig.faults(_missing(rig), FaultKind.IMPORT, "import")


def test_content_is_imported_under_a_name_of_its_own(in_place: Rig) -> None:
    source = "import sys\n\ndef prepare(params, tools):\n    return lambda: {'name': __name__, 'file': __file__}\n"
    result, frames = in_place.run(source)
    assert result.fault is None
    assert frames[0].startswith(b"compat_content_bench_")
    assert frames[1].decode() == str(in_place.folders.content[0] / frames[0].decode()[len("compat_content_") :]) + ".py"

from __future__ import annotations

import numpy as np
import pytest

from compat.model import STANDARD, Artifact, Direction, FaultKind, Kind, Measurement, Metric, Tier
from compat.plan.cases import cases_of
from compat.plan.content import read_file
from compat.probe.child import LOADED
from compat.probe.protocol import CaseResult
from compat.probe.tools import Tools
from tests.rig import Rig, make_case

LATENCY = STANDARD["latency"]
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


def measured(result: CaseResult) -> dict[str, tuple[float, ...]]:
    """The samples by metric; each of the harness's own as the catalogue has it."""
    assert result.fault is None, result.fault
    found = {one.metric: one for one in result.measurements}
    assert len(found) == len(result.measurements)
    for name in found.keys() & STANDARD.keys():
        metric, one = STANDARD[name], found[name]
        assert (one.unit, one.direction, one.kind) == (metric.unit, metric.direction, metric.kind)
    return {name: one.samples for name, one in found.items()}


def test_metrics_are_measured_as_they_are_declared(rig: Rig) -> None:
    result, _ = rig.run(MEASURED, metrics=[LATENCY, RATE, COUNT], params={"count": 7})
    found = measured(result)
    assert {"latency", "memory", "rate", "count"} <= found.keys()
    declared = {one.metric: one for one in result.measurements}
    assert declared["rate"] == Measurement("rate", "items/s", Direction.HIGHER, Kind.SAMPLED, (1.0, 2.5))
    assert declared["count"] == Measurement("count", "items", Direction.HIGHER, Kind.EXACT, (7.0,))
    assert 5 <= len(found["latency"]) <= 100
    assert min(found["latency"]) >= 0.001
    assert found["memory"][0] >= 0


# A content file with every declaration that decides what is measured; what planning promises is what is taken.
FULL = """
'''Everything that a workload may declare.'''
KIND = "model"
TIERS = ("cpu",)
COMPONENTS = ("numpy",)
IMPORTS = ("numpy",)
TOLERANCE = 0.0
ITEMS = "batch"
CASES = {"three": {"batch": 3}}
METRICS = ({"name": "rate", "unit": "items/s", "direction": "higher", "kind": "sampled"},)
ARTIFACT = {"package": "package==1", "path": "model.bin", "sha256": "SHA"}

def prepare(params, tools):
    x = tools.uniform((params["batch"], 4))
    return lambda: {"y": x * 2}

def split(params, tools):
    x = tools.uniform((params["batch"], 4))
    return lambda: {"y": x * 2}

def observe(params, tools):
    return {"rate": 1.0}
""".replace("SHA", "0" * 64)
BARE = "\n".join(line for line in FULL.splitlines() if not line.startswith(("ITEMS", "ARTIFACT", "METRICS", "IMPORTS")))
ELSEWHERE = {"import_time", "memory_cgroup"}  # by the controller, and in containers only


@pytest.mark.parametrize(
    "source",
    [
        FULL,
        FULL.replace('ITEMS = "batch"', "TIMED = False"),
        BARE,
        FULL.partition("def split")[0] + FULL[FULL.index("def observe") :],
    ],
    ids=["everything", "not timed", "bare", "without split"],
)
def test_what_planning_promises_is_what_is_measured(rig: Rig, source: str) -> None:
    path = rig.write(source)
    (case,) = cases_of(read_file(path, kernel=False), {Tier.CPU})
    result, _ = rig.session.run(case, path, None if case.artifact is None else path, 20.0)
    promised = {metric.name for metric in case.metrics}
    found = measured(result)
    assert found.keys() <= promised
    assert promised - found.keys() <= ELSEWHERE
    assert ("memory_cgroup" in found) == (rig.kind == "container")


SLEEPY = """
import time

def prepare(params, tools):
    time.sleep(0.05)
    calls = []
    def work():
        calls.append(1)
        time.sleep(0.03 if len(calls) == 1 else 0.002)
        return {}
    return work

ITEMS = 6
"""


def test_the_first_call_and_loading_are_apart_from_the_steady_state(in_place: Rig) -> None:
    path = in_place.write(SLEEPY)
    case = make_case(metrics=(LATENCY,), artifact=Artifact("package==1", "model.bin", "0" * 64))
    found = measured(in_place.session.run(case, path, path, 20.0)[0])
    assert found["load_time"][0] >= 0.05
    assert found["first_call"][0] >= 0.03
    assert found["latency"][len(found["latency"]) // 2] < 0.02
    assert found["throughput"] == tuple(6 / seconds for seconds in found["latency"])


def test_what_is_not_timed_is_called_twice(in_place: Rig) -> None:
    source = "calls = []\n\ndef prepare(params, tools):\n    return lambda: calls.append(1) or {'calls': len(calls)}\n"
    source += "\ndef observe(params, tools):\n    return {'count': len(calls)}\n"
    result, frames = in_place.run(source, metrics=[COUNT])
    found = measured(result)
    assert found.keys() == {"nondeterministic", "memory", "memory_virtual", "count"}
    assert frames == (np.int64(1).tobytes(),)  # what the first call returned is compared between the arms
    assert (found["count"], found["nondeterministic"]) == ((2.0,), (1.0,))


UNSTEADY = """
import numpy

def prepare(params, tools):
    calls = []
    def work():
        calls.append(1)
        y = numpy.full((2, 3), numpy.nan)
        y[0, : params["changing"]] = len(calls)
        return {"y": y, "same": "text"}
    return work
"""


@pytest.mark.parametrize("changing", [0, 1, 3])
def test_elements_that_change_from_call_to_call_are_counted(rig: Rig, changing: int) -> None:
    result, _ = rig.run(UNSTEADY, params={"changing": changing})
    assert measured(result)["nondeterministic"] == (float(changing),)


SPLIT = """
import numpy

def prepare(params, tools):
    x = tools.uniform((4, 3))
    return lambda: {"y": x * 2, "sum": x.sum()}

def split(params, tools):
    x = tools.uniform((params.get("rows", 4), 3))
    rows = [x[n] * (2 if n else params["factor"]) for n in range(len(x))]
    return lambda: {"y": numpy.stack(rows), "sum": x.sum()}
"""


@pytest.mark.parametrize(("factor", "wrong"), [(2, 0), (3, 3)])
def test_a_batch_that_is_split_is_compared_with_the_whole(rig: Rig, factor: int, wrong: int) -> None:
    result, frames = rig.run(SPLIT, params={"factor": factor}, seeds=2)
    assert measured(result)["batch_mismatches"] == (float(wrong),)
    assert len(frames) == 4  # what split returns is not sent


@pytest.mark.parametrize("params", [{"factor": 2, "rows": 3}, {}], ids=["other inputs", "an exception"])
def test_a_split_that_fails_is_a_fault_of_its_own_stage(in_place: Rig, params: dict[str, int]) -> None:
    result, _ = in_place.run(SPLIT, params=params)
    in_place.faults(result, FaultKind.EXCEPTION, "split")


def test_a_split_from_elsewhere_is_none(in_place: Rig) -> None:
    source = "from numpy import split\n\ndef prepare(params, tools):\n    return lambda: {}\n"
    assert "batch_mismatches" not in measured(in_place.run(source)[0])


def test_memory_that_a_split_takes_is_not_the_case_s(in_place: Rig) -> None:
    source = "def prepare(params, tools):\n    return lambda: {}\n"
    split = "\ndef split(params, tools):\n    block = b'x' * (64 << 20)\n    return lambda: {}\n"
    assert measured(in_place.run(source + split)[0])["memory"][0] < 16 << 20


def test_what_is_interpreted_has_neither_speed_nor_memory_of_its_own(in_place: Rig) -> None:
    path = in_place.write(FULL)
    artifact = Artifact("package==1", "model.bin", "0" * 64)
    case = make_case(tier=Tier.INTERPRETED, metrics=(LATENCY,), artifact=artifact, params={"batch": 3})
    result, _ = in_place.session.run(case, path, path, 20.0)
    assert measured(result).keys() == {"nondeterministic", "batch_mismatches"}
    assert result.notes == ("what is interpreted has no speed: latency is not measured",)


TOLD = """
import numpy

def prepare(params, tools):
    tools.took("attention", "flash" if tools.seed else "math")
    tools.loaded({"b": numpy.zeros(2), "a": numpy.ones((1, 2), "f4")})
    def work():
        tools.took("transport", "shm")
        return {"y": 1}
    return work
"""


def test_what_a_case_loaded_and_took_is_told(rig: Rig) -> None:
    result, frames = rig.run(TOLD, seeds=2)
    assert result.fault is None
    heads = [(head.name, head.seed, head.dtype) for head in result.outputs]
    assert heads == [(name, seed, dtype) for seed in (0, 1) for name, dtype in (("y", "<i8"), (LOADED, "utf-8"))]
    tools = Tools(0)
    tools.loaded({"b": np.zeros(2), "a": np.ones((1, 2), "f4")})
    assert frames[1].decode() == frames[3].decode() == tools.inventory()
    assert result.took == {"attention": "flash", "transport": "shm"}


def test_an_output_with_the_name_of_the_loaded_tensors_is_refused(in_place: Rig) -> None:
    result, _ = in_place.run(TOLD.replace('"y": 1', f'"{LOADED}": 1'))
    in_place.faults(result, FaultKind.EXCEPTION)


OBSERVED = {
    "too few": ('{"rate": 1.0}', "ValueError: observe() returned ['rate'], METRICS declares ['count', 'rate']"),
    "too many": ('{"rate": 1.0, "count": 1, "more": 2}', "ValueError: observe() returned"),
    "text": ('{"rate": "fast", "count": 1}', "ValueError: could not convert"),
    "nothing": ("None", "TypeError"),
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

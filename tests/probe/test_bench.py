"""Which bench measures what on a GPU, with a driver of libcuda's ABI; on a CPU test_child.py asks the real thing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.model import STANDARD, Case, FaultKind, Runtime, Tier
from compat.probe.protocol import CaseResult
from compat.run.in_place import InPlaceRuntime
from compat.run.runtime import Folders
from compat.run.session import Session, Work
from tests.probe.fake_cuda import Cuda, compile_library
from tests.rig import make_case, make_folders

LATENCY = STANDARD["latency"]

# A kernel that takes 200 us with a cold cache and 10 with a warm one, and leaves `leak` bytes of host memory behind.
CASE = """
COMPONENTS = ({component!r},)
import ctypes
kept = []

def prepare(params, tools):
    fake = ctypes.CDLL("libcuda.so.1")
    fake.fake_launch.argtypes = [ctypes.c_void_p, ctypes.c_longlong, ctypes.c_longlong]
    def work():
        swing = 1 + params.get("unsteady", 0) * (len(kept) % 2)
        fake.fake_launch(None, 200_000 * swing, 10_000 * swing)
        kept.append(b"x" * params["leak"])
        return {{"y": 1}}
    return work
"""


@pytest.fixture
def cuda(tmp_path: Path) -> Cuda:
    folder = tmp_path / "library"
    folder.mkdir()
    return Cuda(compile_library(folder), tmp_path)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return make_folders(tmp_path)


def write(folders: Folders, component: str = "numpy") -> Path:
    path = folders.content[0] / "kernel.py"
    path.write_text(CASE.format(component=component), encoding="utf-8")
    return path


@pytest.fixture
def session(cuda: Cuda, folders: Folders) -> Iterator[Session]:
    found = Session(InPlaceRuntime(Runtime("gpu", env=cuda.env), folders), ("numpy",))
    yield found
    found.close()


def gpu_case(leak: int = 0, timed: bool = True, **params: int) -> Case:
    return make_case(tier=Tier.GPU, metrics=(LATENCY,) if timed else (), params={"leak": leak, **params})


def measured(result: CaseResult) -> dict[str, tuple[float, ...]]:
    assert result.fault is None, result.fault
    return {one.metric: one.samples for one in result.measurements}


def test_a_gpu_s_case_is_timed_by_its_events(session: Session, folders: Folders) -> None:
    found = measured(session.run(gpu_case(), write(folders), None, 60.0)[0])
    assert found.keys() >= {"latency", "first_call", "leak", "memory", "memory_private", "memory_virtual"}
    # Never the 10 us of a warm cache; on a busy machine the host may come late with a launch, which counts.
    assert 199e-6 <= sorted(found["latency"])[len(found["latency"]) // 2] < 2e-3
    assert found["leak"][0] < 1024


def test_a_gpu_s_work_that_never_settles_is_noted(session: Session, folders: Folders) -> None:
    for unsteady in (0, 1):
        result, _ = session.run(gpu_case(unsteady=unsteady), write(folders), None, 60.0)
        assert result.fault is None, result.fault
        assert any(note.startswith("latency: the work did not settle") for note in result.notes) is bool(unsteady)


def test_a_leak_of_host_memory_is_found_on_a_gpu_too(session: Session, folders: Folders) -> None:
    found = measured(session.run(gpu_case(leak=65536), write(folders), None, 60.0)[0])
    assert found["leak"][0] == pytest.approx(65536, rel=0.1)


def test_what_a_context_takes_is_measured_where_it_is_asked_for(session: Session, folders: Folders, cuda: Cuda) -> None:
    works = [Work(gpu_case(timed=False), write(folders), None, 60.0, look) for look in (True, False, False)]
    first, *others = (measured(answer.result) for answer in session.run_group(works))
    assert first["memory_context"][0] > 0
    assert all("memory_context" not in found for found in others)
    assert len(cuda.callers()["cuInit"]) == 2  # the group's process, and the one that made a context to be measured


def test_what_a_context_takes_of_the_host_is_no_case_s_own(cuda: Cuda, folders: Folders) -> None:
    """The first case of a process makes it, and every case that runs alone is the first."""
    runtime = InPlaceRuntime(Runtime("gpu", env={**cuda.env, "FAKE_CUDA_HOST": str(100 << 20)}), folders)
    session = Session(runtime, ("numpy",))
    try:
        works = [Work(gpu_case(timed=False), write(folders), None, 60.0)] * 2
        first, second = (measured(answer.result)["memory"][0] for answer in session.run_group(works))
        assert first < 16 << 20
        assert second == pytest.approx(first, abs=8 << 20)
    finally:
        session.close()


@pytest.mark.parametrize(("mps", "refused"), [(1, True), (0, False), (-1, False)], ids=["on", "off", "not told"])
def test_a_gpu_that_mps_shares_is_refused(cuda: Cuda, folders: Folders, mps: int, refused: bool) -> None:
    """A fault of others could end the case, and its memory and its time would be theirs as well."""
    runtime = InPlaceRuntime(Runtime("gpu", env={**cuda.env, "FAKE_CUDA_MPS": str(mps)}), folders)
    session = Session(runtime, ())
    try:
        result, _ = session.run(gpu_case(timed=False), write(folders), None, 60.0)
    finally:
        session.close()
    assert (result.fault is not None) is refused
    if result.fault is not None:
        assert (result.fault.kind, result.fault.stage) == (FaultKind.INFRASTRUCTURE, "start")
        assert "MPS" in result.fault.detail
        assert "cuDevicePrimaryCtxRetain" not in cuda.callers()


def test_torch_s_allocator_is_read_of_what_exercises_torch(session: Session, folders: Folders) -> None:
    result, _ = session.run(gpu_case(timed=False), write(folders, "torch"), None, 60.0)
    assert "memory_allocated" not in measured(result)  # torch is not imported here: there is nothing to read


def test_a_process_keeps_its_device_and_gives_its_memory_back(session: Session, folders: Folders, cuda: Cuda) -> None:
    measured(session.run(gpu_case(), write(folders), None, 60.0)[0])
    calls = [call.split()[0] for call in cuda.calls()]
    assert calls.count("cuDevicePrimaryCtxRetain") == 1  # and released with the process
    assert calls.count("cuDevicePrimaryCtxRelease_v2") == 0
    assert calls.count("cuMemAlloc_v2") == calls.count("cuMemFree_v2")


def test_without_a_driver_a_gpu_s_case_is_a_fault_of_its_start(folders: Folders) -> None:
    session = Session(InPlaceRuntime(Runtime("none"), folders), ())
    try:
        result, _ = session.run(gpu_case(), write(folders), None, 60.0)
        assert result.fault is not None
        assert (result.fault.kind, result.fault.stage) == (FaultKind.EXCEPTION, "start")
        assert result.fault.detail.startswith("CudaError: dlopen: ")
        assert result.measurements == ()
    finally:
        session.close()

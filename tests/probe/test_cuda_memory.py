"""Device memory: contexts of real processes on a model of a GPU, and a model of torch's caching allocator."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from compat.model import STANDARD, Measurement
from compat.probe.cuda_memory import AllocatorStart, allocator_peaks, restart_peaks
from tests.probe.fake_cuda import Cuda, compile_library

MIB = 2**20
CONTEXT = """
notes = []
with Device() as device:
    found = context_memory(device, notes)
answer = [[[m.metric, m.unit, m.kind.value, list(m.samples)] for m in found], notes]
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_library(tmp_path_factory.mktemp("library"))


@pytest.fixture
def cuda(library: Path, tmp_path: Path) -> Cuda:
    return Cuda(library, tmp_path)


@pytest.mark.parametrize("size", [300 * MIB, 517 * MIB])
def test_a_context_is_measured_by_another_process_that_makes_one(cuda: Cuda, size: int) -> None:
    found = cuda.run(CONTEXT, FAKE_CUDA_CONTEXT=size)
    assert found == [[["memory_context", "B", "bounded", [size]]], []]
    assert len(cuda.callers()["cuInit"]) == 2


def test_a_gpu_for_one_process_has_no_second_context(cuda: Cuda) -> None:
    found, notes = cuda.run(CONTEXT, FAKE_CUDA_EXCLUSIVE=1)
    assert found == []
    (note,) = notes
    assert note.startswith("memory_context: another process could not make a context: ")
    assert note.endswith("CudaError: cuDevicePrimaryCtxRetain: CUDA_ERROR_DEVICE_UNAVAILABLE (46)")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_gpu_that_is_not_alone_has_no_figure(cuda: Cuda, when: str) -> None:
    """Another process takes memory while the context is made, or gives some back."""
    code = f"""
import compat.probe.cuda_memory as module
opened, blocks = module._says_open, []

def somebody_else(other):
    answer = opened(other)
    blocks.append(device.allocate({64 * MIB})) if {when == "before"} else device.free(blocks.pop())
    return answer

module._says_open = somebody_else
notes = []
with Device() as device:
    if {when == "after"}:
        blocks.append(device.allocate({500 * MIB}))
    found = context_memory(device, notes)
answer = [list(found), notes]
"""
    note = "memory_context: the GPU's free memory changed while a context was made: it was not alone"
    assert cuda.run(code) == [[], [note]]


def test_a_context_that_takes_nothing_is_not_believed(cuda: Cuda) -> None:
    note = "memory_context: the GPU's free memory does not show what a context takes"
    assert cuda.run(CONTEXT, FAKE_CUDA_CONTEXT=0) == [[], [note]]


class Gpu:
    """A GPU's memory as torch's caching allocator keeps it: blocks of 512 bytes in segments of 2 MiB that are kept."""

    def __init__(self) -> None:
        self.blocks: list[int] = []
        self.reserved = 0
        self.allocated_peak = self.reserved_peak = 0

    def allocate(self, size: int) -> None:
        self.blocks.append(-(-size // 512) * 512)
        need = -(-sum(self.blocks) // (2 * MIB)) * 2 * MIB
        self.reserved = max(self.reserved, need)
        self.allocated_peak = max(self.allocated_peak, sum(self.blocks))
        self.reserved_peak = max(self.reserved_peak, self.reserved)

    def free(self) -> None:
        self.blocks.pop()

    def empty_cache(self) -> None:
        self.reserved = -(-sum(self.blocks) // (2 * MIB)) * 2 * MIB

    def reset(self) -> None:
        self.allocated_peak, self.reserved_peak = sum(self.blocks), self.reserved


class Torch(types.ModuleType):
    """torch, as far as its allocator is asked, with GPUs of its own."""

    def __init__(self, gpus: int = 1) -> None:
        super().__init__("torch")
        self.gpus = [Gpu() for _ in range(gpus)]
        self.workspace = False
        self.initialised = True
        self.cuda = types.SimpleNamespace(
            is_initialized=lambda: self.initialised,
            device_count=lambda: len(self.gpus),
            empty_cache=lambda: [gpu.empty_cache() for gpu in self.gpus],
            reset_peak_memory_stats=lambda number: self.gpus[number].reset(),
            memory_allocated=lambda number: sum(self.gpus[number].blocks),
            memory_reserved=lambda number: self.gpus[number].reserved,
            max_memory_allocated=lambda number: self.gpus[number].allocated_peak,
            max_memory_reserved=lambda number: self.gpus[number].reserved_peak,
        )
        self._C = types.SimpleNamespace(_cuda_clearCublasWorkspaces=self.clear_workspaces)

    def matmul(self, size: int) -> None:
        """Work that needs cuBLAS's workspace, which stays."""
        if not self.workspace:
            self.workspace = True
            self.gpus[0].allocate(8 * MIB)
        self.gpus[0].allocate(size)
        self.gpus[0].free()

    def clear_workspaces(self) -> None:
        if self.workspace:
            self.workspace = False
            self.gpus[0].blocks.remove(8 * MIB)


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> Torch:
    found = Torch()
    monkeypatch.setitem(sys.modules, "torch", found)
    return found


def peaks(allocated: int, reserved: int) -> tuple[Measurement, ...]:
    values = {"memory_allocated": allocated, "memory_reserved": reserved}
    metrics = [STANDARD[name] for name in values]
    return tuple(Measurement(m.name, m.unit, m.direction, m.kind, (float(values[m.name]),)) for m in metrics)


def test_without_torch_nothing_is_measured(monkeypatch: pytest.MonkeyPatch, torch: Torch) -> None:
    notes: list[str] = []
    torch.initialised = False
    assert (restart_peaks(), allocator_peaks(AllocatorStart(), notes)) == (AllocatorStart(), ())
    monkeypatch.delitem(sys.modules, "torch")
    assert (restart_peaks(), allocator_peaks(AllocatorStart(), notes)) == (AllocatorStart(), ())
    assert notes == []


def test_a_case_that_is_the_first_to_use_the_gpu(torch: Torch) -> None:
    torch.initialised = False
    start = restart_peaks()
    torch.initialised = True
    torch.gpus[0].allocate(3 * MIB)
    torch.gpus[0].free()
    notes: list[str] = []
    assert allocator_peaks(start, notes) == peaks(3 * MIB, 4 * MIB)
    assert notes == []


def test_cases_of_a_group_have_the_same_peaks_in_any_order(torch: Torch) -> None:
    sizes, found = [5 * MIB, 1 * MIB, 5 * MIB, 3 * MIB, 1 * MIB], []
    for size in sizes:
        start = restart_peaks()
        torch.matmul(size)
        notes: list[str] = []
        found.append(allocator_peaks(start, notes))
        assert notes == []
    assert found == [peaks(8 * MIB + size, -(-(8 * MIB + size) // (2 * MIB)) * 2 * MIB) for size in sizes]


def test_what_earlier_cases_left_is_not_a_case_s_own_and_is_said(torch: Torch) -> None:
    torch.gpus[0].allocate(6 * MIB)  # a tensor that a module keeps
    start = restart_peaks()
    torch.gpus[0].allocate(4 * MIB)
    notes: list[str] = []
    assert allocator_peaks(start, notes) == peaks(4 * MIB, 4 * MIB)
    assert notes == [f"memory_reserved: earlier cases left {6 * MIB} bytes on GPU 0"]


def test_a_torch_without_the_private_function_is_measured_all_the_same(torch: Torch) -> None:
    del torch._C._cuda_clearCublasWorkspaces
    start = restart_peaks()
    torch.gpus[0].allocate(4 * MIB)
    assert allocator_peaks(start, []) == peaks(4 * MIB, 4 * MIB)


def test_the_gpu_that_was_used_most_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = Torch(gpus=2)
    monkeypatch.setitem(sys.modules, "torch", torch)
    start = restart_peaks()
    torch.gpus[0].allocate(2 * MIB)
    torch.gpus[1].allocate(8 * MIB)
    assert allocator_peaks(start, []) == peaks(8 * MIB, 8 * MIB)

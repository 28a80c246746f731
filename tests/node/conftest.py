"""The compiled library, once for all tests of the node, and the example as work for its GPUs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.example import write_example
from tests.node.fake import compile_library, needs_no_driver
from tests.probe import fake_cuda


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a whole NVML."""
    return compile_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def example(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example as work for one GPU, which NVML and CUDA know."""
    needs_no_driver()
    matrix = write_example(tmp_path, ring=", gpus: 1")
    matrix.write_text(matrix.read_text().replace("tiers: [cpu]", "tiers: [gpu]"))
    workload = tmp_path / "site/workloads/adder.py"
    workload.write_text(workload.read_text().replace('("cpu",)', '("gpu",)'))
    (tmp_path / "cuda").mkdir()
    for name, value in fake_cuda.Cuda(fake_cuda.compile_library(tmp_path / "cuda"), tmp_path).env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{library}:{tmp_path / 'cuda'}")
    return tmp_path

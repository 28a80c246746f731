"""The PTX of workloads/cuda_ptx.py, assembled by the ptxas of the oldest and of the newest CUDA."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import pytest

from compat.plan.lacking import assembler_of
from compat.plan.support.tables import load_tables
from compat.run.artifacts import fetch_artifact

from .conftest import ROOT


@pytest.fixture(scope="module")
def workload() -> Any:
    spec = importlib.util.spec_from_file_location("content", ROOT / "workloads" / "cuda_ptx.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.network
@pytest.mark.parametrize(
    ("cuda", "target", "refused"),
    [
        ("12.0", "sm_75", ""),
        ("12.0", "sm_90", ""),
        ("13.5", "sm_75", ""),
        ("13.5", "sm_120", ""),
        ("12.0", "sm_70", "SM version specified by .target is higher than default SM version assumed"),
    ],
)
def test_every_gpu_since_turing_can_have_it(
    workload: Any, runtime_cache: Path, tmp_path: Path, cuda: str, target: str, refused: str
) -> None:
    assembler = assembler_of(cuda, load_tables())
    assert assembler is not None
    ptxas = fetch_artifact(assembler, runtime_cache / "artifacts")
    (tmp_path / "kernel.ptx").write_text(workload.ptx("turned"), encoding="ascii")
    command = [str(ptxas), f"--gpu-name={target}", "-o", str(tmp_path / "cubin"), str(tmp_path / "kernel.ptx")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) is bool(refused), done.stderr
    assert refused in done.stderr
    assert refused or b"turned" in (tmp_path / "cubin").read_bytes()

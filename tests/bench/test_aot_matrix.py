"""An ahead-of-time matrix of 900 compilations: how long it takes cold, and again from the cache."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from compat.model import Tier
from compat.plan import build_plan, load_matrix

from .conftest import Record

ROOT = Path(__file__).parents[2]
MATRIX = """\
name: assembled
axes: {runtime: [older, newer]}
known_good: {runtime: older}
candidate: {runtime: newer}
runtimes:
  older: {requirements: ["triton==3.8.0"], cuda: "12.9"}
  newer: {requirements: ["triton==3.9.0"], cuda: "13.0"}
workloads:
  - {select: "kernel:[a-m]*", targets: [sm_75, sm_80, sm_86, sm_89, sm_90, sm_100, sm_120], timeout: 2m}
rings:
  - {name: canary, tiers: [aot], budget: 2h}
"""


@pytest.mark.network
@pytest.mark.figures("kernels.aot_units", "kernels.aot_matrix_s", "kernels.aot_again_s")
def test_the_matrix_cold_and_again(tmp_path: Path, runtime_cache: Path, record: Record) -> None:
    """Runtimes are there before the clock starts. The second run has a new store: all it has is the cache."""
    matrix = tmp_path / "assembled.yaml"
    matrix.write_text(MATRIX, encoding="utf-8")
    plan = build_plan(load_matrix(matrix), compat_version="0")
    compiled = [item for item in plan.items if item.case.tier is Tier.AOT]
    record("kernels.aot_units", float(2 * len(compiled)))
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "runtimes").symlink_to(_runtimes(matrix, tmp_path, runtime_cache), target_is_directory=True)
    record("kernels.aot_matrix_s", _run(matrix, tmp_path / "first", cache, "*"))
    record("kernels.aot_again_s", _run(matrix, tmp_path / "second", cache, "*"))


def _runtimes(matrix: Path, folder: Path, runtime_cache: Path) -> Path:
    """Both runtimes, installed by a run of one case."""
    _run(matrix, folder / "warm", runtime_cache, "*layer_norm[fp16-1024-sm_80]")
    return runtime_cache.resolve() / "runtimes"


def _run(matrix: Path, store: Path, cache: Path, case: str) -> float:
    begin = time.monotonic()
    command = [sys.executable, "-m", "compat", "run", str(matrix), "--engine", "venv", "--store", str(store)]
    command += ["--cache", str(cache), "--case", case]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1, 10), done.stdout[-2000:] + done.stderr
    return time.monotonic() - begin

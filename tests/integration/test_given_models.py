"""A model that is a line in the matrix, through the command: a real ONNX file in real runtimes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from compat.paths import content_folder
from compat.plan.content import read_file
from compat.run.artifacts import fetch_artifact

MATRIX = """\
name: given
axes:
  runtime: [before, after]
  model: [detector]
known_good: {runtime: before}
candidate: {runtime: after}
models:
  detector: {onnx: files/detector.onnx, sizes: {input.0: 3, input.1: 576, state.1: 3}}
runtimes:
  before: {requirements: ["onnxruntime==1.23.1", "numpy==2.2.6"]}
  after: {requirements: ["onnxruntime==1.23.2", "numpy==2.2.6"]}
workloads:
  - {select: "model:detector"}
rings:
  - {name: canary, tiers: [cpu], budget: 5m}
policy: {latency: {gate: false}}
"""

pytestmark = pytest.mark.network


def compat(folder: Path, *words: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "compat", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path, runtime_cache: Path) -> Path:
    """The matrix with its model beside it."""
    artifact = read_file(content_folder("workloads") / "silero_vad.py", kernel=False).artifact
    assert artifact is not None
    (tmp_path / "files").mkdir()
    shutil.copy(fetch_artifact(artifact, runtime_cache / "artifacts"), tmp_path / "files" / "detector.onnx")
    (tmp_path / "given.yaml").write_text(MATRIX)
    return tmp_path


def test_a_line_is_enough_to_compare_a_model(folder: Path) -> None:
    code, said = compat(folder, "run", "given.yaml", "--engine", "venv")
    assert code == 0, said
    verdict = json.loads((folder / "out" / "given" / "verdict.json").read_text())
    assert verdict["decision"] == "GO"
    assert "of 2 cases on 1 node are fine" in said  # the graph optimised, and as it is
    # What was judged is repeated from the cache, also where the file is gone.
    shutil.rmtree(folder / "files")
    code, said = compat(folder, "case", "out/given", "*as-given*", "--repeat", "2")
    assert code == 0, said


def test_a_size_that_no_input_has_is_said(folder: Path) -> None:
    path = folder / "given.yaml"
    path.write_text(path.read_text().replace("state.1", "stat.1"))
    code, said = compat(folder, "run", "given.yaml", "--engine", "venv")
    assert code == 10, said
    assert "sizes names stat.1, the model's are " in said

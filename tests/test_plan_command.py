"""``compat plan``, where a bad upgrade ends: what it costs, whether it can reach GO, and what would help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.example import write_example

FLAGSHIP = """
name: torch-2.10-to-2.11
axes:
  driver: ["570.172.08"]
  runtime: [torch-2.10, torch-2.11]
known_good: {runtime: torch-2.10}
candidate: {runtime: torch-2.11}
runtimes:
  torch-2.10: {base: "debian:bookworm", requirements: ["torch==2.10.0", "numpy==2.2.6"]}
  torch-2.11: {base: "debian:bookworm", requirements: ["torch==2.11.0", "numpy==2.2.6"]}
workloads: [{select: "operator:torch_matmul"}]
rings:
  - {name: canary, tiers: [TIERS], nodes: {gpu: ["NVIDIA H100 80GB HBM3"]}}
"""


def run(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "COLUMNS": "300", **variables}
    return subprocess.run([sys.executable, "-m", *words], cwd=cwd, env=env, capture_output=True, text=True, check=False)


def flagship(folder: Path, tiers: str = "static", change: str = "") -> Path:
    """Write the matrix; ``change`` is ``OLD => NEW``."""
    text = FLAGSHIP.replace("TIERS", tiers)
    if change:
        old, new = change.split(" => ")
        assert old in text
        text = text.replace(old, new)
    path = folder / "flagship.yaml"
    path.write_text(text)
    return path


def test_the_tables_alone_make_it_no_go_before_a_gpu_minute_is_spent(tmp_path: Path) -> None:
    flagship(tmp_path, "static, gpu")
    done = run("compat", "plan", "flagship.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    (line,) = [line for line in done.stdout.splitlines() if "static:cuda-driver: the tables refuse" in line]
    assert "CUDA 13.0 on driver 570.172.08: below the floor 580" in line
    assert (
        "ok would be driver 580 or later, or cuda-compat of CUDA 13.0 on base branch 570, on data-centre cards" in line
    )
    assert "CUDA 13.1 release notes, minor version compatibility (checked 2026-11)" in line


@pytest.mark.parametrize("how", ["compat", "pytest"])
def test_a_ring_of_tables_alone_is_judged_without_running_anything(tmp_path: Path, how: str) -> None:
    flagship(tmp_path)
    words = (
        ("compat", "run", "flagship.yaml")
        if how == "compat"
        else ("pytest", "flagship.yaml", "--compat-ring", "canary")
    )
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "below the floor 580" in done.stdout
    verdict = json.loads((tmp_path / "out/torch-2.10-to-2.11/verdict.json").read_text())
    assert verdict["decision"] == "NO-GO"
    assert [(window["value"], window["over"]) for window in verdict["support_window"]] == [("570.172.08", True)]
    (failed,) = [found for found in verdict["failed"] if found["status"] == "regress"]
    assert failed["metric"] == "static:cuda-driver"


@pytest.mark.parametrize(
    "change",
    [
        '["570.172.08"] => ["580.95.05"]',
        '"torch==2.11.0", "numpy==2.2.6"]} => "torch==2.11.0", "numpy==2.2.6"], cuda_compat: true}',
    ],
)
def test_what_it_proposes_is_no_longer_refused(tmp_path: Path, change: str) -> None:
    flagship(tmp_path, change=change)
    done = run("compat", "run", "flagship.yaml", cwd=tmp_path)
    assert done.returncode == 10, done.stdout  # the tables alone never make a ring GO
    assert "the tables alone never make a ring GO" in done.stdout
    assert "regress" not in done.stdout


def test_what_a_plan_costs_follows_from_an_earlier_run(tmp_path: Path) -> None:
    write_example(tmp_path)
    first = run("compat", "plan", "example.yaml", "--content", "site", cwd=tmp_path)
    assert (first.returncode, first.stderr) == (0, "")
    assert "how long that takes is not known" in first.stdout
    assert "chance of GO if nothing changed: 99.9 %" in first.stdout
    assert run("compat", "run", "example.yaml", "--content", "site", cwd=tmp_path).returncode == 0
    again = run("compat", "plan", "example.yaml", "--content", "site", "--like", "out/example", cwd=tmp_path)
    assert "takes about 0 of" in again.stdout
    lost = run("compat", "plan", "example.yaml", "--content", "site", "--like", "nowhere", cwd=tmp_path)
    assert (lost.returncode, lost.stdout) == (2, "")
    assert lost.stderr.startswith("compat: nowhere")


def test_tables_of_ones_own_by_a_line_of_the_matrix(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/cuda_floors.yaml").write_text(
        'rows:\n  - {major: "13", driver: "570", source: "our own build", checked: "2026-11"}\n'
    )
    flagship(tmp_path, "static", change="name: torch-2.10-to-2.11 => name: torch-2.10-to-2.11\ntables: [tables]")
    done = run("compat", "plan", "flagship.yaml", cwd=tmp_path)
    assert done.returncode == 10  # a ring of tables alone
    assert "minor_compat, the floor is 570" in done.stdout
    (tmp_path / "tables").rename(tmp_path / "moved")
    lost = run("compat", "plan", "flagship.yaml", cwd=tmp_path)
    assert (lost.returncode, lost.stdout) == (2, "")
    assert "is no folder of support tables" in lost.stderr

"""The two matrices that we ship, from end to end: real packages, in virtual environments and in real containers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.report.packed import unpacked

ROOT = Path(__file__).parents[2]

# What this upgrade really changes: the case, the metric, and the component with both its versions.
CHANGES = {
    ("kernel:matmul", "scalar_dots"): "(triton 3.2.0 -> 3.5.1)",
    ("operator:average_pool", "outputs"): "(onnxruntime 1.20.1 -> 1.23.2)",
    ("operator:numpy_promotion", "outputs"): "(numpy 1.26.4 -> 2.2.6)",
}

pytestmark = pytest.mark.network


def compat(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "compat", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def demo(engine: str, folder: Path) -> dict[str, Any]:
    """Run the demo's matrix with an engine; the verdict document."""
    done = compat("run", "matrices/demo.yaml", "--ring", "canary", "--engine", engine, "--store", str(folder))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "VERDICT: NO-GO for ring canary" in done.stdout
    document: dict[str, Any] = json.loads((folder / "verdict.json").read_text())
    return document


@pytest.fixture(scope="session")
def in_venvs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("venv") / "demo"
    return folder, demo("venv", folder)


def exact_regressions(document: dict[str, Any]) -> set[tuple[str, str]]:
    """What was shown to be worse and does not depend on the clock: case and metric."""
    worse = [entry for entry in document["failed"] if entry["status"] == "regress" and entry["metric"] != "latency"]
    return {(f"{entry['workload']}[{entry['case']}]", entry["metric"]) for entry in worse}


def test_the_demo_is_no_go_for_its_real_reasons(in_venvs: tuple[Path, dict[str, Any]]) -> None:
    _, document = in_venvs
    assert document["decision"] == "NO-GO"
    for (workload, metric), versions in CHANGES.items():
        reasons = [reason for reason in document["reasons"] if reason.startswith(workload) and metric in reason]
        assert reasons, (workload, metric)
        for reason in reasons:
            assert re.match(r"\S+\[\S+\]", reason), reason
            assert "->" in reason.replace(versions, ""), f"both values: {reason}"
            assert versions in reason
    named = {case.split("[")[0] for case, _ in exact_regressions(document)}
    assert named == {workload for workload, _ in CHANGES}, "nothing else has changed"


def test_the_gate_blocks_on_the_demos_evidence(in_venvs: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = in_venvs
    done = compat("gate", str(folder), "--ring", "canary")
    assert done.returncode == 1
    assert done.stdout.startswith("NO-GO demo ring canary")


def test_the_report_stands_alone(in_venvs: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = in_venvs
    html = unescape((folder / "report.html").read_text())
    assert "default-src 'none'" in html
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", html)
    assert str(ROOT) not in html


def test_the_report_says_whose_kernels_the_blas_of_each_arm_took(in_venvs: tuple[Path, dict[str, Any]]) -> None:
    text = (in_venvs[0] / "report.html").read_text()
    html = unescape(text + unpacked(text))
    taken = re.findall(r"<b>BLAS</b> OpenBLAS 0\.3\.23\.dev (\w+) → OpenBLAS 0\.3\.29 (\w+)", html)
    assert len(taken) == 3  # the two products and the solution
    assert len(set(taken)) == 1
    assert "<b>providers</b> CPUExecutionProvider" in html


@pytest.mark.docker
@pytest.mark.usefixtures("docker_client")
def test_containers_give_the_same_decision(in_venvs: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    document = demo("docker", tmp_path / "demo")
    assert document["decision"] == in_venvs[1]["decision"] == "NO-GO"
    assert exact_regressions(document) == exact_regressions(in_venvs[1])


def test_a_patch_upgrade_is_go(tmp_path: Path) -> None:
    words = ["matrices/patch.yaml", "--compat-ring", "canary", "--compat-store", str(tmp_path / "patch")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "COMPAT_ENGINE": "venv"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "VERDICT: GO" in done.stdout
    assert compat("gate", str(tmp_path / "patch")).returncode == 0

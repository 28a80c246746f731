"""The shipped matrix of runtimes: real upgrades between released versions that broke, each found where it is.

Of its cells those of the candidate, the way back from it, and numpy alone: the others differ in one package each.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from compat.model import Comparison, Decision, Status
from compat.way import conclude, open_store

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> list[Comparison]:
    """The comparisons that are not fine."""
    folder = tmp_path_factory.mktemp("runtime") / "store"
    options = ["--compat-ring", "canary", "--compat-engine", "venv", "--compat-store", str(folder)]
    names = "(loader or operator) and (candidate or only-numpy) and not only-onnx and not only-tokenizers"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "matrices/runtime.yaml",
            "-k",
            names,
            *options,
        ],
        cwd=ROOT,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    verdict = conclude(open_store(folder), "canary").verdict
    assert verdict.decision is Decision.NO_GO
    return [one for one in verdict.comparisons if one.status not in (Status.PASS, Status.MISSING)]


def reasons(compared: list[Comparison], cell: str, case: str, metric: str) -> str:
    """The reason of the one comparison of a case in a cell that is a regression."""
    place = [one for one in compared if one.cell.rpartition("-")[0] == cell and one.metric == metric]
    (found,) = [one for one in place if f"{one.workload}[{one.case}]" == case]
    assert found.status is Status.REGRESS
    return f"{found.reason} " + ", ".join(f"{name} {a} -> {b}" for name, a, b in found.versions if a != b)


def test_average_pool_computes_something_else(compared: list[Comparison]) -> None:
    said = reasons(compared, "candidate", "operator:average_pool[ceil-include-pad]", "outputs")
    assert "relative L2 difference of y is 0.135" in said
    assert "-0.233803481 -> -0.350705236" in said
    assert "onnxruntime 1.17.3 -> 1.25.1" in said


def test_a_newer_onnx_file_is_not_read_by_the_older_onnxruntime(compared: list[Comparison]) -> None:
    said = reasons(compared, "rollback-from-candidate", "loader:onnx_file[default]", "execution")
    assert "at stage load" in said
    assert "onnx 1.20.0 -> 1.15.0, onnxruntime 1.25.1 -> 1.17.3" in said
    pinned = [one for one in compared if one.case.startswith("ir-8") and "candidate" in one.cell]
    assert pinned == []


def test_a_newer_tokenizer_is_not_read_by_the_older_tokenizers(compared: list[Comparison]) -> None:
    said = reasons(compared, "rollback-from-candidate", "loader:tokenizer_file[bpe]", "execution")
    assert "data did not match any variant" in said
    assert "tokenizers 0.20.3 -> 0.19.1" in said


def test_an_onnxruntime_from_before_numpy_2_is_not_imported_beside_it(compared: list[Comparison]) -> None:
    said = reasons(compared, "only-numpy", "operator:average_pool[ceil-no-pad]", "execution")
    assert "at stage prepare: import: ImportError" in said
    assert reasons(compared, "only-numpy", "static[known-conflicts]", "static:known-conflicts")


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("float32-scalar-plus-float", "float64 16777217 -> float32 16777216"),
        ("uint8-scalar-plus-300", "int64 301 -> text 'OverflowError'"),
        ("solve-stacked", "float64 [2, 2]"),
        ("fft-float32", "float64 [31]"),
    ],
)
def test_numpy_2_gives_another_type_value_or_shape(compared: list[Comparison], case: str, expected: str) -> None:
    for cell in ("candidate", "only-numpy"):
        said = reasons(compared, cell, f"operator:numpy_promotion[{case}]", "outputs")
        assert expected in said
        assert "numpy 1.26.4 -> 2.2.6" in said


POOL = """\
name: pool
axes:
  runtime: [before, after]
known_good: {runtime: before}
candidate: {runtime: after}
runtimes:
  before: {requirements: ["onnxruntime==1.20.1", "numpy==1.26.4", "onnx==1.17.0"]}
  after: {requirements: ["onnxruntime==1.21.0", "numpy==1.26.4", "onnx==1.17.0"]}
workloads:
  - {select: "operator:average_pool"}
rings:
  - {name: canary, tiers: [cpu], budget: 5m}
"""
WAIVER = """\
waivers:
  - case: "operator:average_pool[ceil-include-pad]"
    metric: outputs
    reason: "1.21.0 counts what is padded as the operator's definition says; our models do not use it"
    owner: serving team
    expires: "2099-01-01"
"""


def test_a_change_that_is_a_fix_is_no_go_first_and_go_once_somebody_accepts_it(tmp_path: Path) -> None:
    (tmp_path / "pool.yaml").write_text(POOL)
    (tmp_path / "waivers.yaml").write_text(WAIVER)

    def compat(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "compat", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    code, said = compat("run", "pool.yaml", "--engine", "venv")
    assert (code, "VERDICT: NO-GO for ring canary (1 reason)" in said) == (1, True), said
    code, said = compat("judge", "out/pool", "--waivers", "waivers.yaml")
    assert "VERDICT: GO for ring canary" in said
    assert "1 waived" in said
    assert compat("gate", "out/pool", "--ring", "canary", "--waivers", "waivers.yaml")[0] == 0

"""An upgrade of numpy, judged by tests that a released package carries: those that newly fail are named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACE = "sympy.utilities.tests.test_lambdify::"
# Seen by running sympy 1.12's file with numpy 1.26.4 and 2.2.6 by hand, with scipy 1.13.1 and numexpr 2.10.1.
NEWLY_FAILING = {
    "test_beta_scipy", "test_betainc_regularized_scipy", "test_betainc_scipy", "test_fresnel_integrals_scipy",
    "test_integral", "test_issue_15654", "test_issue_16536", "test_issue_22992", "test_scipy_fns", "test_scipy_polys",
}  # fmt: skip


@pytest.mark.network
def test_ten_tests_of_sympy_newly_fail_with_numpy_2(tmp_path: Path, runtime_cache: Path) -> None:
    command = [sys.executable, "-m", "compat", "run", "matrices/numpy.yaml", "--engine", "venv"]
    command += ["--case", "*sympy_suite*", "--store", str(tmp_path), "--cache", str(runtime_cache)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    failed = json.loads((tmp_path / "verdict.json").read_text(encoding="utf-8"))["failed"]
    regressed = {each["metric"]: each["reason"] for each in failed if each["status"] == "regress"}
    assert set(regressed) == {PLACE + name for name in NEWLY_FAILING}
    assert "passed -> failed: AttributeError: `np.PINF` was removed" in regressed[PLACE + "test_integral"]

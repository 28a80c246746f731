"""``compat kernel``: one kernel alone, at the front door."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def kernel(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "compat", "kernel", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.network
def test_cases_compilations_and_the_roofline(runtime_cache: Path) -> None:
    done = kernel("matmul", "--arch", "75", "--arch", "sm_90", "--triton", "3.5.1", "--cache", str(runtime_cache))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "kernel:matmul: Blocked matrix product C = A @ B with masked edges" in done.stdout
    assert any(line.split()[:3] == ["fp32-33x35x37", "interpreted,", "gpu"] for line in lines)
    assert "Compiled by triton 3.5.1" in lines
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.startswith("  ") and len(line.split()) > 5}
    assert rows["fp16-64x64x32-sm_90"][:2] == ["2", "0"]  # matrix instructions, and no product without them
    assert rows["fp16-64x64x32-sm_75"][:2] == ["0", "1"]
    assert rows["i8-64x64x64-sm_75"][:3] == ["compile", "in", "compile:"]
    assert "bf16-128x128x32-sm_75" not in rows  # the card has no such products
    assert rows["fp16-2048x2048x8192"][2:5] == ["bound", "by", "compute"]
    assert any(line.startswith("At least, on H100 SXM (sm_90; NVIDIA H100 data sheet") for line in lines)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("matmull",), "compat: kernel: 'matmull' is no kernel; did you mean 'matmul'?"),
        (("matmul", "--arch", "9x"), "compat: --arch: target '9x' is neither sm_NN nor gfxNNN; such as 90"),
        (("matmul", "--python", "/nowhere/python"), "compat: runtime kernel: there is no interpreter '/nowhere/"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = kernel(*words, "--cache", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1

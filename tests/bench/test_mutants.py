"""Faults planted in copies of every kernel: the share that its cases find, and the list of those that they do not."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from compat.model import Runtime
from compat.run.runtime import Folders
from compat.run.venv import VenvRuntime

from .conftest import Record

ROOT = Path(__file__).parents[2]
MOST = os.environ.get("COMPAT_MUTANTS", "20")  # of each kernel, drawn by a fixed seed


@pytest.mark.network
@pytest.mark.figures("kernels.mutants_found")
def test_planted_faults(tmp_path: Path, runtime_cache: Path, record: Record) -> None:
    """A kernel whose own cases fail ends the hunt: nothing could be said of its mutants."""
    requirements = ("triton==3.5.1", "torch==2.13.0", "numpy==2.3.5")
    runtime = VenvRuntime(Runtime("mutants", requirements=requirements), Folders((), tmp_path), runtime_cache)
    runtime.build()
    kernels = sorted(str(path) for path in (ROOT / "kernels").glob("*.py"))
    command = [
        str(runtime.python),
        "-W",
        "ignore",
        str(ROOT / "tests" / "kernels" / "hunt.py"),
        *kernels,
        "--most",
        MOST,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    hunted: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    record("kernels.mutants_found", sum(one["found"] is not None for one in hunted) / len(hunted))
    (ROOT / "out" / "bench").mkdir(parents=True, exist_ok=True)
    (ROOT / "out" / "bench" / "survivors.md").write_text(survivors(hunted), encoding="utf-8")


def survivors(hunted: list[dict[str, Any]]) -> str:
    """Per kernel how many were found of how many, and every survivor."""
    of = Counter(one["id"].split("/")[0] for one in hunted)
    found = Counter(one["id"].split("/")[0] for one in hunted if one["found"] is not None)
    lines = ["# Planted faults that no case finds", "", "| kernel | found | of |", "|---|---|---|"]
    lines += [f"| {kernel} | {found[kernel]} | {count} |" for kernel, count in sorted(of.items())]
    lines.append("")
    lines += [f"- `{one['id']}` (line {one['line']}, {one['operator']})" for one in hunted if one["found"] is None]
    return "\n".join(lines) + "\n"

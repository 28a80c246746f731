"""The cache of compilations at the front door: a second run takes from it, an upgrade half, a repetition nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from compat.model import Arm, digest
from compat.store import Store

ROOT = Path(__file__).parents[2]
MATRIX = """\
name: twice
axes: {{runtime: [older, newer]}}
known_good: {{runtime: older}}
candidate: {{runtime: newer}}
runtimes:
  older: {{requirements: ["triton==3.5.0"], cuda: "12.8"}}
  newer: {{requirements: ["triton=={newer}"], cuda: "{cuda}"}}
workloads:
  - {{select: "kernel:softmax", targets: [sm_80, sm_90], timeout: 2m}}
rings:
  - {{name: canary, tiers: [static, aot]}}
"""

pytestmark = pytest.mark.network


def compat(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "compat", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def from_the_cache(folder: Path) -> Counter[tuple[Arm, bool]]:
    """Runs by arm, and by whether they were taken from the cache."""
    store = Store(folder)
    evidence = store.evidence(digest(store.plan()))
    return Counter((record.arm, any("taken from the cache" in note for note in record.notes)) for record in evidence)


def test_what_is_compiled_again_and_what_is_not(tmp_path: Path, runtime_cache: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (runtime_cache / "runtimes").mkdir(parents=True, exist_ok=True)
    (cache / "runtimes").symlink_to(runtime_cache.resolve() / "runtimes", target_is_directory=True)
    matrix = tmp_path / "twice.yaml"
    matrix.write_text(MATRIX.format(newer="3.5.1", cuda="12.8"), encoding="utf-8")
    run = ("run", str(matrix), "--engine", "venv", "--cache", str(cache), "--store")

    assert "VERDICT: GO" in compat(*run, str(tmp_path / "first"))
    runs = 2 * 4 * 2  # pairs; two configurations for two targets; Triton's assembler and CUDA's
    assert from_the_cache(tmp_path / "first") == {(arm, False): runs for arm in Arm}
    assert "VERDICT: GO" in compat(*run, str(tmp_path / "second"))
    assert from_the_cache(tmp_path / "second") == {(arm, True): runs for arm in Arm}
    assert verdict(tmp_path / "second") == verdict(tmp_path / "first")

    # Another assembler for the candidate alone: the arms' identities still agree in all that is not declared.
    matrix.write_text(MATRIX.format(newer="3.5.1", cuda="12.9"), encoding="utf-8")
    assert "VERDICT: GO" in compat(*run, str(tmp_path / "third"))
    assert from_the_cache(tmp_path / "third") == {
        (Arm.KNOWN_GOOD, True): runs, (Arm.CANDIDATE, True): runs // 2, (Arm.CANDIDATE, False): runs // 2
    }  # fmt: skip

    again = ("--repeat", "2", "--engine", "venv", "--cache", str(cache), "--store", str(tmp_path / "repeated"))
    compat("case", str(tmp_path / "second"), "*softmax[fp32-1024-sm_80]", *again)
    assert from_the_cache(tmp_path / "repeated") == {(arm, False): 2 for arm in Arm}


def verdict(folder: Path) -> list[tuple[str, ...]]:
    """What was judged, without what differs between any two runs."""
    document = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    return [(document["decision"], *document["reasons"])]

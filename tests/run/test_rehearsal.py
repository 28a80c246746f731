"""The way back without a command of the user's: the known-good runtime is installed once more, and thrown away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.test_cli import compat

WORKLOAD = '''"""Says which version of a package is there."""

import os

KIND = "operator"
COMPONENTS = ("pip",)
TIERS = ("cpu",)
TOLERANCE = 0.0
TIMED = False
CASES = {"a": {}}


def prepare(params, tools):
    return lambda: {"text": "the same"}
'''

MATRIX = """name: again
axes:
  runtime: [before, after]
known_good: {runtime: before}
candidate: {runtime: after}
runtimes:
  before: {requirements: []}
  after: {requirements: [], env: {MORE: "1"}}
workloads:
  - {select: "operator:says"}
rings:
  - {name: canary, tiers: [cpu]}
"""

WORDS = ("--content", "site", "--engine", "venv", "--cache", "cache")


def test_a_fresh_installation_is_timed_looked_at_and_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "site/workloads").mkdir(parents=True)
    (tmp_path / "site/workloads/says.py").write_text(WORKLOAD)
    (tmp_path / "again.yaml").write_text(MATRIX)
    assert compat("run", "again.yaml", *WORDS, cwd=tmp_path).returncode == 0
    runtimes = tmp_path / "cache/runtimes"
    before = {path: path.stat().st_mtime_ns for path in runtimes.iterdir() if path.is_dir()}
    half = next(iter(before)).with_name(f"{next(iter(before)).name}-3")
    half.mkdir()  # what a killed rehearsal may leave
    (half / "compat-runtime.json").write_text("{}")
    done = compat("rollback", "rehearse", "out/again", *WORDS, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    (path,) = (tmp_path / "out/again/rehearsals").rglob("*.json")
    found: dict[str, Any] = json.loads(path.read_text())
    assert (found["good"], found["command"], found["findings"]) == (True, "", [])
    assert found["phases"].keys() == {"install", "first start", "sentinels"}
    assert found["phases"]["install"] > 0
    assert ": install " in done.stdout, "the phases in their order"
    assert {path: path.stat().st_mtime_ns for path in runtimes.iterdir() if path.is_dir()} == before
    assert "went back by a fresh installation of before" in done.stdout

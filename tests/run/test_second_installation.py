"""A small slowdown is measured again on a second installation of both runtimes: real virtual environments."""

from __future__ import annotations

from pathlib import Path

from compat.model import Arm
from compat.store import Store
from tests.test_cli import compat

WORKLOAD = '''"""Counts, and counts more where the variable MORE says so."""

import os

KIND = "operator"
COMPONENTS = ("pip",)
TIERS = ("cpu",)
TOLERANCE = 0.0
TIMED = True
CASES = {"a": {}}


def prepare(params, tools):
    turns = int(20000 * float(os.environ.get("MORE", "1")))
    return lambda: {"text": str(sum(1 for _ in range(turns)) > 0)}
'''

MATRIX = """name: slower
axes:
  runtime: [before, after]
known_good: {runtime: before}
candidate: {runtime: after}
runtimes:
  before: {requirements: []}
  after: {requirements: [], env: {MORE: "1.15"}}
workloads:
  - {select: "operator:counts"}
rings:
  - {name: canary, tiers: [cpu]}
policy:
  latency: {margin: 3%}
  rounds: [6, 20]
"""


def test_a_small_slowdown_is_measured_again_on_a_second_installation(tmp_path: Path) -> None:
    (tmp_path / "site/workloads").mkdir(parents=True)
    (tmp_path / "site/workloads/counts.py").write_text(WORKLOAD)
    (tmp_path / "slower.yaml").write_text(MATRIX)
    done = compat("run", "slower.yaml", "--content", "site", "--engine", "venv", "--cache", "cache", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "confirmed on second installations of both runtimes: 1" in done.stdout
    store = Store(tmp_path / "out/slower")
    evidence = store.evidence(store.plan_digests()[0])
    second = [record for record in evidence if record.installation == 2]
    assert {record.round for record in second} == {store.plan().policy.confirm_round}
    assert [sum(record.arm is arm for record in second) for arm in Arm] == [20, 20]
    assert {record.installation for record in evidence if record.round <= 2} == {1}
    places = sorted(path.name for path in (tmp_path / "cache/runtimes").iterdir() if path.is_dir())
    assert len(places) == 2
    assert places[1] == f"{places[0]}-2"

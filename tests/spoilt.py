"""An upgrade whose arms can be spoilt after they were measured, as a node is: by the variable SPOIL, ``ARM:HOW``."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from compat.store.hold import LOCK
from tests.test_cli import compat

__all__ = ["Site"]

WORKLOAD = '''"""Doubles numbers, and worse where SPOIL says so of its arm."""

import os
import time

KIND = "operator"
COMPONENTS = ("numpy",)
TIERS = ("cpu",)
TOLERANCE = 1e-6
CASES = {"slow": {"seconds": 0.02}, "quick": {"seconds": 0.005}}


def prepare(params, tools):
    arm, _, how = os.environ.get("SPOIL", "").partition(":")
    how = how if arm == os.environ["ARM"] else ""
    if how == "crash":
        os.abort()
    if how == "hang":
        time.sleep(60)
    if how.startswith("once") and not os.path.exists(how[5:]):
        open(how[5:], "w").close()
        raise RuntimeError("not yet")
    x = tools.uniform(8)
    seconds = params["seconds"] * {"slow": 3.0, "slower": 1.4}.get(how, 1.0)

    def work():
        time.sleep(seconds)
        return {"y": x * (2.1 if how == "change" else 2)}

    return work
'''

MATRIX = """name: spoilt
axes:
  runtime: [old, new]
known_good: {runtime: old}
candidate: {runtime: new}
runtimes:
  old: {in_place: true, env: {ARM: old}}
  new: {in_place: true, env: {ARM: new}}
workloads:
  - {select: "operator:doubles", timeout: 20s}
rings:
  - {name: canary, tiers: [cpu], soak: 1ms}
policy: {latency: {margin: 80%}, rounds: [4, 8]}
"""


class Site:
    """A folder with the upgrade in it, and the commands that people say there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "out/spoilt"
        workload = folder / "site/workloads/doubles.py"
        workload.parent.mkdir(parents=True, exist_ok=True)
        workload.write_text(WORKLOAD)
        (folder / "spoilt.yaml").write_text(MATRIX)

    def say(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A command that runs cases."""
        return compat(*words, "--content", "site", "--cache", "cache", cwd=self.folder, **variables)

    def measure(self) -> None:
        """Measure and judge: GO."""
        done = self.say("run", "spoilt.yaml")
        assert (done.returncode, done.stderr) == (0, ""), done.stdout

    def soak(self, *words: str, **variables: str) -> tuple[int, list[str], dict[str, Any]]:
        """Look while it soaks: the exit code, what is said, and the document."""
        done = self.say("soak", "out/spoilt", *words, **variables)
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines(), self.documents("watches")[-1]

    def documents(self, kind: str) -> list[dict[str, Any]]:
        """Watches or rehearsals, the oldest first."""
        found = [json.loads(path.read_text()) for path in (self.store / kind).rglob("*.json")]
        return sorted(found, key=lambda document: document["at"])

    def files(self) -> dict[str, bytes]:
        """Every document and blob of the store; a lock is neither."""
        found = (path for path in self.store.rglob("*") if path.is_file() and not path.name.startswith(LOCK))
        return {str(path.relative_to(self.store)): path.read_bytes() for path in found}

    def node_said(self, **fields: Any) -> None:
        """Change what the store says that this node was."""
        (path,) = (self.store / "nodes").iterdir()
        document = json.loads(path.read_text()) | fields
        path.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")))
        shutil.rmtree(self.store / "sums/nodes")  # as in a store that is older than these

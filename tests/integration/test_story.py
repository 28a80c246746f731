"""One upgrade on its way through three rings, by the commands that a pipeline would use.

Three nodes of three rings measure into stores of their own, which are merged into one. The canary is GO, and soaks; the
next ring waits for it, and passes; the last one is NO-GO, and its node goes back.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.test_cli import compat

WORKLOAD = '''"""Adds a number. Where a node has the flag "worse", the candidate adds too much."""

import os

KIND = "operator"
COMPONENTS = ("numpy",)
IMPORTS = ("numpy",)
TIERS = ("cpu",)
TOLERANCE = 1e-6
TIMED = False
CASES = {"one": {"n": 1}, "two": {"n": 2}}


def prepare(params, tools):
    x = tools.uniform(8)
    worse = os.environ["ARM"] == "new" and os.path.exists(os.environ["FLAG"])
    return lambda: {"y": x + params["n"] + (0.5 if worse else 0.0)}
'''
MATRIX = """name: upgrade
axes: {{runtime: [old, new]}}
known_good: {{runtime: old}}
candidate: {{runtime: new}}
runtimes:
  old: {{in_place: true, env: {{ARM: old, FLAG: "{flag}"}}}}
  new: {{in_place: true, env: {{ARM: new, FLAG: "{flag}"}}}}
workloads: [{{select: "operator:adder"}}]
rings:
  - {{name: canary, tiers: [cpu], nodes: {{labels: {{ring: canary}}}}, soak: {soak}s, rehearsal: 1d, attested: true}}
  - {{name: early,  tiers: [cpu], nodes: {{labels: {{ring: early}}}}, after: canary}}
  - {{name: broad,  tiers: [cpu], nodes: {{labels: {{ring: broad}}}}, after: early}}
"""
SOAK = 20  # seconds: long enough that the gate is asked before it is over, on a slow machine too
NODES = {"canary": "gpu-1", "early": "gpu-2", "broad": "gpu-3"}


class Fleet:
    """Three nodes with a store each, and the one that pipelines ask."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.flag = folder / "worse"
        (folder / "site/workloads").mkdir(parents=True)
        (folder / "site/workloads/adder.py").write_text(WORKLOAD)
        (folder / "upgrade.yaml").write_text(MATRIX.format(flag=self.flag, soak=SOAK))

    def on(self, ring: str, *words: str) -> CompletedProcess[str]:
        """A command on the ring's node, which has a store of its own."""
        node = NODES[ring]
        return compat(*words, "--content", "site", cwd=self.folder, COMPAT_NODE=node)

    def measure(self, ring: str) -> None:
        where = ("--ring", ring, "--label", f"ring={ring}", "--store", NODES[ring])
        done = self.on(ring, "run", "upgrade.yaml", *where)
        assert (done.returncode in (0, 1, 10), done.stderr) == (True, "")

    def merge(self) -> None:
        there = [node for node in NODES.values() if (self.folder / node).exists()]
        done = compat("merge", *there, "--output", "central", cwd=self.folder)
        assert done.returncode == 0, done.stderr

    def gate(self, ring: str, *words: str) -> tuple[int, str]:
        done = compat("gate", "central", "--ring", ring, "--trust", "ci.pub", *words, cwd=self.folder)
        assert done.stderr == ""
        return done.returncode, done.stdout

    def central(self, *words: str) -> str:
        done = compat(*words, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rings(self) -> dict[str, Any]:
        return {
            one["ring"]: one
            for one in json.loads(self.central("rings", "central", "--json", "--trust", "ci.pub"))["rings"]
        }


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def test_from_the_canary_to_the_way_back(fleet: Fleet) -> None:
    fleet.central("key", "new", "ci")

    # The canary measures, and is GO.
    fleet.measure("canary")
    fleet.merge()
    assert fleet.gate("canary")[0] == 0
    judged = time.monotonic()

    # The next ring may not take the upgrade: the canary soaks, no way back was tried, and nobody has signed.
    code, said = fleet.gate("early", "--enter")
    assert (code, f"ring canary soaks for {SOAK} s" in said) == (10, True)
    before = "\n".join(fleet.rings()["early"]["before"])
    assert "no rollback was rehearsed on a node of ring canary" in before
    assert "the verdict of ring canary has no signature" in before

    # On the canary the way back is rehearsed by the site's own command, and after the soak somebody looks at it.
    tried = fleet.on("canary", "rollback", "rehearse", "gpu-1", "--ring", "canary", "--command", "sleep 0.3")
    assert tried.returncode == 0, tried.stderr
    fleet.central("attest", "central", "--ring", "canary", "--key", "ci", "--output", "canary.dsse.json")
    time.sleep(max(0.0, SOAK + 1 - (time.monotonic() - judged)))
    looked = fleet.on("canary", "soak", "gpu-1", "--ring", "canary")
    assert looked.returncode == 0, looked.stderr
    fleet.merge()
    code, said = fleet.gate("early", "--enter")
    assert (code, said) == (0, "GO upgrade ring early may take the upgrade\n")

    # The second ring measures, and is GO.
    fleet.measure("early")
    fleet.merge()
    assert fleet.gate("early")[0] == 0
    assert fleet.gate("broad", "--enter")[0] == 0

    # In the third something is worse, and that is NO-GO there, and nowhere else.
    fleet.flag.touch()
    fleet.measure("broad")
    fleet.merge()
    code, said = fleet.gate("broad")
    assert (code, "operator:adder" in said) == (1, True)
    assert {name: one["decision"] for name, one in fleet.rings().items()} == {
        "canary": "GO",
        "early": "GO",
        "broad": "NO-GO",
    }
    refused = compat("baseline", "promote", "central", "--ring", "broad", cwd=fleet.folder)
    assert refused.returncode == 1

    # What it goes back to is known, the node goes back, and that took so many seconds.
    back = json.loads(fleet.central("rollback", "plan", "central", "--json"))
    assert "old" in json.dumps(back)
    gone = fleet.on("broad", "rollback", "rehearse", "gpu-3", "--ring", "broad", "--command", "sleep 0.2")
    assert gone.returncode == 0, gone.stderr
    verified = fleet.on("broad", "rollback", "verify", "gpu-3", "--ring", "broad")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    fleet.merge()
    fleet.central("report", "central", "--ring", "broad", "--output", "pages")
    seconds = json.loads((fleet.folder / "pages/verdict.json").read_text())["rollback"]
    assert seconds["seconds"] >= 0.2

    # And everything in the store is what it was when it was written.
    fleet.central("store", "verify", "central")
    fleet.central("audit", _verdict(fleet, "canary"), "central", "--trust", "ci.pub")


def _verdict(fleet: Fleet, ring: str) -> str:
    found = fleet.rings()[ring]["verdict"]
    assert isinstance(found, str)
    return found

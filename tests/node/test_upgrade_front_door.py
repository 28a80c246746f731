"""A driver that is upgraded, through the command, with NVML's ABI under it: before, after, back again, and controls.

A node is upgraded by another answer of the library; how many GPUs it says there are makes it another node.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compat.model import digest
from compat.store import Store
from tests.node.fake import compile_library
from tests.test_cli import compat

OLD, NEW = "570.124.06", "580.95.05"
WORKLOAD = '''"""Sleeps, and longer with a driver that is slow."""

import os
import time

KIND = "operator"
COMPONENTS = ("numpy",)
TIERS = ("cpu",)
TOLERANCE = 1e-6
CASES = {"one": {"n": 1}}


def prepare(params, tools):
    if os.environ["FAKE_DRIVER"] == os.environ.get("CRASHES"):
        os.abort()
    seconds = 0.05 if os.environ["FAKE_DRIVER"] == os.environ.get("SLOW") else 0.002
    x = tools.uniform(8)

    def work():
        time.sleep(seconds)
        return {"y": x}

    return work
'''
MATRIX = f"""name: driver
axes:
  driver: ["{OLD}", "{NEW}"]
  runtime: [here]
known_good: {{driver: "{OLD}"}}
candidate: {{driver: "{NEW}"}}
runtimes:
  here: {{in_place: true}}
workloads:
  - {{select: "operator:sleeps"}}
rings:
  - {{RING}}
policy: {{latency: {{margin: 300%, gate: GATE}}, rounds: [4, 8]}}
"""
RUN = ("run", "driver.yaml", "--content", "site", "--cache", "cache")
ALONE = "name: canary, tiers: [cpu]"
GROUPS = (
    "name: canary, tiers: [cpu], minimum_nodes: 3, nodes: {labels: {group: upgraded}},"
    " controls: {labels: {group: control}}"
)


class Site:
    """A folder with a matrix, and nodes that measure into its store."""

    def __init__(self, folder: Path, library: Path) -> None:
        self.folder = folder
        self.nvml = library
        workload = folder / "site/workloads/sleeps.py"
        workload.parent.mkdir(parents=True)
        workload.write_text(WORKLOAD)

    def write(self, ring: str, gate: bool = True) -> None:
        text = MATRIX.replace("RING", ring).replace("GATE", str(gate).lower())
        (self.folder / "driver.yaml").write_text(text)

    def run(self, driver: str, *words: str, node: int = 1, **variables: str) -> subprocess.CompletedProcess[str]:
        env = {"LD_LIBRARY_PATH": str(self.nvml), "FAKE_DRIVER": driver, "FAKE_COUNT": str(node)}
        return compat(*RUN, *words, cwd=self.folder, **env, **variables)

    def records(self) -> list[dict[str, Any]]:
        found = sorted((self.folder / "out/driver/evidence").rglob("*.json"))
        return [json.loads(path.read_text()) for path in found]

    def comparisons(self) -> list[dict[str, Any]]:
        """Of the last verdict."""
        verdicts = (self.folder / "out/driver/verdicts").rglob("*.json")
        newest = max(verdicts, key=lambda path: path.stat().st_mtime_ns)
        found: list[dict[str, Any]] = json.loads(newest.read_text())["comparisons"]
        return found

    def phases(self) -> list[tuple[str, str]]:
        return sorted({(record["phase"], record["arm"]) for record in self.records()})


@pytest.fixture(scope="module")
def nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_library(tmp_path_factory.mktemp("driver"))


@pytest.fixture
def site(tmp_path: Path, nvml: Path) -> Site:
    return Site(tmp_path, nvml)


def test_one_node_before_after_and_back_again(site: Site) -> None:
    """Across the reboots it is one run: each call goes on from what there is."""
    site.write(ALONE)
    before = site.run(OLD)
    assert (before.returncode, before.stderr) == (10, "")
    assert f"this node is in the phase before (driver {OLD})" in before.stdout
    assert "only one arm has run" in before.stdout
    assert site.phases() == [("before", "known_good")]
    assert len(site.records()) == 4
    assert "4 runs are in out/driver already" in site.run(OLD).stdout
    assert len(site.records()) == 4
    after = site.run(NEW)
    assert after.returncode == 10
    assert "0 of the 3 generations back again" in after.stdout
    assert site.phases() == [("after", "candidate"), ("before", "known_good")]
    back = site.run(OLD)
    assert f"this node is in the phase back (driver {OLD})" in back.stdout
    assert site.phases() == [("after", "candidate"), ("back", "known_good"), ("before", "known_good")]
    assert len(site.records()) == 12
    assert back.returncode == 0
    (latency,) = [found for found in site.comparisons() if found["metric"] == "latency"]
    assert "before and back again" in latency["reason"]
    generations = [record["generation"] for record in site.records()]
    assert len(set(generations)) == 12


def test_what_needs_no_statistics_is_go_without_the_way_back(site: Site) -> None:
    site.write(ALONE, gate=False)
    site.run(OLD)
    done = site.run(NEW)
    assert (done.returncode, done.stderr) == (0, "")
    differences = json.loads((site.folder / "out/driver/verdict.json").read_text())["differences"]
    assert [(one["what"], one["declared"]) for one in differences] == [("driver: nvml", True)]


@pytest.mark.parametrize(("add", "code"), [("0", 0), ("1", 1)], ids=["unchanged", "changed"])
def test_a_driver_and_a_runtime_that_change_together(site: Site, add: str, code: int) -> None:
    """The driver first, in phases, and then the runtime, in pairs on the new driver."""
    site.write(ALONE, gate=False)
    matrix = site.folder / "driver.yaml"
    text = matrix.read_text().replace("runtime: [here]", "runtime: [old, new]")
    text = text.replace(f'{{driver: "{OLD}"}}', f'{{driver: "{OLD}", runtime: old}}')
    text = text.replace(f'{{driver: "{NEW}"}}', f'{{driver: "{NEW}", runtime: new}}')
    arms = f'old: {{in_place: true}}\n  new: {{in_place: true, env: {{ADD: "{add}"}}}}'
    matrix.write_text(text.replace("here: {in_place: true}", arms))
    workload = site.folder / "site/workloads/sleeps.py"
    workload.write_text(workload.read_text().replace('{"y": x}', "{\"y\": x + float(os.environ.get('ADD', 0))}"))
    assert site.run(OLD).returncode == 10
    done = site.run(NEW)
    assert (done.returncode, done.stderr) == (code, ""), done.stdout
    required = {found["cell"] for found in site.comparisons() if found["required"]}
    assert len(required) == 3  # two edges, and the whole way
    ends = [found["reason"] for found in site.comparisons() if found["reason"].endswith("from end to end")]
    assert any(said.startswith("memory") for said in ends)
    if code:
        assert sum("y" in said and "relative L2" in said for said in ends) == 1


def test_a_case_that_crashes_with_the_new_driver_is_no_go(site: Site) -> None:
    site.write(ALONE, gate=False)
    site.run(OLD, CRASHES=NEW)
    done = site.run(NEW, CRASHES=NEW)
    assert done.returncode == 1
    assert "the candidate faulted in 3 of 3 attempts (known-good 0 of" in done.stdout


@pytest.mark.parametrize(("slow", "code"), [("", 0), (NEW, 1)], ids=["as it was", "slower"])
def test_a_control_group(site: Site, slow: str, code: int) -> None:
    site.write(GROUPS)
    for phase, driver in (("before", OLD), ("after", NEW)):
        for node in (1, 2, 3):
            done = site.run(driver, "--label", "group=upgraded", node=node, SLOW=slow)
            assert done.stderr == ""
        for node in (4, 5, 6):
            done = site.run(OLD, "--label", "group=control", "--phase", phase, node=node, SLOW=slow)
            assert done.stderr == ""
    assert done.returncode == code, done.stdout
    assert site.phases() == [("after", "candidate"), ("after", "known_good"), ("before", "known_good")]
    if slow:
        assert "3 upgraded and 3 control nodes" in done.stdout
        assert "slower" in done.stdout


@pytest.mark.parametrize(
    ("driver", "words", "said"),
    [
        (
            OLD,
            ("--label", "group=control"),
            "is a control, whose driver does not tell whether the others were upgraded; "
            "say --phase before or --phase after",
        ),
        (NEW, ("--label", "group=control", "--phase", "after"), f"is a control and has driver {NEW}"),
        (OLD, ("--label", "group=upgraded", "--phase", "after"), "it is in the phase before, not after"),
        (OLD, (), "takes nodes labelled group=upgraded, this one has group=None"),
    ],
    ids=["control without a phase", "control that was upgraded", "the wrong phase", "neither"],
)
def test_what_an_operator_says_that_cannot_be(site: Site, driver: str, words: tuple[str, ...], said: str) -> None:
    site.write(GROUPS)
    done = site.run(driver, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (site.folder / "out").exists()


def test_a_node_that_was_rolled_back_has_no_phase_in_a_control_group(site: Site) -> None:
    site.write(GROUPS)
    for driver in (OLD, NEW):
        site.run(driver, "--label", "group=upgraded")
    done = site.run(OLD, "--label", "group=upgraded")
    assert done.returncode == 2
    assert f"was rolled back to driver {OLD}, and the control design measures before and after" in done.stderr


def test_sessions_that_are_stored(site: Site) -> None:
    """Each call is a session, told apart by what the upgrade does not touch; here they may follow each other."""
    site.write(ALONE + ", design: stored")
    matrix = site.folder / "driver.yaml"
    still = '  - {select: "operator:still", sentinel: true}\n'
    rules = "rounds: [3, 8], stored: {passes: 3, regresses: 3, limit: 900%, apart: 1ms}"
    text = matrix.read_text().replace("rings:\n", f"{still}rings:\n").replace("rounds: [4, 8]", rules)
    matrix.write_text(text)
    cases = ", ".join(f'"{name}": {{"n": {n}}}' for n, name in enumerate("abc"))
    still_content = WORKLOAD.replace('{"one": {"n": 1}}', f"{{{cases}}}")
    (site.folder / "site/workloads/still.py").write_text(still_content)
    for driver in (OLD, OLD, OLD, NEW, NEW):
        done = site.run(driver)
        assert done.stderr == ""
        assert "this is the session of 20" in done.stdout
    assert done.returncode == 0, done.stdout
    assert len({record["session"] for record in site.records()}) == 5
    (latency,) = [found for found in site.comparisons() if found["metric"] == "latency"]
    assert "2 sessions against 3 stored" in latency["reason"]
    matrix.write_text(text.replace("apart: 1ms", "apart: 1h"))
    site.run(OLD)
    assert "runs are in out/driver already" in site.run(OLD).stdout  # it is still that session
    store = Store(site.folder / "out/driver")
    record = store.evidence(digest(store.plan()))[0]
    store.put_evidence(replace(record, session="soon", pair=99))  # what somebody put there is no session to go on with
    done = site.run(OLD)
    assert (done.returncode, done.stderr) == (10, "")
    assert "its session began at 'soon', which is no moment" in done.stdout


@pytest.mark.parametrize(
    ("ring", "said"),
    [
        (ALONE, "each node before it, after it and back again, which decides changes of 10 % or more"),
        (GROUPS, "3 upgraded and 3 control nodes: a change of "),
        (ALONE + ", design: stored", "12 of the known-good stack to pass and 2 of the candidate to find a regression"),
    ],
    ids=["aba", "control", "stored"],
)
def test_the_plan_says_beforehand_what_the_design_can_tell(site: Site, ring: str, said: str) -> None:
    site.write(ring)
    done = compat("plan", "driver.yaml", "--content", "site", cwd=site.folder)
    assert done.returncode == (10 if "stored" in ring else 0)  # without a sentinel stored sessions never reach GO
    assert "  where a node's driver changes: " in done.stdout
    assert said in done.stdout
    assert " (in phases)\n" in done.stdout


def test_one_case_is_repeated_in_the_arm_whose_driver_is_there(site: Site) -> None:
    site.write(ALONE)
    site.run(OLD)
    words = ("case", "out/driver", "*sleeps[one]", "--repeat", "2", "--content", "site", "--cache", "cache")
    env = {"LD_LIBRARY_PATH": str(site.nvml), "FAKE_DRIVER": OLD, "FAKE_COUNT": "1"}
    done = compat(*words, cwd=site.folder, **env)
    assert done.returncode == 2
    assert f"its stacks cannot share a node, and this one has driver {OLD}; say --arm" in done.stderr
    done = compat(*words, "--arm", "known_good", cwd=site.folder, **env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "known-good 2 times" in done.stdout


@pytest.mark.parametrize("cut", [True, False], ids=["half of it", "nothing"])
def test_what_was_not_measured_before_is_not_measured_after(site: Site, cut: bool) -> None:
    """Nothing could be compared with it, and a phase that is over cannot be finished."""
    site.write(ALONE)
    if cut:
        site.run(OLD)
        first, *_ = sorted((site.folder / "out/driver/evidence").rglob("*.json"))
        first.unlink()
    done = site.run(NEW)
    assert done.returncode == 2
    assert f"has {3 if cut else 0} of the 4 runs of " in done.stderr
    assert "before the upgrade; finish them before it: roll the node back" in done.stderr
    assert site.run(OLD).returncode == 10  # which is the phase before, still
    assert site.phases() == [("before", "known_good")]
    assert site.run(NEW).returncode == 10


def test_a_third_driver_is_no_phase(site: Site) -> None:
    site.write(ALONE)
    done = site.run("590.44.01")
    assert done.returncode == 10
    assert f"is not measured here: its candidate arm needs driver {NEW}, and the node" in done.stdout


def test_a_phase_where_no_driver_changes_is_refused(site: Site) -> None:
    site.write(ALONE)
    matrix = site.folder / "driver.yaml"
    text = matrix.read_text().replace("runtime: [here]", "runtime: [here, there]")
    text = text.replace(f'{{driver: "{OLD}"}}', f'{{driver: "{OLD}", runtime: here}}')
    text = text.replace(f'{{driver: "{NEW}"}}', f'{{driver: "{OLD}", runtime: there}}')
    text = text.replace("here: {in_place: true}", "here: {in_place: true}\n  there: {in_place: true}")
    matrix.write_text(text.replace(f'["{OLD}", "{NEW}"]', f'["{OLD}"]'))
    done = site.run(OLD, "--phase", "before")
    assert done.returncode == 2
    assert "runs in phases: both arms run at once; leave --phase away" in done.stderr

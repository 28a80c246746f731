"""A driver that is upgraded and rolled back, through the command, with NVML's ABI under it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.node.test_upgrade_front_door import ALONE, NEW, OLD, Site
from tests.test_cli import compat

WORDS = ("--content", "site", "--cache", "cache")


@pytest.fixture
def site(tmp_path: Path, library: Path) -> Site:
    """A node that was measured before and after, and has the new driver: GO."""
    site = Site(tmp_path, library)
    site.write(ALONE, gate=False)
    assert site.run(OLD).returncode == 10
    done = site.run(NEW)
    assert (done.returncode, done.stderr) == (0, "")
    return site


def say(site: Site, driver: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {"LD_LIBRARY_PATH": str(site.nvml), "FAKE_DRIVER": driver, "FAKE_COUNT": "1", **variables}
    return compat(*words, *WORDS, cwd=site.folder, **env)


def newest(site: Site, kind: str) -> dict[str, Any]:
    found = [json.loads(path.read_text()) for path in (site.folder / "out/driver" / kind).rglob("*.json")]
    newest: dict[str, Any] = max(found, key=lambda document: document["at"])
    return newest


def test_the_way_back_names_both_drivers_and_where_they_are(site: Site) -> None:
    done = compat("rollback", "plan", "out/driver", "--json", cwd=site.folder)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["axes"] == [{"axis": "driver", "now": NEW, "back_to": OLD, "undoable": True}]
    (node,) = found["nodes"]
    assert (node["driver_now"], node["driver_back"], node["state"]) == (NEW, OLD, "candidate")


def test_while_it_soaks_the_candidate_runs_alone(site: Site) -> None:
    done = say(site, NEW, "soak", "out/driver", FAKE_ECC="0", FAKE_PENDING="0")
    assert done.stderr == ""
    watch = newest(site, "watches")
    assert [said for said in watch["findings"] if not said.startswith("Xids were not read")] == []
    assert len(watch["cases"]) == 1
    crashed = say(site, NEW, "soak", "out/driver", CRASHES=NEW)
    assert crashed.returncode == 10
    assert any(", candidate arm: it faulted in " in said for said in newest(site, "watches")["findings"])
    back = say(site, OLD, "soak", "out/driver")
    assert back.returncode == 10
    said = f"cannot run here any more: the candidate has driver {NEW}, and this node {OLD}"
    assert any(said in finding for finding in newest(site, "watches")["findings"])


def test_no_runtime_brings_a_driver_back(site: Site) -> None:
    done = say(site, NEW, "rollback", "rehearse", "out/driver")
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr
        == "compat: rehearse: the driver changes, which no runtime brings; say how it goes back: --command\n"
    )


def test_a_command_that_does_not_bring_the_driver_back_is_never_good(site: Site) -> None:
    words = ("rollback", "rehearse", "out/driver", "--command", "true", "--timeout", "6s")
    done = say(site, NEW, *words)
    assert done.returncode == 1
    assert f"this node has driver {NEW}, the known-good stack has {OLD}" in newest(site, "rehearsals")["findings"]


def test_a_node_that_was_rolled_back_is_verified_by_its_driver_too(site: Site) -> None:
    still = say(site, NEW, "rollback", "verify", "out/driver")
    assert still.returncode == 1
    assert f"the node's driver was {OLD}, and is {NEW}" in newest(site, "rehearsals")["findings"]
    back = say(site, OLD, "rollback", "verify", "out/driver")
    assert back.returncode == 0, back.stdout
    assert newest(site, "rehearsals")["good"] is True
    found = json.loads(compat("rollback", "plan", "out/driver", "--json", cwd=site.folder).stdout)
    assert [node["state"] for node in found["nodes"]] == ["back"]


def test_whether_its_package_can_still_be_had(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    programs = site.folder / "bin"
    programs.mkdir()
    script = programs / "apt-cache"
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    for listed, state, code in ((f"{OLD}-0ubuntu1", "available", 0), (f"{OLD}9-1", "gone", 1)):
        script.write_text(f'#!/bin/sh\n[ "$1" = policy ] && echo "nvidia-driver-570:\n  Candidate: {listed}"\n')
        script.chmod(0o755)
        done = compat("rollback", "plan", "out/driver", "--json", "--check", cwd=site.folder)
        checked = {part["kind"]: part for part in json.loads(done.stdout)["checked"]}
        assert (checked["driver"]["state"], done.returncode) == (state, code), checked

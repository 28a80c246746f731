"""Rings through the front door: where an upgrade stands, and what a gate says before and after a ring was measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.example import MATRIX, write_example
from tests.test_cli import compat

LATER = """  - {name: early, tiers: [cpu], after: canary}
  - {name: broad, tiers: [cpu], after: early}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example with three rings, of which canary soaks for an hour, measured in canary: GO."""
    write_example(tmp_path)
    (tmp_path / "example.yaml").write_text(MATRIX.format(add="0", ring=", soak: 1h, valid: 7d") + LATER)
    assert run(tmp_path, "canary") == 0
    return tmp_path


def run(folder: Path, ring: str) -> int:
    return compat("run", "example.yaml", "--ring", ring, "--content", "site", cwd=folder).returncode


def rings(folder: Path) -> dict[str, Any]:
    done = compat("rings", "out/example", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return {ring["ring"]: ring for ring in json.loads(done.stdout)["rings"]}


def test_where_it_stands_in_words(folder: Path) -> None:
    done = compat("rings", "out/example", cwd=folder)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "example: runtime before -> runtime after"
    assert lines[1].startswith("  ring canary: GO since ")
    assert lines[3].startswith("    its soak ends at ")
    assert lines[4:6] == ["  ring early: not judged yet", "    may not take the upgrade yet:"]
    assert lines[6].startswith("      ring canary soaks for 1 h since ")
    assert lines[-1].startswith("  node ")
    assert "belongs to this upgrade since" in lines[-1]


def test_before_a_ring_is_measured_the_gate_says_whether_it_may_take_the_upgrade(folder: Path) -> None:
    done = compat("gate", "out/example", "--ring", "canary", "--enter", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "GO example ring canary may take the upgrade\n")
    done = compat("gate", "out/example", "--ring", "early", "--enter", cwd=folder)
    assert done.returncode == 10
    assert done.stdout.startswith("HOLD example ring early: ring canary soaks for 1 h since ")


def test_a_ring_that_was_measured_too_soon_is_hold_with_a_go_of_its_own(folder: Path) -> None:
    assert run(folder, "early") == 0  # its own evidence is fine
    done = compat("gate", "out/example", "--ring", "early", cwd=folder)
    assert done.returncode == 10
    assert "ring canary soaks for 1 h" in done.stdout
    found = rings(folder)
    assert [found[name]["decision"] for name in ("canary", "early", "broad")] == ["GO", "HOLD", "HOLD"]
    assert found["broad"]["before"][0].startswith("ring early, which comes before it, is HOLD: ring canary soaks")


def test_asking_again_changes_nothing(folder: Path) -> None:
    before = rings(folder)
    for _ in range(3):
        assert compat("gate", "out/example", "--ring", "canary", cwd=folder).returncode == 0
    assert rings(folder)["canary"] == before["canary"]
    assert len(list((folder / "out/example/verdicts").rglob("*.json"))) == 1


def test_a_gate_may_ask_whether_the_known_good_stack_can_still_be_had(tmp_path: Path) -> None:
    write_example(tmp_path)
    here = tmp_path / "python"
    here.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    here.chmod(0o755)
    matrix = tmp_path / "example.yaml"
    matrix.write_text(matrix.read_text().replace("{in_place: true}", f"{{in_place: true, python: {here}}}"))
    assert run(tmp_path, "canary") == 0
    for words in ((), ("--stored",), ("--enter",)):
        done = compat("gate", "out/example", "--returnable", *words, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    here.unlink()
    for words in ((), ("--stored",), ("--enter",)):
        done = compat("gate", "out/example", "--returnable", *words, cwd=tmp_path)
        assert done.returncode == 10
        assert "the way back: " in done.stdout
        assert compat("gate", "out/example", *words, cwd=tmp_path).returncode == 0


def test_lost_evidence_ends_a_soak(folder: Path) -> None:
    since = rings(folder)["canary"]["since"]
    paths = list((folder / "out/example/evidence").rglob("*.json"))
    kept = {path: path.read_bytes() for path in paths}
    for path in paths:
        path.unlink()
    assert compat("gate", "out/example", "--ring", "canary", cwd=folder).returncode == 10
    assert rings(folder)["canary"]["since"] is None
    for path, data in kept.items():
        path.write_bytes(data)
    assert compat("gate", "out/example", "--ring", "canary", cwd=folder).returncode == 0
    assert rings(folder)["canary"]["since"] >= since


@pytest.mark.parametrize("key", ["soak: never", "valid: -1d", "rehearsal: []", "attested: perhaps"])
def test_a_ring_that_says_nonsense_is_one_line(tmp_path: Path, key: str) -> None:
    write_example(tmp_path, ring=f", {key}")
    done = compat("plan", "example.yaml", "--content", "site", cwd=tmp_path)
    assert done.returncode == 2
    assert key.partition(":")[0] in done.stderr
    assert len(done.stderr.splitlines()) == 1

"""A node that is not set alike for both arms, through the command: the power limit of a made-up GPU changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.node.fake import uuid
from tests.test_cli import compat

POWER = f"setting {uuid(0)} power limit"
POLICY = (
    "policy: {{memory_device: {{gate: false}}, environment: {{settings: {}}}}}\n"  # nobody holds memory of this GPU
)


def _run(folder: Path, power: str, policy: str = "hold") -> tuple[int, str, dict[str, Any]]:
    """The exit code, what was said and the verdict's document of a run under these power limits, in mW, one an arm."""
    matrix = folder / "example.yaml"
    matrix.write_text(matrix.read_text() + POLICY.format(policy))
    words = ("run", "example.yaml", "--content", "site", "--cache", "cache")
    done = compat(*words, cwd=folder, FAKE_POWER_LIMIT=power)
    assert done.stderr == ""
    return done.returncode, done.stdout, json.loads((folder / "out/example/verdict.json").read_text())


def test_a_power_limit_that_stays_is_go(example: Path) -> None:
    code, said, document = _run(example, "700000")
    assert (code, document["decision"]) == (0, "GO")
    assert document["differences"] == []
    assert "power limit" not in said
    identities = [json.loads(path.read_text()) for path in (example / "out/example/identities").iterdir()]
    assert {one["settings"][f"{uuid(0)} power limit"] for one in identities} == {"700 W"}
    assert not [name for one in identities for name in one["settings"] if uuid(1) in name]  # no case ran on it


def test_a_power_limit_that_changes_between_the_arms_is_hold(example: Path) -> None:
    code, said, document = _run(example, "700000,350000")
    assert (code, document["decision"]) == (10, "HOLD")
    (found,) = document["differences"]
    assert (found["what"], found["declared"]) == (POWER, False)
    good, new = found["known_good"], found["candidate"]
    assert {good, new} == {"700 W", "350 W"}  # which arm is first is chance
    assert f"Undeclared difference: {POWER} {good} -> {new}" in said
    assert f"environment: 1 difference not declared: {POWER} {good} -> {new}" in said
    reports = {name: (example / "out/example" / name).read_text() for name in ("report.html", "report.md")}
    assert f'<th scope="row">{POWER}</th><td>{good}</td><td>{new}</td>' in reports["report.html"]
    assert f"| {POWER} | {good} | {new} | no |" in reports["report.md"]


def test_the_same_is_go_where_policy_warns_and_is_still_said(example: Path) -> None:
    code, said, document = _run(example, "700000,350000", "warn")
    assert (code, document["decision"]) == (0, "GO")
    assert [entry["what"] for entry in document["differences"]] == [POWER]
    assert f"Undeclared difference: {POWER}" in said


def test_a_power_limit_that_changes_under_both_arms_is_said_and_no_difference(example: Path) -> None:
    code, _, document = _run(example, "700000,700000,350000")  # in the second generation
    assert (code, document["decision"], document["differences"]) == (0, "GO", [])
    assert f"{POWER} was 700 W, then 350 W in both arms alike" in (example / "out/example/report.html").read_text()

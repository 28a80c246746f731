"""What one arm saved is loaded by both, in both directions, through the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.example import write_example
from tests.test_cli import compat

LOADER = '''"""A format with versions: a runtime of version FORMAT writes that, and reads it and what is older."""

import os
from pathlib import Path

KIND = "loader"
COMPONENTS = ("numpy",)
IMPORTS = ("numpy",)
TIERS = ("cpu",)
# Whole numbers.
TOLERANCE = 0.0
CASES = {"a": {"shift": 1}}


def save(params, tools):
    version = os.environ.get("ADD", "0")
    if version == "broken":
        raise OSError("cannot write")
    Path(tools.folder, "deep").mkdir()
    Path(tools.folder, "deep", "version").write_text(version)
    Path(tools.folder, "values").write_bytes(bytes(range(params["shift"], 10)))


def prepare(params, tools):
    import numpy as np

    written, own = int(Path(tools.folder, "deep", "version").read_text()), int(os.environ.get("ADD", "0"))
    if written > own or written < 0 > own:
        raise ValueError(f"version {written} in {tools.folder} is newer than {own}")
    values = np.frombuffer(Path(tools.folder, "values").read_bytes(), dtype=np.uint8)
    return lambda: {"values": values + (own if own > 1 else 0)}
'''


def run(folder: Path, version: str) -> tuple[str, dict[str, Any]]:
    """The command's output and the verdict, where the candidate has that version of the format and known-good has 0."""
    matrix = write_example(folder, add=version)
    (folder / "site" / "workloads" / "format.py").write_text(LOADER)
    matrix.write_text(matrix.read_text().replace("operator:adder", "loader:format"))
    done = compat("run", str(matrix), "--content", str(folder / "site"), "--cache", str(folder / "cache"), cwd=folder)
    return done.stdout + done.stderr, json.loads((folder / "out" / "example" / "verdict.json").read_text())


def test_what_could_not_be_rolled_back_is_no_go(tmp_path: Path) -> None:
    said, verdict = run(tmp_path, "1")
    assert verdict["decision"] == "NO-GO"
    (failed,) = verdict["failed"]
    assert failed["cell"].startswith("rollback-from-after-")
    assert (failed["status"], failed["metric"]) == ("regress", "execution")
    assert "at stage load: load: ValueError: version 1 in the folder of saved files is newer than 0" in said
    assert "; on the way back: the candidate here is the older stack" in said


def test_what_is_loaded_and_means_something_else_is_no_go_forward(tmp_path: Path) -> None:
    _, verdict = run(tmp_path, "2")
    worse = {(entry["cell"].rpartition("-")[0], entry["metric"]) for entry in verdict["failed"]}
    assert worse == {("after", "outputs"), ("rollback-from-after", "execution")}


def test_where_nothing_changed_it_is_go_and_both_directions_have_run(tmp_path: Path) -> None:
    said, verdict = run(tmp_path, "0")
    assert verdict["decision"] == "GO", said
    assert "of 2 cases on 1 node are fine" in said


def test_a_candidate_that_cannot_save_is_no_go_and_nothing_passes_for_it(tmp_path: Path) -> None:
    said, verdict = run(tmp_path, "broken")
    assert verdict["decision"] == "NO-GO"
    forward, back = sorted(verdict["failed"], key=lambda entry: str(entry["cell"]))
    assert (forward["status"], back["status"]) == ("regress", "preexisting")
    assert "OSError: cannot write" in forward["reason"]
    assert "both arms fault" in back["reason"], said


def test_a_run_that_is_resumed_loads_what_was_saved_before(tmp_path: Path) -> None:
    run(tmp_path, "0")
    saved = [path for path in (tmp_path / "cache" / "artifacts" / "saved").iterdir() if path.is_dir()]
    assert len(saved) == 2
    assert all((folder / "deep" / "version").stat().st_mode & 0o777 == 0o444 for folder in saved)
    before = [folder.stat().st_mtime_ns for folder in saved]
    said, _ = run(tmp_path, "0")
    assert "are in out/example already" in said
    assert [folder.stat().st_mtime_ns for folder in saved] == before


@pytest.mark.parametrize("direction", ["after", "rollback-from-after"])
def test_one_case_can_be_repeated_in_one_arm(tmp_path: Path, direction: str) -> None:
    run(tmp_path, "1")
    words = ["case", "out/example", f"{direction}*", "--content", "site", "--cache", "cache", "--repeat", "2"]
    done = compat(*words, "--arm", "candidate", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert ("version 1 in" in done.stdout) is (direction != "after")


def test_saved_files_that_were_changed_end_the_run(tmp_path: Path) -> None:
    run(tmp_path, "0")
    for saved in (tmp_path / "cache" / "artifacts" / "saved").glob("*/values"):
        saved.chmod(0o644)
        saved.write_bytes(b"other")
    done = compat("run", "example.yaml", "--content", "site", "--cache", "cache", "--store", "again", cwd=tmp_path)
    assert done.returncode == 2
    assert "is not what was saved; remove that folder from the cache, run again" in done.stderr


def test_a_candidate_that_cannot_read_what_it_saved_itself_is_no_go(tmp_path: Path) -> None:
    said, verdict = run(tmp_path, "-1")  # it writes a version that is older than what it reads
    assert verdict["decision"] == "NO-GO"
    failed = {entry["cell"].rpartition("-")[0]: entry["reason"] for entry in verdict["failed"]}
    assert "that is the newer stack, with what it saved itself" in failed["rollback-from-after"], said

"""``compat gate`` as a pipeline calls it: files where they belong, one exit code whatever the format."""

from __future__ import annotations

import datetime
import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from compat.model import Arm, digest
from compat.paths import content_folder
from compat.store import Store
from tests.example import write_example
from tests.test_cli import compat

SCHEMA = json.loads((content_folder("reports") / "gate.schema.json").read_text())


@pytest.fixture(scope="module")
def worse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example, measured: NO-GO."""
    folder = tmp_path_factory.mktemp("worse")
    write_example(folder, add="1")
    assert compat("run", "example.yaml", "--content", "site", cwd=folder).returncode == 1
    return folder


GATE = ("gate", "out/example")


@pytest.mark.parametrize("form", ["text", "json", "github", "gitlab", "slurm"])
def test_each_format_has_the_exit_code(worse: Path, tmp_path: Path, form: str) -> None:
    variables = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary"), "GITHUB_OUTPUT": str(tmp_path / "output")}
    done = compat("gate", str(worse / "out/example"), "--format", form, cwd=tmp_path, **variables)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout


def test_a_document_can_be_written_to_a_file(worse: Path, tmp_path: Path) -> None:
    words = (*GATE, "--format", "json")
    printed = compat(*words, cwd=worse)
    written = compat(*words, "--output", str(tmp_path / "gate.json"), cwd=worse)
    assert (written.returncode, written.stdout, written.stderr) == (1, "", "")
    document = json.loads((tmp_path / "gate.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document["reasons"][0].startswith("operator:adder[two] outputs: relative L2 difference")
    assert {**json.loads(printed.stdout), "at": 0} == {**document, "at": 0}
    verdict = json.loads(next((worse / "out/example/verdicts").rglob("*.json")).read_text())
    assert document["digests"]["evidence"] == verdict["evidence"]
    assert document["counts"]["regress"] == 1


def test_entering_the_first_ring_asks_for_nothing(worse: Path) -> None:
    done = compat(*GATE, "--enter", "--format", "json", cwd=worse)
    assert done.returncode == 0
    assert json.loads(done.stdout)["asked"] == "enter"
    assert compat(*GATE, "--enter", cwd=worse).stdout == "GO example ring canary may take the upgrade\n"
    done = compat(*GATE, "--enter", "--format", "slurm", cwd=worse)
    assert "nothing to drain" in done.stdout


def test_stored_verdicts_alone_are_asked_where_nothing_may_be_written(worse: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(worse / "out/example", store)
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    done = compat("gate", str(store), "--stored", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == compat(*GATE, cwd=worse).stdout
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before
    shutil.rmtree(store / "verdicts")
    done = compat("gate", str(store), "--stored", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (10, "HOLD example ring canary: ring canary was not judged yet\n")


def test_a_step_of_github_has_the_report_in_its_summary(worse: Path, tmp_path: Path) -> None:
    (tmp_path / "summary").write_text("# before\n")
    variables = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary"), "GITHUB_OUTPUT": str(tmp_path / "output")}
    done = compat(*GATE, "--format", "github", "--matrix", "example.yaml", cwd=worse, **variables)
    assert (done.returncode, done.stderr) == (1, "")
    line = next(
        number for number, text in enumerate((worse / "example.yaml").read_text().splitlines(), 1) if "canary" in text
    )
    assert done.stdout.startswith(f"::error file=example.yaml,line={line},title=NO-GO for example%2C ring canary::oper")
    summary = (tmp_path / "summary").read_text()
    assert summary.startswith("# before\n# ")
    assert "### What is not a pass" in summary
    assert "decision<<end-" in (tmp_path / "output").read_text()


def test_gitlab_has_its_files_beside_the_job(worse: Path, tmp_path: Path) -> None:
    store = os.path.relpath(worse / "out/example", tmp_path)
    assert compat("gate", store, "--format", "gitlab", cwd=tmp_path).returncode == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gate.env", "gate.txt"]
    assert compat("gate", store, "--format", "gitlab", "--output", "m.txt", cwd=tmp_path).returncode == 1
    assert (tmp_path / "m.env").read_text() == (tmp_path / "gate.env").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "xml"), "format: 'xml' is not one of github, gitlab, json, slurm, text"),
        (("--stored", "--waivers", "w.yaml"), "stored: nothing is judged, so nothing is accepted"),
        (("--drain",), "drain: is for --format slurm"),
        (("--format", "github", "--output", "a"), "output: GitHub says where its files are"),
        (("--format", "json", "--output", "nowhere/gate.json"), "nowhere/gate.json: cannot be written"),
        (("--format", "github", "--matrix", "nowhere.yaml"), "nowhere.yaml: there is no such file"),
        (("--ring", "nope"), "matrix example: has no ring 'nope'"),
    ],
)
def test_what_cannot_be_done_is_one_line(worse: Path, words: tuple[str, ...], said: str) -> None:
    done = compat(*GATE, *words, cwd=worse, GITHUB_STEP_SUMMARY="", GITHUB_OUTPUT="")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"compat: {said}")
    assert done.stderr.count("\n") == 1


def test_a_drain_that_fails_changes_nothing_of_the_decision(worse: Path, tmp_path: Path) -> None:
    store = str(worse / "out/example")
    (tmp_path / "scontrol").write_text('#!/bin/sh\necho "$@" >> "$0.log"\necho "slurm is away" >&2\nexit 1\n')
    (tmp_path / "scontrol").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = compat("gate", store, "--format", "slurm", cwd=tmp_path, PATH=path)
    assert (done.returncode, done.stderr) == (1, "")
    assert not (tmp_path / "scontrol.log").exists()  # nothing is run that nobody asked to run
    done = compat("gate", store, "--format", "slurm", "--drain", cwd=tmp_path, PATH=path)
    assert done.returncode == 1
    assert done.stderr.endswith("was not drained: slurm is away\n")
    assert (tmp_path / "scontrol.log").read_text().startswith("update NodeName=")
    done = compat("gate", store, "--format", "slurm", "--drain", cwd=tmp_path, PATH="/nonexistent")
    assert (done.returncode, done.stderr.count("was not drained: No such file or directory")) == (1, 1)


FORMATS = ["text", "json", "github", "gitlab", "slurm"]


@pytest.mark.parametrize("words", [(), ("--stored",), ("--enter",), ("--enter", "--stored")])
def test_a_store_of_another_matrix_file_is_refused(worse: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    store = str(worse / "out/example")
    shutil.copy(worse / "example.yaml", tmp_path / "upgrade.yaml")
    done = compat("gate", store, *words, "--matrix", "upgrade.yaml", cwd=tmp_path)
    assert done.returncode == (0 if "--enter" in words else 1)
    with (tmp_path / "upgrade.yaml").open("a") as file:
        file.write("# the next upgrade\n")
    for form in FORMATS:
        done = compat("gate", store, *words, "--matrix", "upgrade.yaml", "--format", form, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "upgrade.yaml: is not the matrix file that the plan was made of" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["upgrade.yaml"]


@pytest.mark.parametrize("taker", ["full", "gone", "closed"])
@pytest.mark.parametrize("form", FORMATS)
def test_an_answer_that_nobody_takes_is_exit_code_2(worse: Path, tmp_path: Path, form: str, taker: str) -> None:
    """A disk that is full, a pipe whose reader went away, no standard output at all; the ring itself would be GO."""
    words = [sys.executable, "-m", "compat", "gate", str(worse / "out/example"), "--enter", "--format", form]
    variables = {name: str(tmp_path / name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    reader, writer = os.pipe()
    os.close(reader)
    command = shlex.join(words) + {"full": " >/dev/full", "gone": "", "closed": " >&-"}[taker]
    done = subprocess.run(
        ["sh", "-c", f"exec {command}"], cwd=tmp_path, env={**os.environ, **variables}, stdout=writer,
        stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith("compat: standard output: cannot be written: ")


@pytest.mark.parametrize("output", [".", "/", "..", "gate.env", "store/store.json", "store/new", "ann.pub", "link"])
def test_an_output_that_would_overwrite_something_is_refused(worse: Path, tmp_path: Path, output: str) -> None:
    shutil.copytree(worse / "out/example", tmp_path / "store")
    assert compat("key", "new", "ann", cwd=tmp_path).returncode == 0
    (tmp_path / "link").symlink_to("ann.pub")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    words = ("gate", "store", "--stored", "--format", "gitlab", "--trust", "ann.pub", "--output", output)
    done = compat(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("compat: output: ")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


# -- halves of pairs, which a killed run leaves ------------------------------------------------------------------------


def add_halves(folder: Path, garbage: bool) -> None:
    """Two runs of the candidate, of pairs whose other arm never ran."""
    store = Store(folder / "out/example")
    for number, item in enumerate(store.plan().items, 51):
        last = [e for e in store.evidence(digest(store.plan())) if e.item == item.key and e.arm is Arm.CANDIDATE][-1]
        (output,) = last.outputs
        if garbage:
            output = replace(output, digest=store.put_blob(np.full(output.shape, 1e6, output.dtype).tobytes()))
        now = datetime.datetime.now(datetime.UTC).isoformat()
        store.put_evidence(replace(last, pair=number, generation=51, started=now, outputs=(output,)))


@pytest.mark.parametrize(("garbage", "code"), [(True, 1), (False, 0)])
def test_what_a_candidate_returned_without_its_other_arm_counts(tmp_path: Path, garbage: bool, code: int) -> None:
    write_example(tmp_path)
    assert compat("run", "example.yaml", "--content", "site", cwd=tmp_path).returncode == 0
    add_halves(tmp_path, garbage)
    done = compat(*GATE, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (code, "")
    assert ("with 1 run of the candidate that no pair compares" in done.stdout) is garbage
    done = compat("run", "example.yaml", "--content", "site", cwd=tmp_path)  # what goes on needs no more pairs
    assert done.returncode == code

"""``compat case``: one case of a stored plan again and again, through the command."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from compat.model import Arm, Evidence, digest
from compat.store import Store
from tests.example import write_example
from tests.test_cli import compat

TWO = "*adder[two]"
STORE = ("out/example",)
SITE = ("--content", "site")


def _measured(folder: Path, add: str = "1", **replaced: str) -> Path:
    """The example in ``folder``, measured; ``replaced`` are words of the workload's file and what stands for them."""
    write_example(folder, add=add)
    workload = folder / "site/workloads/adder.py"
    for old, new in replaced.items():
        assert old in workload.read_text()
        workload.write_text(workload.read_text().replace(old, new))
    done = compat("run", "example.yaml", *SITE, cwd=folder)
    assert done.returncode in (0, 1, 10), done.stderr
    return folder


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Case two differs in the candidate arm."""
    return _measured(tmp_path_factory.mktemp("measured"))


@pytest.fixture
def site(once: Path, tmp_path: Path) -> Path:
    """A copy of it for a test to change."""
    return shutil.copytree(once, tmp_path / "site-of-test")


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _kept(folder: Path) -> list[Evidence]:
    store = Store(folder)
    return sorted(store.evidence(digest(store.plan())), key=lambda record: record.started)


def test_both_arms_are_run_and_the_store_of_the_run_is_left_alone(site: Path, tmp_path: Path) -> None:
    before = _files(site)
    room = tmp_path / "room"
    room.mkdir()
    done = compat("case", *STORE, TWO, *SITE, "--repeat", "3", cwd=site, TMPDIR=str(room))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert any(
        re.fullmatch(r"after-.*adder\[two\]: known-good 3 times, candidate 3 times, in 3 generations", line)
        for line in lines
    )
    head = next(line for line in lines if line.startswith("metric "))
    assert head.split() == ["metric", "arm", "runs", "median", "spread", "min", "max", "effect"]
    assert any(re.match(r"memory +known-good +3 +\S+ MiB", line) for line in lines)
    assert "outputs that changed: 1 of 1 (the case tolerates a relative L2 difference of 1e-06)" in lines
    assert any(
        re.match(r"  y: differs between the arms: relative L2 difference 0\.\d+; y\[\d\]: ", line) for line in lines
    )
    assert "faults: none" in lines
    assert _files(site) == before
    assert list(room.iterdir()) == []


def test_runs_are_fresh_interleaved_and_of_the_same_plan(tmp_path: Path) -> None:
    folder = _measured(tmp_path, **{'{"y": x': '{"pid": str(os.getpid()), "y": x'})
    done = compat("case", *STORE, TWO, *SITE, "--repeat", "11", "--store", "kept", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    evidence = _kept(folder / "kept")
    assert [sum(record.arm is arm for record in evidence) for arm in Arm] == [11, 11]
    for first, second in zip(evidence[::2], evidence[1::2], strict=True):
        assert {first.arm, second.arm} == set(Arm)
        assert first.pair == second.pair
    assert 1 <= sum(record.arm is Arm.CANDIDATE for record in evidence[::2]) <= 10  # 1 in 1,000 otherwise
    assert [record.generation for record in evidence[::2]] == list(range(1, 12))
    pids = {output.digest for record in evidence for output in record.outputs if output.name == "pid"}
    assert len(pids) == 22
    assert "pid: differs between the arms, 11 values in known-good, 11 values in candidate: text '" in done.stdout
    run, kept = Store(folder / "out/example"), Store(folder / "kept")
    assert kept.plan_digests() == run.plan_digests()
    assert {record.content for record in evidence} == {item.case.content for item in run.plan().items}
    assert {record.item for record in evidence} == {run.plan().items[1].key}
    assert kept.nodes() == run.nodes()
    assert compat("show", "kept", TWO, cwd=folder).returncode == 0


def test_one_arm_needs_nothing_of_the_other(tmp_path: Path) -> None:
    write_example(tmp_path, add="1")
    matrix = tmp_path / "example.yaml"
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    matrix.write_text(
        matrix.read_text().replace("before: {in_place: true}", f"before: {{in_place: true, python: {python}}}")
    )
    assert compat("run", "example.yaml", *SITE, cwd=tmp_path).returncode == 1
    python.unlink()
    words = ("case", *STORE, TWO, *SITE, "--repeat", "2")
    both = compat(*words, cwd=tmp_path)
    assert both.returncode == 2
    assert "runtime before: there is no interpreter" in both.stderr
    one = compat(*words, "--arm", "candidate", "--store", "kept", cwd=tmp_path)
    assert (one.returncode, one.stderr) == (0, "")
    assert "adder[two]: candidate 2 times, in 2 generations" in one.stdout
    assert "known-good" not in one.stdout
    assert "outputs: 1, the same in every run" in one.stdout
    kept = _kept(tmp_path / "kept")
    assert {(record.arm, record.runtime, record.stack["runtime"]) for record in kept} == {
        (Arm.CANDIDATE, "after", "after")
    }


def test_a_fault_is_shown_with_the_end_of_its_output(tmp_path: Path) -> None:
    talk = 'os.write(2, b"x" * 5000 + b"\\nthe last words\\n")\n        os.abort()'
    folder = _measured(tmp_path, "crash", **{"os.abort()": talk})
    done = compat("case", *STORE, TWO, *SITE, "--repeat", "2", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "fault in 2 of 2 runs of candidate: crash SIGABRT in " in done.stdout
    assert "  | the last words\n" in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 2100
    assert "known-good: crash" not in done.stdout


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("out/example", "*adder*", *SITE), "'*adder*' selects 2 cases; name one of after-"),
        (("out/example", "nothing", *SITE), "'nothing' selects none of the 2 cases; name one of after-"),
        (("nowhere", TWO), "is not a store"),
        (("out/example", TWO, "--plan", "zz"), "has 0 plans whose digest begins with 'zz'"),
        (("out/example", TWO, *SITE, "--store", "out/example"), "out/example: is a store already; name a new folder"),
        (("out/example", TWO, *SITE, "--engine", "podman"), "not one of auto, docker, venv"),
        (("out/example", TWO, *SITE, "--lock-clocks", "900"), "clocks: cannot be locked: no case runs on a GPU"),
        (("out/example", TWO), "operator:adder: its file is not what was planned: it was changed or moved"),
    ],
)
def test_what_is_refused_is_one_line_and_leaves_nothing(site: Path, words: tuple[str, ...], said: str) -> None:
    before = _files(site)
    done = compat("case", *words, cwd=site)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert _files(site) == before


def test_a_file_that_was_changed_since_is_said(site: Path) -> None:
    with (site / "site/workloads/adder.py").open("a") as file:
        file.write("# one more line\n")
    done = compat("case", *STORE, TWO, *SITE, cwd=site)
    assert done.returncode == 2
    assert done.stderr == (
        "compat: operator:adder: its file is not what was planned: it was changed or moved; restore it, or name its"
        " folder with --content; what was changed needs a run of its own\n"
    )


def test_an_older_plan_of_the_store_can_be_named(site: Path) -> None:
    (old,) = Store(site / "out/example").plan_digests()
    matrix = site / "example.yaml"
    matrix.write_text(matrix.read_text().replace("name: example", "name:  example"))
    assert compat("run", "example.yaml", *SITE, cwd=site).returncode == 1
    assert len(Store(site / "out/example").plan_digests()) == 2
    words = ("--repeat", "1", "--store", "kept", "--plan", old[:12])
    assert compat("case", *STORE, TWO, *SITE, *words, cwd=site).returncode == 0
    assert Store(site / "kept").plan_digests() == (old,)


def test_at_most_ten_names_are_listed(tmp_path: Path) -> None:
    many = ", ".join(f'"c{number:02}": {{"n": 1}}' for number in range(13))
    folder = _measured(tmp_path, "0", **{'"one": {"n": 1}, "two": {"n": 2}': many})
    said = compat("case", *STORE, "*", *SITE, cwd=folder).stderr
    assert "'*' selects 13 cases; name one of " in said
    assert said.count("operator:adder[c") == 10
    assert said.endswith("[c09] and 3 more\n")


def test_a_stop_sums_up_what_there_is(tmp_path: Path) -> None:
    folder = _measured(tmp_path, "0", **{"return lambda:": "import time; time.sleep(0.2)\n    return lambda:"})
    command = [sys.executable, "-m", "compat", "case", *STORE, TWO, *SITE, "--repeat", "500", "--store", "kept"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while len(list((folder / "kept").rglob("evidence/**/*.json"))) < 4:
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, problem = process.communicate(timeout=60)
    assert (process.returncode, problem) == (130, "")
    assert "adder[two]: stopped early: known-good " in said
    assert "outputs: 1, the same in every run" in said
    assert len(_kept(folder / "kept")) < 100

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from compat.model import canonical, digest
from tests.example import write_example
from tests.unprivileged import as_nobody, nobodys_folder


def compat(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "compat", *words],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def run_of(tmp_path: Path) -> Path:
    """A folder with the example, measured: NO-GO."""
    write_example(tmp_path, add="1")
    done = compat("run", "example.yaml", "--content", "site", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    return tmp_path


def test_run_prints_the_verdict_with_its_reason_and_the_report(tmp_path: Path) -> None:
    write_example(tmp_path)
    done = compat("run", "example.yaml", "--content", "site", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "VERDICT: GO for ring canary" in done.stdout
    assert done.stdout.rstrip().endswith("report: out/example/report.html")


def test_the_gate_decides_by_exit_code_on_another_machine(
    run_of: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "evidence"
    shutil.copytree(run_of / "out/example", elsewhere)
    shutil.rmtree(run_of / "site")
    done = compat("gate", str(elsewhere), cwd=elsewhere.parent)
    assert done.returncode == 1
    assert done.stdout.startswith("NO-GO example ring canary: operator:adder[two] outputs: relative L2 difference")


def test_judge_says_the_same_and_exits_0(run_of: Path) -> None:
    done = compat("judge", "out/example", cwd=run_of)
    assert done.returncode == 0
    assert "VERDICT: NO-GO for ring canary" in done.stdout


def test_report_writes_the_formats_of_default(run_of: Path) -> None:
    done = compat("report", "out/example", "--output", "pages", cwd=run_of)
    assert done.returncode == 0
    names = sorted(path.name for path in (run_of / "pages").iterdir())
    assert names == ["report.html", "report.junit.xml", "report.md", "report.txt", "verdict.json"]
    document = json.loads((run_of / "pages/verdict.json").read_text())
    assert document["decision"] == "NO-GO"


def test_golden_outputs_are_written_declared_and_compared(tmp_path: Path) -> None:
    write_example(tmp_path)
    workload = tmp_path / "site/workloads/adder.py"
    assert compat("run", "example.yaml", "--content", "site", cwd=tmp_path).returncode == 0
    file = "site/workloads/golden/adder.safetensors"
    done = compat("golden", "out/example", "--output", file, "--case", "*adder*", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith('GOLDEN = {"path": "golden/adder.safetensors", "sha256": "')
    workload.write_text(workload.read_text() + done.stdout)
    done = compat("run", "example.yaml", "--content", "site", "--store", "out/again", cwd=tmp_path)
    assert done.returncode == 0
    assert "y is bitwise equal; as the golden output" in (tmp_path / "out/again/report.html").read_text()
    (tmp_path / file).write_bytes(b"another file")
    done = compat("run", "example.yaml", "--content", "site", "--store", "out/again", cwd=tmp_path)
    assert done.returncode == 2
    assert "adder.safetensors has the sha256" in done.stderr


def test_plan_prints_cells_runtimes_and_what_is_left_out(tmp_path: Path) -> None:
    matrix = write_example(tmp_path)
    matrix.write_text(matrix.read_text().replace("runtime: [before, after]", "runtime: [before, between, after]"))
    text = matrix.read_text().replace(
        "runtimes:\n", "exclude: [{runtime: between}]\nruntimes:\n  between: {in_place: true}\n"
    )
    matrix.write_text(text)
    done = compat("plan", "example.yaml", "--content", "site", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "operator:adder (cpu): one, two" in done.stdout
    assert "before: in place, this interpreter" in done.stdout
    assert "between" in done.stdout.split("Not measured")[1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "nowhere.yaml"), "nowhere.yaml"),
        (("plan", "."), "."),
        (("run", "example.yaml", "--content", "site", "--case", "nothing*"), "selects none of the 2 cases"),
        (("run", "example.yaml", "--content", "site", "--ring", "early"), "choose one of canary"),
        (("run", "example.yaml", "--content", "site", "--like", "nowhere"), "nowhere: is not a store"),
        (("run", "example.yaml", "--content", "site", "--engine", "podman"), "not one of auto, docker, venv"),
        (("run", "example.yaml", "--content", "site", "--label", "canary"), "is not KEY=VALUE"),
        (("run", "example.yaml"), "operator:adder"),
        (("gate", "nowhere"), "is not a store"),
        (("gate", "."), "is not a store"),
        (("show", "nowhere"), "is not a store"),
    ],
)
def test_bad_input_is_one_line_exit_2_and_leaves_nothing(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    write_example(tmp_path)
    done = compat(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()


def test_a_requirement_that_cannot_be_installed_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    matrix = write_example(tmp_path)
    matrix.write_text(
        matrix.read_text().replace("before: {in_place: true}", 'before: {requirements: ["no-such-package==1.0"]}')
    )
    done = compat(
        *("run", "example.yaml", "--content", "site", "--engine", "venv", "--cache", "cache"),
        cwd=tmp_path,
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(tmp_path),
    )
    assert done.returncode == 2
    assert done.stderr.startswith("compat: runtime before: could not be installed: No matching distribution found")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()
    assert not list((tmp_path / "cache" / "runtimes").glob("venv-*/"))


def test_a_changed_workload_file_is_not_judged_as_the_one_that_was_planned(run_of: Path) -> None:
    evidence = next((run_of / "out/example/evidence").rglob("*.json"))
    document = json.loads(evidence.read_text())
    document["content"] = "0" * 64
    evidence.write_text(canonical(document))
    done = compat("gate", "out/example", cwd=run_of)
    assert done.returncode == 2  # its name is the digest of what it was
    assert "is not what its name says: its content was changed; restore it" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    evidence.rename(evidence.with_stem(f"{evidence.stem[:7]}{digest(document)[:16]}"))
    assert compat("gate", "out/example", cwd=run_of).returncode in (1, 10)


def test_evidence_that_was_lost_is_hold(tmp_path: Path) -> None:
    write_example(tmp_path)
    assert compat("run", "example.yaml", "--content", "site", cwd=tmp_path).returncode == 0
    for path in (tmp_path / "out/example/evidence").rglob("*.json"):
        path.unlink()
    assert compat("gate", "out/example", cwd=tmp_path).returncode == 10


def test_a_torn_document_is_one_line_and_exit_2(run_of: Path) -> None:
    evidence = next((run_of / "out/example/evidence").rglob("*.json"))
    evidence.write_bytes(evidence.read_bytes()[:100])
    done = compat("gate", "out/example", cwd=run_of)
    assert done.returncode == 2
    assert "is torn or not ours" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_defect_of_ours_is_no_no_go() -> None:
    """Exit code 1 is NO-GO, on which pipelines roll back: what nobody expected is exit code 2, and one line."""
    broken = "import compat.cli as cli; cli.app = lambda **_: {}['gone']; cli.main()"
    done = subprocess.run([sys.executable, "-c", broken], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "compat: a defect of gpu-compat: KeyError: 'gone'; COMPAT_TRACEBACK=1 shows where\n"
    shown = {**os.environ, "COMPAT_TRACEBACK": "1"}
    done = subprocess.run([sys.executable, "-c", broken], capture_output=True, text=True, check=False, env=shown)
    assert "Traceback" in done.stderr
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gat", "store"), "No such command 'gat'"),
        (("gate", "store", "--frmat", "json"), "No such option: --frmat"),
        (("gate",), "Missing argument 'STORE'"),
        (("gate", "store", "--ring"), "Option '--ring' requires an argument"),
        (("gate", "store", "--signatures", "none"), "Invalid value for '--signatures'"),
        (("baseline", "shwo", "store"), "No such command 'shwo'"),
    ],
)
def test_wrong_words_are_one_line(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = compat(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"compat: {said}")
    assert done.stderr.endswith("--help says what there is\n")


def test_help_is_help(tmp_path: Path) -> None:
    for words in (("--help",), ("gate", "--help"), ("baseline", "promote", "--help")):
        done = compat(*words, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert "Usage: " in done.stdout
    for words in ((), ("baseline",)):  # no words at all
        done = compat(*words, cwd=tmp_path)
        assert done.returncode == 2
        assert "Commands:" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gate", ""), "word 2"),
        (("gate", "store", "--plan", ""), "--plan"),
        (("gate", "store", "--plan="), "--plan"),
        (("gate", "store", "--ring", " "), "--ring"),
        (("gate", "store", "--trust", ""), "--trust"),
        (("gate", "store", "--format", "json", "--output", ""), "--output"),
        (("merge", "store", "--output", ""), "--output"),
        (("run", "example.yaml", "--store", ""), "--store"),
        (("serve", "store", "--token-file", ""), "--token-file"),
        (("baseline", "promote", "store", "--override", ""), "--override"),
    ],
)
def test_a_word_that_is_empty_is_never_taken_for_none(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """As of a variable of a shell that nobody has set."""
    write_example(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    done = compat(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"compat: {said}: is empty")
    assert sorted(tmp_path.rglob("*")) == before


def test_an_answer_whose_reader_went_away_is_no_no_go(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "compat", "support", "cuda", "12.8"]
    done = subprocess.run(words, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_the_beginning_of_a_plans_digest_in_any_case_names_it(run_of: Path) -> None:
    plan = next((run_of / "out/example/plans").glob("*.json")).stem
    assert compat("gate", "out/example", "--plan", plan[:12].upper(), cwd=run_of).returncode == 1
    done = compat("gate", "out/example", "--plan", "zz", cwd=run_of)
    assert (done.returncode, done.stdout) == (2, "")
    said = f"has 0 plans whose digest begins with 'zz'; its newest is {plan[:12]}"
    assert said in done.stderr


def test_a_store_that_may_not_be_read_is_one_line() -> None:
    with nobodys_folder() as folder:
        folder.chmod(0o755)
        closed = folder / "closed"
        (closed / "store").mkdir(parents=True)
        closed.chmod(0)
        for words in (
            ("gate", "closed/store"),
            ("merge", "closed/store", "--output", "new"),
            ("rings", "closed/store"),
        ):
            command = as_nobody([sys.executable, "-m", "compat", *words])
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
            assert done.stderr.startswith("compat: closed/store")
            assert "Permission denied" in done.stderr
        command = as_nobody([sys.executable, "-m", "compat", "merge", "somewhere", "--output", "closed/store"])
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        closed.chmod(0o700)


@pytest.mark.parametrize("harm", ["a pipe", "a device", "deep", "no object"])
def test_what_is_no_document_of_ours_is_one_line_and_is_not_waited_for(run_of: Path, harm: str) -> None:
    store = run_of / "out/example"
    (evidence, *_) = (store / "evidence").rglob("*.json")
    if harm in ("a pipe", "a device"):
        evidence.unlink()
        if harm == "a pipe":
            os.mkfifo(evidence)
        else:
            evidence.symlink_to("/dev/zero")
    else:
        (store / "store.json").write_text("[" * 100_000 if harm == "deep" else "{}")
    done = compat("gate", "out/example", cwd=run_of)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    said = "it is no regular file" if harm.startswith("a ") else "store.json: is torn or not ours"
    assert said in done.stderr

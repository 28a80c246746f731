"""``compat show``: what became of a case, from the store alone."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import pandas as pd
import pytest

from compat.model import Arm
from tests.example import write_example
from tests.test_cli import compat

RUN = ("run", "example.yaml", "--content", "site")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example: NO-GO, for the second case; its runtimes and contents are gone since."""
    folder = tmp_path_factory.mktemp("measured")
    write_example(folder, add="1")
    assert compat(*RUN, cwd=folder).returncode == 1
    shutil.rmtree(folder / "site")
    return folder


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()}


def test_a_case_says_how_it_came_out_why_and_how_to_repeat_it(measured: Path) -> None:
    before = files_of(measured)
    done = compat("show", "out/example", "*adder[two]", cwd=measured)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "regress: operator:adder[two]"
    assert "  runtime: before -> after" in lines
    assert any(line.startswith("regress  outputs: ") for line in lines)
    assert any("relative L2 difference of y is 0.456, tolerance 1e-06" in line for line in lines)
    assert any(line.startswith("pass  memory: ") for line in lines)
    assert any(line.startswith("memory: 2 pairs on ") for line in lines)
    (repeat,) = [line.removeprefix("Repeat it: ") for line in lines if line.startswith("Repeat it: ")]
    assert repeat.startswith("compat case out/example 'after-")
    assert repeat.endswith("--repeat 20")
    (link,) = [line.partition("#")[2] for line in lines if line.startswith("In the report: report.html#")]
    assert link in (measured / "out/example/report.html").read_text()
    assert files_of(measured) == before  # nothing is judged, and nothing is written


def test_a_case_is_named_as_pytest_and_the_report_show_it(measured: Path) -> None:
    key = next(
        line for line in compat("show", "out/example", "*two*", cwd=measured).stdout.splitlines() if "after-" in line
    )
    key = key.split(",")[0].strip()
    whole = compat("show", "out/example", key, cwd=measured).stdout
    for words in (
        f"example.yaml::{key}",
        f"some/where/example.yaml::{key}",
        "operator:adder[two]",
        "operator:adder[t?o]",
    ):
        assert compat("show", "out/example", words, cwd=measured).stdout == whole, words


def test_a_few_are_printed_one_after_the_other_the_worst_first(measured: Path) -> None:
    lines = compat("show", "out/example", "*adder*", cwd=measured).stdout.splitlines()
    heads = [line for line in lines if line.startswith(("regress: ", "pass: "))]
    assert heads == ["regress: operator:adder[two]", "pass: operator:adder[one]"]


def test_many_are_a_line_each(measured: Path, tmp_path: Path) -> None:
    write_example(tmp_path)
    file = tmp_path / "site/workloads/adder.py"
    cases = ", ".join(f'"c{n}": {{"n": {n}}}' for n in range(5))
    file.write_text(file.read_text().replace('CASES = {"one": {"n": 1}, "two": {"n": 2}}', f"CASES = {{{cases}}}"))
    assert compat(*RUN, cwd=tmp_path).returncode in (0, 1)
    done = compat("show", "out/example", "operator:*", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len([line for line in lines if "operator:adder[c" in line and "compat show" not in line]) == 5
    assert "narrow them, and one has it all: compat show out/example 'operator:adder[c" in lines[-1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("operator:addr[two]", "no case is called 'operator:addr[two]'; near are after-"),
        ("adder", "no case is called 'adder'; '*adder*' means 2, such as after-"),
        ("ADDER", "no case is called 'ADDER'; near are after-"),
        ("\x1b[31mred", "no case is called '\\x1b[31mred'; there are "),
    ],
)
def test_no_match_is_one_line_with_near_names(measured: Path, words: str, said: str) -> None:
    done = compat("show", "out/example", words, cwd=measured)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"compat: case: {said}"), done.stderr
    assert "\x1b" not in done.stderr
    assert "operator:adder" in done.stderr


def test_a_ring_that_there_is_not_is_one_line(measured: Path) -> None:
    done = compat("show", "out/example", "--ring", "broad", cwd=measured)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "compat: ring: the plan has no 'broad'; choose one of canary\n"


def test_pairs_and_csv_are_the_tables(measured: Path) -> None:
    pairs = compat("show", "out/example", "*adder[two]", "--pairs", cwd=measured)
    metrics = ("import_time", "memory", "memory_virtual", "nondeterministic")
    assert len(pairs.stdout.splitlines()) == 1 + 2 * len(metrics)
    runs = compat("show", "out/example", "*adder[two]", "--csv", cwd=measured)
    assert len(runs.stdout.splitlines()) == 1 + 2 * len(Arm) * len(metrics)
    assert runs.stdout.startswith('"item","arm","node","gpu","phase","pair",')


@pytest.mark.parametrize(
    "words", ["operator:adder[two]", "operator:adder[t?o]", "a/b.yaml::operator:adder[two]", "*adder[two]"]
)
def test_tables_are_of_the_same_cases_by_the_same_names(measured: Path, tmp_path: Path, words: str) -> None:
    (key,) = {row["item"] for row in rows(compat("show", "out/example", "*two*", "--csv", cwd=measured).stdout)}
    whole = compat("show", "out/example", key, "--pairs", cwd=measured).stdout
    pairs = compat("show", "out/example", words, "--pairs", "--ring", "canary", cwd=measured)
    assert (pairs.returncode, pairs.stderr, pairs.stdout) == (0, "", whole)
    assert {row["item"] for row in rows(compat("show", "out/example", words, "--csv", cwd=measured).stdout)} == {key}
    written = tmp_path / "rows.parquet"
    assert compat("show", "out/example", words, "--parquet", str(written), cwd=measured).returncode == 0
    assert set(pd.read_parquet(written)["item"]) == {key}


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("table", ["--pairs", "--csv"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("operator:addr[two]",), "case: no case is called 'operator:addr[two]'; near are after-"),
        (("*two*", "--ring", "broad"), "ring: the plan has no 'broad'; choose one of canary"),
    ],
)
def test_what_a_table_cannot_be_of_is_one_line(measured: Path, words: tuple[str, ...], said: str, table: str) -> None:
    done = compat("show", "out/example", *words, table, cwd=measured)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"compat: {said}")


def test_what_is_not_judged_is_shown_as_such_and_what_came_later_is_told(tmp_path: Path) -> None:
    write_example(tmp_path, add="crash")
    assert compat(*RUN, "--measure-only", "--case", "*two*", cwd=tmp_path).returncode == 0
    shown = compat("show", "out/example", "*two*", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0] == "not judged: operator:adder[two]"
    assert any(line.startswith("Fault of the candidate arm, 3 times on ") and "SIGABRT" in line for line in lines)
    for table in ((), ("--pairs",)):
        other = compat("show", "out/example", "*one*", *table, cwd=tmp_path)
        assert other.returncode == 2
        assert "nothing was measured of after-" in other.stderr
    assert compat("judge", "out/example", cwd=tmp_path).returncode == 0
    assert compat("show", "out/example", "*two*", cwd=tmp_path).stdout.startswith("regress: operator:adder[two]")
    assert compat("show", "out/example", "*one*", cwd=tmp_path).stdout.startswith("missing: operator:adder[one]")
    assert "nothing was measured of after-" in compat("show", "out/example", "*one*", "--csv", cwd=tmp_path).stderr
    assert compat(*RUN, "--measure-only", cwd=tmp_path).returncode == 0
    later = compat("show", "out/example", "*one*", cwd=tmp_path).stdout
    assert "4 runs came after the verdict of 2" in later
    assert "compat judge out/example" in later

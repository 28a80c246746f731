"""``compat report --format`` and ``compat show --parquet``, as somebody calls them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import junitparser
import pandas as pd
import pytest

from tests.example import write_example

DEFAULT = ["report.html", "report.junit.xml", "report.md", "report.txt", "verdict.json"]
ALL = [
    *("report.benchmark/1-known-good.json", "report.benchmark/2-candidate.json", "report.comment.md", "report.csv"),
    *("report.ctrf.json", "report.html", "report.junit.xml", "report.md", "report.parquet", "report.prom"),
    *("report.txt", "verdict.json"),
]


def compat(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "compat", *words],
        cwd=cwd, env={**os.environ, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example, measured: NO-GO."""
    folder = tmp_path_factory.mktemp("site")
    write_example(folder, add="1")
    done = compat("run", "example.yaml", "--content", "site", cwd=folder)
    assert (done.returncode, done.stderr) == (1, "")
    return folder


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_run_writes_the_formats_that_are_written_by_default(site: Path) -> None:
    assert [name for name in DEFAULT if not (site / "out/example" / name).is_file()] == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), DEFAULT),
        (("--format", "csv"), ["report.csv"]),
        (("--format", "ctrf", "--format", "json", "--format", "ctrf"), ["report.ctrf.json", "verdict.json"]),
        (("--format", "all"), ALL),
    ],
)
def test_what_is_asked_for_is_written_and_said(
    words: tuple[str, ...], expected: list[str], site: Path, tmp_path: Path
) -> None:
    done = compat("report", "out/example", "--output", str(tmp_path / "pages"), *words, cwd=site)
    assert (done.returncode, done.stderr) == (0, "")
    assert files(tmp_path / "pages") == expected
    assert sorted(done.stdout.split()) == [str(tmp_path / "pages" / name) for name in expected]


def test_the_formats_say_the_same(site: Path, tmp_path: Path) -> None:
    assert compat("report", "out/example", "--output", str(tmp_path), "--format", "all", cwd=site).returncode == 0
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert verdict["decision"] == "NO-GO"
    junit = junitparser.JUnitXml.fromfile(str(tmp_path / "report.junit.xml"))
    failed = [case.name for suite in junit for case in suite if not case.is_passed]
    assert failed == ["verdict of ring canary", "operator:adder[two]"]
    table = pd.read_parquet(tmp_path / "report.parquet")
    assert (table["status"] == "regress").sum() == verdict["counts"]["regress"] == 1
    assert json.loads((tmp_path / "report.ctrf.json").read_text())["results"]["summary"]["failed"] == 2
    assert 'compat_verdict_decision{matrix="example",ring="canary",decision="NO-GO"} 1' in (
        (tmp_path / "report.prom").read_text().splitlines()
    )


def test_a_wrong_name_is_one_line_with_the_names_that_there_are_and_nothing_is_written(
    site: Path, tmp_path: Path
) -> None:
    before = files(site)
    done = compat("report", "out/example", "--output", "pages", "--format", "csv", "--format", "xml", cwd=site)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "compat: format: 'xml' is not one of benchmark, comment, csv, ctrf, html, json, junit, markdown, openmetrics, "
        "parquet, text, all; choose among them\n"
    )
    assert files(site) == before


def test_a_store_with_every_report_in_it_is_as_good_as_before(site: Path) -> None:
    before = compat("store", "verify", "out/example", cwd=site)
    assert compat("report", "out/example", "--format", "all", cwd=site).returncode == 0
    after = compat("store", "verify", "out/example", cwd=site)
    assert (after.returncode, after.stdout) == (before.returncode, before.stdout) == (0, after.stdout)
    assert "not of the store" not in after.stdout + after.stderr


def test_a_place_that_cannot_be_written_is_one_line(site: Path, tmp_path: Path) -> None:
    (tmp_path / "report.benchmark").write_text("a file")
    done = compat("report", "out/example", "--output", str(tmp_path), "--format", "benchmark", cwd=site)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "1-known-good.json: cannot be written: " in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("report", "out/example", "--output", "{folder}/pages", "--format", "all"),
        ("show", "out/example", "--parquet", "{folder}/x.parquet"),
    ],
)
def test_without_pyarrow_it_is_said_what_to_install(words: tuple[str, ...], site: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none/pyarrow.py").write_text("raise ImportError('as if it were not installed')\n")
    words = tuple(word.format(folder=tmp_path) for word in words)
    done = compat(*words, cwd=site, PYTHONPATH=str(tmp_path / "none"), PYTHONDONTWRITEBYTECODE="1")
    assert done.returncode == 2
    assert done.stderr == (
        "compat: parquet: needs pyarrow, which is not installed; pip install 'gpu-compat[parquet]'\n"
    )
    assert files(tmp_path) == ["none/pyarrow.py"]
    assert compat("report", "out/example", "--output", str(tmp_path / "pages"), cwd=site).returncode == 0


def test_show_writes_the_rows_of_its_csv_as_parquet(site: Path, tmp_path: Path) -> None:
    done = compat("show", "out/example", "*adder[two]", "--parquet", str(tmp_path / "x.parquet"), cwd=site)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path / 'x.parquet'}\n", "")
    text = compat("show", "out/example", "*adder[two]", "--csv", cwd=site).stdout
    table = pd.read_csv(io.StringIO(text))
    again = pd.read_parquet(tmp_path / "x.parquet")
    assert list(again["median"]) == list(table["median"])
    assert list(again["item"]) == list(table["item"])
    refused = compat("show", "out/example", "--parquet", "out/example/x.parquet", cwd=site)
    assert refused.returncode == 2
    assert "is in the store" in refused.stderr

"""Somebody's own test suite as a workload, through the command: it is run as it is, and judged test by test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.example import write_example
from tests.test_cli import compat

WORKLOAD = '''"""Tests that somebody has."""

KIND = "pytest"
COMPONENTS = ("numpy",)
TIERS = ("cpu",)
CASES = {"mine": {"path": "suites/test_mine.py", "options": ("-k", "not never")}}
'''
SUITE = """
import os
import pytest
from helper import good, new

def test_fine():
    pass

def test_worse():
    assert good(), "it is new"

@pytest.mark.parametrize("n", [1, 2])
def test_old(n):
    assert n == 2

def test_mended():
    assert new()

@pytest.mark.skipif(os.environ.get("ADD") == "1", reason="not here")
def test_skipped_now():
    pass

@pytest.mark.skip
def test_never_run():
    pass

@pytest.mark.skip(reason="nowhere")
def test_skipped():
    pass

@pytest.mark.xfail
def test_expected():
    assert False

@pytest.fixture
def spoilt():
    yield
    assert good()

def test_teardown(spoilt):
    pass

if good():
    def test_gone():
        pass
else:
    def test_new():
        pass

    def test_new_and_wrong():
        assert False
"""
HELPER = "import os\n\ndef new():\n    return os.environ.get('ADD') == '1'\n\ndef good():\n    return not new()\n"
RUN = ("run", "example.yaml", "--content", "site")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    matrix = write_example(tmp_path, add="1")
    matrix.write_text(matrix.read_text().replace("operator:adder", "pytest:mine"))
    (tmp_path / "site/workloads/mine.py").write_text(WORKLOAD)
    (tmp_path / "site/workloads/suites").mkdir()
    (tmp_path / "site/workloads/suites/test_mine.py").write_text(SUITE)
    (tmp_path / "site/workloads/suites/helper.py").write_text(HELPER)
    return tmp_path


def against(folder: Path) -> dict[str, str]:
    """By test: the status of what is in the way of GO."""
    verdict = json.loads((folder / "out/example/verdict.json").read_text(encoding="utf-8"))
    return {each["metric"].removeprefix("test_mine::"): each["status"] for each in verdict["failed"]}


def test_each_test_is_judged_by_itself(site: Path) -> None:
    done = compat(*RUN, cwd=site, COLUMNS="200")
    assert (done.returncode, done.stderr) == (1, "")
    assert against(site) == {
        "test_worse": "regress",
        "test_teardown": "regress",
        "test_old[1]": "preexisting",
        "test_skipped_now": "missing",
        "test_gone": "missing",
        "test_new_and_wrong": "invalid",
    }
    assert any(line.startswith("fixed") and "test_mended" in line for line in done.stdout.splitlines())
    reasons = [line for line in done.stdout.splitlines() if "[mine]" in line]
    assert any("test_mine::test_worse: passed -> failed: AssertionError: it is new" in line for line in reasons), (
        done.stdout
    )
    assert sorted(path.name for path in (site / "site/workloads/suites").iterdir()) == ["helper.py", "test_mine.py"]


def test_an_unchanged_suite_is_go_though_it_skips(site: Path) -> None:
    suite = site / "site/workloads/suites/test_mine.py"
    suite.write_text("import pytest\n\ndef test_fine():\n    pass\n\n@pytest.mark.skip\ndef test_never():\n    pass\n")
    done = compat(*RUN, cwd=site)
    assert (done.returncode, done.stderr) == (0, "")
    assert against(site) == {}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import os\n\ndef test_dies():\n    os.abort()\n", "both arms fault: at stage run: exception: SuiteError: "),
        ("import nothing_of_that_name\n", "SuiteError: pytest was interrupted"),
        ("x = 1\n", "SuiteError: pytest found no test"),
        ("import pytest\n\n@pytest.mark.skip\ndef test_no():\n    pass\n", "no test of 1 passes in both arms"),
        ("def test_wrong():\n    assert False\n", "failed -> failed"),
    ],
    ids=["crash", "import", "empty", "skipped", "failing"],
)  # fmt: skip
def test_a_suite_that_shows_nothing_is_no_go_for_nobody(site: Path, source: str, expected: str) -> None:
    (site / "site/workloads/suites/test_mine.py").write_text(source)
    done = compat(*RUN, cwd=site, COLUMNS="200")
    assert (done.returncode, done.stderr) == (10, "")
    assert expected in done.stdout

"""Waivers and calibration through the commands and the plugin: what is accepted lets a ring go, and is shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from compat.paths import content_folder
from tests.example import write_example
from tests.test_cli import compat

WAIVER = """\
waivers:
  - case: "operator:adder[two]"
    metric: outputs
    reason: adds one more by design
    owner: ana@example.org
    expires: "{day}"
"""


@pytest.fixture
def upgrade(tmp_path: Path) -> Path:
    """A folder with the example, measured: NO-GO for one changed output."""
    write_example(tmp_path, add="1")
    assert compat("run", "example.yaml", "--content", "site", cwd=tmp_path).returncode == 1
    return tmp_path


def waivers(folder: Path, text: str) -> str:
    (folder / "waivers.yaml").write_text(text, encoding="utf-8")
    return "waivers.yaml"


def test_an_accepted_change_lets_the_ring_go_and_is_in_every_report(upgrade: Path) -> None:
    given = waivers(upgrade, WAIVER.format(day="2999-12-31"))
    assert compat("gate", "out/example", cwd=upgrade).returncode == 1
    done = compat("gate", "out/example", "--waivers", given, cwd=upgrade)
    assert (done.returncode, done.stderr) == (0, "")
    assert compat("report", "out/example", "--waivers", given, cwd=upgrade).returncode == 0
    document = json.loads((upgrade / "out/example/verdict.json").read_text())
    schema = json.loads((content_folder("reports") / "verdict.schema.json").read_text())
    jsonschema.validate(document, schema)
    (used,) = document["waivers"]
    assert (used["state"], used["comparisons"], used["owner"]) == ("in force", 1, "ana@example.org")
    assert [found["waived"] for found in document["waived"]] == ["regress"]
    for name in ("report.html", "report.md", "report.txt"):
        text = (upgrade / "out/example" / name).read_text()
        assert "in force" in text
        assert re.search(r"ana@(<!-- -->)?example", text)


def test_an_expired_or_misspelt_one_is_an_error_that_is_shown(upgrade: Path) -> None:
    given = waivers(
        upgrade,
        WAIVER.format(day="2020-01-01") + WAIVER.format(day="2999-12-31").split("\n", 1)[1].replace("adder", "ader"),
    )
    done = compat("judge", "out/example", "--waivers", given, cwd=upgrade)
    assert "Waiver expired: operator:adder[two] outputs: expired on 2020-01-01: it accepted 1 comparison" in done.stdout
    assert "Waiver unmatched: operator:ader[two] outputs: no comparison has such a cell, case and metric" in done.stdout
    assert "VERDICT: NO-GO" in done.stdout


def test_a_mistake_in_the_file_is_one_line_before_anything_is_measured(upgrade: Path) -> None:
    given = waivers(upgrade, WAIVER.format(day="soon"))
    for words in (("gate", "out/example"), ("run", "example.yaml", "--content", "site", "--store", "new")):
        done = compat(*words, "--waivers", given, cwd=upgrade)
        assert done.returncode == 2
        assert done.stderr.startswith("compat: waivers.yaml:6: waivers[0].expires: 'soon' is not a day; write one such")
        assert done.stderr.count("\n") == 1
    assert not (upgrade / "new").exists()


def test_the_plugin_accepts_the_same_file(upgrade: Path, pytester: pytest.Pytester) -> None:
    given = upgrade / waivers(upgrade, WAIVER.format(day="2999-12-31"))
    words = ("example.yaml", "--compat-content", "site", "-p", "no:cacheprovider")
    write_example(pytester.path, add="1")
    assert pytester.runpytest_subprocess(*words).ret == 1
    done = pytester.runpytest_subprocess(*words, "--compat-waivers", str(given))
    done.assert_outcomes(passed=2)
    assert done.ret == 0


TIMED = (
    ("TIMED = False", "TIMED = True"),
    ("    return lambda: {", "    return lambda: {'z': (x.repeat(20000) ** 2).sum(), "),
)


def test_a_calibration_says_what_can_be_told_and_is_used(tmp_path: Path) -> None:
    matrix = write_example(tmp_path)
    workload = tmp_path / "site/workloads/adder.py"
    text = workload.read_text()
    for old, new in TIMED:
        text = text.replace(old, new)
    workload.write_text(text)
    matrix.write_text(matrix.read_text() + "policy:\n  latency: {margin: 900%}\n  pairs_per_generation: 10\n")
    done = compat("calibrate", "example.yaml", "--content", "site", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    *_, head, one, two, last = done.stdout.splitlines()
    assert head.split() == ["least", "margin", "metric", "case"]
    for line in (one, two):
        assert re.match(r"covered +\S+ % +900 % +latency +after-\w+/operator:adder\[(one|two)\]", line), line
    assert last == "2 of 2 measurements can tell their margin; 0 cannot"
    assert compat("run", "example.yaml", "--content", "site", cwd=tmp_path).returncode in (0, 10)
    used = compat("judge", "out/example", "--calibration", "out/example.calibration", cwd=tmp_path)
    assert used.returncode == 0
    newest = max((tmp_path / "out/example/verdicts").rglob("*.json"))
    alone = compat("audit", str(newest), cwd=tmp_path)
    assert "WRONG calibration" in alone.stdout
    again = compat("audit", str(newest), "--calibration", "out/example.calibration", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    wrong = compat("judge", "out/example", "--calibration", "out/example", cwd=tmp_path)
    assert wrong.returncode == 2
    assert wrong.stderr == (
        "compat: out/example: is no calibration of the known-good stack of this plan; make one with compat calibrate\n"
    )

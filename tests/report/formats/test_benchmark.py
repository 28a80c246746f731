from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from compat.report.formats.benchmark import FORMAT, statistics_of
from compat.report.view import View
from tests.report import build
from tests.report.hostile import TEXT, full, spoilt

NAMES = ("report.benchmark/1-known-good.json", "report.benchmark/2-candidate.json")
SOFTMAX = f"{build.OPERATORS}/operator:softmax[rows-4096]"


def documents(view: View) -> tuple[dict[str, Any], dict[str, Any]]:
    files = FORMAT.files(view)
    assert tuple(files) == NAMES
    good, new = (json.loads(data) for data in files.values())
    return good, new


def test_each_arm_has_the_medians_of_its_processes() -> None:
    view = build.demo()
    (item,) = [item for item in view.items if item.key == SOFTMAX]
    (series,) = [series for series in item.series if series.metric == "latency"]
    for document, side in zip(documents(view), ("known_good", "candidate"), strict=True):
        (found,) = [one for one in document["benchmarks"] if one["fullname"] == SOFTMAX]
        assert found["stats"]["data"] == [getattr(pair, side) for pair in series.pairs]
        assert found["stats"]["rounds"] == 30
        assert found["group"] == SOFTMAX
        assert found["name"] == "operator:softmax[rows-4096]"
        assert found["extra_info"]["status"] == "inconclusive"
    assert documents(view)[0]["machine_info"]["compat_stack"] == {"runtime": "stack-2024"}
    assert documents(view)[1]["machine_info"]["compat_stack"] == {"runtime": "stack-2025"}


def test_only_times_are_in_it_and_nothing_is_made_up() -> None:
    names = [one["fullname"] for one in documents(build.demo())[0]["benchmarks"]]
    assert len(names) == len(set(names)) == 4
    assert not [name for name in names if name.endswith("memory")]
    assert [document["benchmarks"] for document in documents(build.hold())] == [[], []]


@pytest.fixture(scope="module")
def program(runtime_cache: Path) -> Path:
    """pytest-benchmark in a folder of its own: in this interpreter it would be a plugin of these tests."""
    folder = runtime_cache.resolve() / "pytest-benchmark-5.3.1"
    if not (folder / "bin/pytest-benchmark").is_file():
        words = ["-m", "pip", "install", "-q", "--target", str(folder), "pytest-benchmark==5.3.1"]
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder


def compare(program: Path, folder: Path, *words: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, str(program / "bin/pytest-benchmark"), "compare", *NAMES, *words],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(program)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.splitlines()


def write(view: View, folder: Path) -> None:
    for name, data in FORMAT.files(view).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)


@pytest.mark.network
def test_its_own_command_compares_the_arms(program: Path, tmp_path: Path) -> None:
    write(build.demo(), tmp_path)
    lines = compare(program, tmp_path, "--columns=median,rounds")
    start = next(number for number, line in enumerate(lines) if "softmax" in line and "2 tests" in line)
    rows = [line.split() for line in lines[start + 3 : start + 5]]
    assert [(row[1], row[-1]) for row in rows] == [("(1-known-good)", "30"), ("(2-candidate)", "30")]
    assert float(rows[0][2]) < float(rows[1][2])
    between = compare(program, tmp_path, "--between=median")  # the first is the reference
    (row,) = [line for line in between if line.startswith("operator:softmax")]
    good, new = (document["benchmarks"] for document in documents(build.demo()))
    medians = [next(one for one in side if one["group"] == SOFTMAX)["stats"]["median"] for side in (good, new)]
    assert row.split()[1:3] == [f"{value * 1e6:.4f}" for value in medians]


@pytest.mark.network
def test_its_own_command_reads_hostile_names(program: Path, tmp_path: Path) -> None:
    given = full()
    for place in ("Comparison.item", "Evidence.item", "Comparison.workload", "Comparison.case"):
        given = spoilt(given, place, lambda text: text + TEXT)
    write(given.view(), tmp_path)
    text = "\n".join(compare(program, tmp_path, "--columns=median,rounds"))
    assert text.count("<script>document.title='ran'</script>") > 4
    assert "\\x1b[31mred" in text
    assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cf") and char != "\n"]


@pytest.mark.network
def test_its_own_statistics_are_the_same(program: Path) -> None:
    code = (
        "import json, sys; from pytest_benchmark.stats import Stats\n"
        "for data in json.load(sys.stdin):\n"
        "    found = Stats(); found.data = data; print(json.dumps(found.as_dict()))\n"
    )
    stats = [one["stats"] for document in documents(build.demo()) for one in document["benchmarks"]]
    cut = [one["data"][:number] for one in stats[:1] for number in range(1, 10)]
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps([*cut, *(one["data"] for one in stats)]), env={**os.environ, "PYTHONPATH": str(program)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    theirs = [json.loads(line) for line in done.stdout.splitlines()]
    ours = [*map(statistics_of, cut), *stats]
    assert len(theirs) == len(ours) > 9
    for own, other in zip(ours, theirs, strict=True):
        assert own["outliers"] == other["outliers"]
        numbers = [name for name in other if name != "outliers"]
        assert [own[name] for name in numbers] == pytest.approx([other[name] for name in numbers], rel=1e-9, abs=1e-15)

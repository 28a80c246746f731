"""Shards through the front door: measured apart, refused as a verdict, merged and judged as one run would be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.example import WORKLOAD, write_example
from tests.test_cli import compat

RUN = ("run", "example.yaml", "--content", "site", "--cache", "cache")


def write_three(folder: Path, add: str = "0") -> None:
    write_example(folder, add=add)
    workload = folder / "site/workloads/adder.py"
    workload.write_text(WORKLOAD.replace('"two": {"n": 2}}', '"two": {"n": 2}, "three": {"n": 3}, "four": {"n": 4}}'))


def verdict(folder: Path, store: str) -> dict[str, Any]:
    """What ``compat report`` says of a store, without what differs between any two runs."""
    done = compat("report", store, "--output", "pages", cwd=folder)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads((folder / "pages/verdict.json").read_text())
    return {key: document[key] for key in ("decision", "ring", "counts", "failed", "reasons", "tiers")}


def compared(folder: Path, store: str) -> list[tuple[str, str, str]]:
    (path,) = (folder / store / "verdicts").rglob("*.json")
    return [(c["item"], c["metric"], c["status"]) for c in json.loads(path.read_text())["comparisons"]]


@pytest.mark.parametrize(("add", "code"), [("0", 0), ("1", 1)])
def test_three_shards_that_are_merged_are_one_run(tmp_path: Path, add: str, code: int) -> None:
    write_three(tmp_path, add)
    assert compat(*RUN, "--store", "whole", cwd=tmp_path).returncode == code
    stores = []
    for number in (1, 2, 3):
        store = f"shard-{number}"
        done = compat(*RUN, "--store", store, "--shard", f"{number}/3", "--measure-only", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"shard {number}/3: " in done.stdout
        assert "VERDICT" not in done.stdout
        stores.append(store)
        alone = compat("gate", store, cwd=tmp_path)
        assert alone.returncode in ((10, 1) if add == "1" else (10,)), "what the others measure is missing"
    done = compat("merge", *stores, "--output", "merged", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("merged: 16 runs on 1 node, 16 of them new (plan ")
    assert compat("gate", "merged", cwd=tmp_path).returncode == code
    assert compared(tmp_path, "merged") == compared(tmp_path, "whole")
    assert verdict(tmp_path, "merged") == verdict(tmp_path, "whole")
    again = compat(*RUN, "--store", "merged", cwd=tmp_path)  # it goes on from there, and nothing is open
    assert again.returncode == code
    assert len(list((tmp_path / "merged/evidence").rglob("*.json"))) == 16


def test_a_shard_that_judges_itself_is_hold(tmp_path: Path) -> None:
    write_three(tmp_path)
    done = compat(*RUN, "--shard", "2/3", cwd=tmp_path)
    assert done.returncode == 10
    assert "VERDICT: HOLD" in done.stdout
    missing = compat(*RUN, "--shard", "1/3", cwd=tmp_path)
    assert missing.returncode == 10
    assert compat(*RUN, "--shard", "3/3", cwd=tmp_path).returncode == 0  # one store has all three by now


def test_durations_of_a_store_make_shards_even(tmp_path: Path) -> None:
    write_three(tmp_path)
    assert compat(*RUN, "--store", "before", cwd=tmp_path).returncode == 0
    plan = next((tmp_path / "before/evidence").iterdir())
    for path in plan.rglob("*.json"):
        document = json.loads(path.read_text())
        document["seconds"] = 50.0 if document["item"].endswith("[three]") else 1.0
        path.unlink()
        from compat.model import canonical, digest

        path.with_name(f"{path.stem[:7]}{digest(document)[:16]}.json").write_text(canonical(document))
    sizes = {}
    for number in (1, 2):
        words = ("--shard", f"{number}/2", "--like", "before", "--store", f"s{number}", "--measure-only")
        done = compat(*RUN, *words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        found = {json.loads(path.read_text())["item"] for path in (tmp_path / f"s{number}/evidence").rglob("*.json")}
        sizes[number] = sorted(name.partition("[")[2] for name in found)
    assert sorted(sizes.values()) == [["four]", "one]", "two]"], ["three]"]]


@pytest.mark.parametrize("shard", ["0/8", "9/8", "a/b", "1/5"])
def test_a_bad_shard_is_one_line_exit_2_and_leaves_nothing(tmp_path: Path, shard: str) -> None:
    write_three(tmp_path)
    done = compat(*RUN, "--shard", shard, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "shard" in done.stderr
    assert not (tmp_path / "out").exists()


def test_pytest_measures_a_shard(pytester: pytest.Pytester) -> None:
    write_three(pytester.path)
    words = ("example.yaml", "--compat-content", "site")
    first = pytester.runpytest_subprocess(*words, "--compat-shard", "1/2")
    passed = first.parseoutcomes()["passed"]
    assert 1 <= passed <= 3
    assert first.ret == 0, "by its items, as with -k"
    first.stdout.fnmatch_lines(["*shard 1/2: * of the 4 cases of ring canary*", "VERDICT: HOLD for ring canary (*"])
    second = pytester.runpytest_subprocess(*words, "--compat-shard", "2/2")
    second.assert_outcomes(passed=4 - passed)
    second.stdout.fnmatch_lines(["VERDICT: GO for ring canary (1 reason)"])  # the store has both
    bad = pytester.runpytest_subprocess(*words, "--compat-shard", "3/2")
    assert bad.ret == 2
    bad.stdout.fnmatch_lines(["*shard: '3/2' is no shard*"])
    bad.stdout.no_fnmatch_line("*Traceback*")


def test_nothing_is_lost_when_a_store_to_merge_is_gone(tmp_path: Path) -> None:
    write_three(tmp_path)
    assert compat(*RUN, "--store", "one", "--shard", "1/2", "--measure-only", cwd=tmp_path).returncode == 0
    shutil.copytree(tmp_path / "one", tmp_path / "kept")
    for words, said in (
        (("merge", "one", "nowhere", "--output", "out"), "nowhere: is not a store"),
        (("merge", "one", "--output", "one"), "is merged from and into"),
    ):
        done = compat(*words, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_machines_that_share_a_ring_need_not_be_one(tmp_path: Path) -> None:
    """As jobs of a pipeline, of which each has a machine of its own."""
    write_three(tmp_path)
    for number, node in ((1, "a"), (2, "b")):
        words = ("--store", f"shards/{node}", "--shard", f"{number}/2", "--measure-only")
        assert compat(*RUN, *words, cwd=tmp_path, COMPAT_NODE=node).returncode == 0
    done = compat("merge", "shards/a", "shards/b", "--output", "merged", cwd=tmp_path)
    assert "16 runs on 2 nodes, 16 of them new" in done.stdout
    assert compat("gate", "merged", cwd=tmp_path).stdout.startswith("GO example ring canary: ")
    matrix = tmp_path / "example.yaml"
    matrix.write_text(matrix.read_text().replace("tiers: [cpu]", "tiers: [cpu], minimum_nodes: 2"))
    for number, node in ((1, "a"), (2, "b")):  # each case on one machine only
        words = ("--store", f"again/{node}", "--shard", f"{number}/2", "--measure-only")
        assert compat(*RUN, *words, cwd=tmp_path, COMPAT_NODE=node).returncode == 0
    assert compat("merge", "again/a", "again/b", "--output", "both", cwd=tmp_path).returncode == 0
    assert compat("gate", "both", cwd=tmp_path).returncode == 10

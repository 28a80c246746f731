"""Arrays as text; tests/integration/test_slurm.py has a real Slurm run them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from compat.errors import CompatError
from compat.model import Phase
from compat.report.plan_formats import Asked
from compat.way import Options
from tests.report.plan_formats.build import HOSTILE, NODES, argv, ask, driver_matrix, echo, example, render


def arrays_of(found: Asked, folder: Path) -> list[dict[str, str]]:
    """What is submitted when the text is run: the options of each array, and under ``script`` the whole."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "sbatch").write_text(f'#!/bin/sh\nn=$(ls {tools} | wc -l)\ncat > {tools}/array-"$n"\necho "$n"\n')
    (tools / "sbatch").chmod(0o755)
    done = subprocess.run(
        ["sh"], input=render("slurm", found), cwd=folder, env={"PATH": f"{tools}:/usr/bin:/bin"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    arrays = []
    for path in sorted(tools.glob("array-*"), key=lambda path: int(path.name.partition("-")[2])):
        script = path.read_text()
        path.unlink()
        options = re.findall(r"^#SBATCH --([a-z-]+)=?(.*)$", script, re.MULTILINE)
        arrays.append({**dict(options), "script": script})
    return arrays


def words_of(array: dict[str, str], folder: Path, task: str) -> list[str]:
    """With what a task calls us."""
    (folder / "srun").write_text('#!/bin/sh\ntest "$1" = --kill-on-bad-exit=0 && shift && exec "$@"\n')
    (folder / "srun").chmod(0o755)
    path = f"{folder}:/usr/bin:/bin"
    (words,) = argv(folder, array["script"], "bash", SLURM_ARRAY_TASK_ID=task, PATH=path)
    return words


def test_an_array_for_each_driver(tmp_path: Path) -> None:
    matrix = example(tmp_path, ring=", minimum_nodes: 2, gpus: 2, nodes: {labels: {group: upgraded}}")
    matrix.write_text(matrix.read_text().replace("tiers: [cpu]", "tiers: [cpu, gpu]"))
    workload = tmp_path / "site/workloads/adder.py"
    workload.write_text(workload.read_text().replace('("cpu",)', '("cpu", "gpu")'))
    found = ask(matrix, NODES, shards=3, command=tuple(echo(tmp_path).split()))
    old, new = arrays_of(found, tmp_path)
    assert {key: value for key, value in old.items() if key not in ("script", "job-name", "output")} == {
        "array": "1-3",
        "nodes": "2",
        "ntasks-per-node": "1",
        "exclusive": "",
        "constraint": "driver-570&group-upgraded",
        "gres": "gpu:2",
        "time": "50",
    }
    assert (new["constraint"], new["nodes"]) == ("driver-580&group-upgraded", "1")
    assert old["output"].startswith("out/example.shards/logs/compat-example-canary-driver-570")
    assert (tmp_path / "out/example.shards/logs").is_dir()
    assert words_of(old, tmp_path, "3") == [
        "run", str(matrix), "--ring", "canary", "--measure-only", "--shard", "3/3",
        "--store", "out/example.shards/3-of-3", "--content", str(tmp_path / "site"),
        "--label", "group=upgraded", "--engine", "venv",
    ]  # fmt: skip


def test_without_a_driver_and_nodes_there_is_one_array(tmp_path: Path) -> None:
    (array,) = arrays_of(ask(example(tmp_path, ring=", minimum_nodes: 3"), shards=2), tmp_path)
    assert "constraint" not in array
    assert "gres" not in array
    assert array["nodes"] == "3"


def test_phases_are_submitted_one_after_the_other_to_the_same_nodes(tmp_path: Path) -> None:
    matrix = driver_matrix(tmp_path)
    options = {phase: Options(content=(tmp_path / "site",), phase=phase) for phase in (Phase.BEFORE, Phase.AFTER)}
    with pytest.raises(CompatError, match="say --phase before, and when nodes are upgraded: after"):
        render("slurm", ask(matrix, NODES))
    with pytest.raises(CompatError, match="which ones has to be known; name them with --nodes FILE"):
        render("slurm", ask(matrix, None, options[Phase.BEFORE]))
    (before,) = arrays_of(ask(matrix, NODES, options[Phase.BEFORE]), tmp_path)
    (after,) = arrays_of(ask(matrix, NODES, options[Phase.AFTER]), tmp_path)
    assert (before["constraint"], after["constraint"]) == ("driver-570", "driver-580")
    assert before["nodelist"] == after["nodelist"] == "c1,n1,n2,n3"
    assert before["nodes"] == after["nodes"] == "4"


def test_hostile_words_are_words(tmp_path: Path) -> None:
    folder = tmp_path / HOSTILE.replace("/", "")
    folder.mkdir()
    matrix = example(folder)
    (array,) = arrays_of(ask(matrix, shards=2, command=tuple(echo(tmp_path).split())), tmp_path)
    words = words_of(array, tmp_path, "1")
    assert words[1] == str(matrix)
    assert words[words.index("--content") + 1] == str(folder / "site")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("value", ["a|b", "a&b", "a*2", "[a]", "a b", "$(touch pwned)", "a=b"])
def test_a_label_that_is_no_feature_is_refused(tmp_path: Path, value: str) -> None:
    """A node must not be told that it is of the ring where nothing has looked."""
    matrix = example(tmp_path, ring=f", nodes: {{labels: {{ring: '{value}'}}}}")
    with pytest.raises(CompatError, match="cannot be a feature of Slurm's nodes"):
        render("slurm", ask(matrix))


@pytest.mark.parametrize(
    ("jobs", "said"),
    [
        ({"feature": "gpu"}, "drivers 570.124.06 and 580.95.05 have the same, gpu"),
        ({"feature": "{release}"}, "is no pattern for a driver"),
        ({"feature": "a|{driver}"}, "cannot be a feature of Slurm's nodes"),
        ({"store": "out/$(touch x)"}, "cannot be written there as it is"),
    ],
)
def test_what_slurm_would_take_for_something_else_is_one_line(tmp_path: Path, jobs: dict[str, Any], said: str) -> None:
    with pytest.raises(CompatError) as raised:
        render("slurm", ask(example(tmp_path), NODES, **jobs))
    assert said in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_a_feature_may_name_the_whole_driver(tmp_path: Path) -> None:
    arrays = arrays_of(ask(example(tmp_path), NODES, feature="nv{driver}"), tmp_path)
    assert [array["constraint"] for array in arrays] == ["nv570.124.06", "nv580.95.05"]

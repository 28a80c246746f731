"""``compat plan`` as a command: text to standard output only, warnings beside it, one line for what is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from compat.plan.nodes_file import load_nodes
from tests.example import write_example
from tests.report.plan_formats.build import driver_matrix
from tests.test_cli import compat

PLAN = ("plan", "example.yaml", "--content", "site")
PODS = ("--image", "registry.example/compat:1", "--claim", "evidence")


@pytest.mark.parametrize("name", ["table", "json", "github", "gitlab", "k8s", "slurm"])
def test_each_format_is_printed_and_nothing_else(tmp_path: Path, name: str) -> None:
    write_example(tmp_path)
    done = compat(*PLAN, "--format", name, "--shards", "2", *PODS, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    read = {"json": json.loads, "github": json.loads, "gitlab": yaml.safe_load, "k8s": yaml.safe_load}
    assert read.get(name, str)(done.stdout)
    assert any(shards in done.stdout for shards in ("1/2", "1-2", "completions: 2"))
    assert done.stdout == compat(*PLAN, "--format", name, "--shards", "2", *PODS, cwd=tmp_path).stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["example.yaml", "site"]


def test_a_cell_that_no_node_can_run_is_said_in_the_text_and_beside_a_document(tmp_path: Path) -> None:
    driver_matrix(tmp_path)
    (tmp_path / "nodes.yaml").write_text('- {hostname: a, driver: "535.54.03"}\n')
    words = ("plan", "driver.yaml", "--content", "site", "--nodes", "nodes.yaml")
    done = compat(*words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (10, "")  # as of whatever cannot reach GO
    said = "unplaced: it needs driver 570.124.06 or 580.95.05, and fits on no node (driver 535.54.03: a)"
    assert f"{said} (keeps the ring from GO)" in done.stdout
    assert ": no node" in done.stdout.split("Placement")[1]
    document = compat(*words, "--format", "json", cwd=tmp_path)
    assert said in json.loads(document.stdout)["not_measured"][-1]["reason"]
    assert said in document.stderr
    assert document.returncode == 10
    jobs = compat(*words, "--format", "slurm", cwd=tmp_path)
    assert (jobs.returncode, jobs.stdout) == (2, "")
    assert "no node that is listed can run any of its cells" in jobs.stderr


def test_a_ring_of_tables_alone_has_no_jobs(tmp_path: Path) -> None:
    matrix = write_example(tmp_path)
    matrix.write_text(matrix.read_text().replace("[cpu]", "[static]"))
    done = compat(*PLAN, "--format", "slurm", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "asks for the tables alone, and there is nothing to measure" in done.stderr


def test_how_many_gpus_a_node_has_is_not_guessed_in_silence(tmp_path: Path) -> None:
    matrix = write_example(tmp_path)
    matrix.write_text(matrix.read_text().replace("[cpu]", "[gpu]"))
    workload = tmp_path / "site/workloads/adder.py"
    workload.write_text(workload.read_text().replace('("cpu",)', '("gpu",)'))
    done = compat(*PLAN, "--format", "slurm", cwd=tmp_path)
    assert done.returncode == 0
    assert "#SBATCH --gres=gpu:1" in done.stdout
    assert "compat: ring canary: jobs ask for 1 GPU of each node" in done.stderr


def test_what_the_documentation_has_ready_to_copy_is_yaml(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "docs/pipelines.md").read_text()
    nodes, github, gitlab = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "nodes.yaml").write_text(nodes)
    assert [node.hostname for node in load_nodes(tmp_path / "nodes.yaml")] == ["gpu-1", "gpu-2"]
    workflow = yaml.safe_load(github)["jobs"]
    assert list(workflow) == ["plan", "measure", "judge"]
    assert not any("${{" in step.get("run", "") for job in workflow.values() for step in job["steps"])
    assert list(yaml.safe_load(gitlab)) == ["plan", "shards"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "yaml"), "'yaml' is not one of github, gitlab, json, k8s, slurm, table; choose one of them"),
        (("--shards", "3"), "has 2 parts that can be measured apart, and 3 shards were asked for"),
        (("--nodes", "nowhere.yaml"), "nowhere.yaml: there is no such file"),
        (("--like", "nowhere", "--shards", "2"), "nowhere: is not a store"),
        (("--format", "k8s"), "pods need an image"),
        (("--format", "slurm", "--job-command", "'"), "is no command"),
    ],
)
def test_bad_words_are_one_line_and_exit_2(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    write_example(tmp_path)
    done = compat(*PLAN, *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from compat.errors import CompatError
from compat.model import digest
from compat.report.plan_formats import plan_formats
from compat.way import Options
from tests.report.plan_formats.build import HOSTILE, NODES, argv, ask, driver_matrix, echo, example, render


def refused(name: str, found: Any, said: str) -> None:
    with pytest.raises(CompatError, match=said) as raised:
        render(name, found)
    assert len(str(raised.value).splitlines()) == 1


def test_a_format_is_a_file() -> None:
    assert list(plan_formats()) == ["github", "gitlab", "json", "k8s", "slurm", "table"]
    assert all(form.about for form in plan_formats().values())


def test_the_table_says_where_and_in_which_shards(tmp_path: Path) -> None:
    text = render("table", ask(example(tmp_path), NODES, shards=2))
    assert "Placement\n  after-" in text
    assert "nodes with driver 570.124.06: each case on 1 of 3 (c1, n1, n2)" in text
    assert "Shards\n  1/2: 2 cases, about " in text
    assert "nothing was left out" in text


def test_the_document_has_everything_and_a_version(tmp_path: Path) -> None:
    found = ask(driver_matrix(tmp_path), NODES, shards=2)
    document = json.loads(render("json", found))
    assert document["schema_version"] == 1
    assert document["plan"] == digest(found.plan)
    (cell,) = document["cells"]
    assert (cell["nodes"], cell["phased"], cell["required"]) == (["c1", "n1", "n2", "n3"], True, True)
    assert sorted(key for shard in document["shards"] for key in shard["items"]) == [i.key for i in found.plan.items]
    assert [batch["key"] for batch in document["batches"]] == ["driver-570.124.06-before", "driver-580.95.05-after"]
    assert document == json.loads(render("json", found))
    assert "env" not in document["runtimes"]["here"]


# -- GitHub ------------------------------------------------------------------------------------------------------------


def test_a_github_matrix_is_one_line_with_a_job_a_shard(tmp_path: Path) -> None:
    text = render("github", ask(example(tmp_path, ring=", nodes: {labels: {ring: canary}}"), shards=3))
    assert len(text.splitlines()) == 1
    include = json.loads(text)["include"]
    assert [entry["shard"] for entry in include] == ["1/3", "2/3", "3/3"]
    assert {tuple(entry["runs_on"]) for entry in include} == {("self-hosted", "ring=canary")}
    assert include[0]["runtimes"] == ["after", "before"]
    assert len({entry["name"] for entry in include}) == 3
    assert render("github", ask(example(tmp_path), shards=1)).count('"runs_on":["ubuntu-latest"]') == 1


def test_a_github_matrix_stays_below_its_limit(tmp_path: Path) -> None:
    matrix = example(tmp_path, cases=130)
    assert len(json.loads(render("github", ask(matrix, NODES, shards=128)))["include"]) == 256  # two drivers
    refused("github", ask(matrix, NODES, shards=129), "258 jobs, a matrix has at most 256")


def test_several_nodes_for_a_case_have_to_be_known(tmp_path: Path) -> None:
    matrix = example(tmp_path, ring=", minimum_nodes: 2")
    for name in ("github", "gitlab"):
        refused(name, ask(matrix, shards=2), "asks for 2 nodes: which ones has to be known; name them with --nodes")
    include = json.loads(render("github", ask(matrix, NODES, shards=2)))["include"]
    assert {(entry["driver"], entry["node"]) for entry in include} == {
        ("570.124.06", "c1"),
        ("570.124.06", "n1"),
        ("580.95.05", ""),
    }


@pytest.mark.parametrize("name", ["github", "gitlab"])
def test_phases_need_a_store_that_stays(tmp_path: Path, name: str) -> None:
    refused(name, ask(driver_matrix(tmp_path), NODES, shards=2), "measures each node before and after its upgrade")


# -- GitLab ------------------------------------------------------------------------------------------------------------


def test_a_gitlab_pipeline_measures_merges_and_judges(tmp_path: Path) -> None:
    matrix = example(tmp_path, ring=", nodes: {labels: {ring: canary}}")
    options = Options(content=(matrix.parent / "site",))
    found = ask(
        matrix, options=options, shards=2, command=tuple(echo(tmp_path).split()), image="registry.example/compat:1"
    )
    document = yaml.safe_load(render("gitlab", found))
    assert document["stages"] == ["measure", "judge"]
    (name,) = (key for key in document if key.startswith("measure-"))
    job = document[name]
    assert (job["image"], job["tags"], job["timeout"]) == ("registry.example/compat:1", ["ring=canary"], "50 minutes")
    assert job["parallel"] == {"matrix": [{"SHARD": ["1-2", "2-2"]}]}
    ((*words,),) = argv(tmp_path, "\n".join(job["script"]), SHARD="2-2")
    assert words == [
        "run", str(matrix), "--ring", "canary", "--measure-only", "--shard", "2/2",
        "--store", f"out/example.shards/{name}/2-2", "--content", str(tmp_path / "site"), "--label", "ring=canary",
    ]  # fmt: skip
    stores = tmp_path / "out/example.shards" / name
    for shard in ("1-2", "2-2"):
        (stores / shard).mkdir(parents=True)
    merge, report, gate = argv(tmp_path, "\n".join(document["judge"]["script"]))
    assert merge == [
        "merge",
        *(f"out/example.shards/{name}/{s}" for s in ("1-2", "2-2")),
        "--output",
        "out/example.shards/merged",
    ]
    assert report == ["report", "out/example.shards/merged", "--ring", "canary"]
    assert gate == ["gate", "out/example.shards/merged", "--ring", "canary", "--matrix", str(matrix)]


@pytest.mark.parametrize(
    ("ring", "jobs", "said"),
    [
        (', nodes: {labels: {"$CI_JOB_TOKEN": x}}', {}, "cannot be written there as it is"),
        (", nodes: {labels: {ring: $CI_JOB_TOKEN}}", {}, "cannot be written there as it is"),
        ("", {"store": "/somewhere/$HOME"}, "cannot be written there as it is"),
        ("", {"image": "$CI_REGISTRY/x"}, "cannot be written there as it is"),
    ],
)
def test_what_gitlab_would_replace_is_refused(tmp_path: Path, ring: str, jobs: dict[str, Any], said: str) -> None:
    refused("gitlab", ask(example(tmp_path, ring=ring), shards=2, **jobs), said)


def test_hostile_words_reach_the_command_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / HOSTILE.replace("/", "")
    folder.mkdir()
    matrix = example(folder)
    found = ask(matrix, shards=2, command=tuple(echo(tmp_path).split()))
    document = yaml.safe_load(render("gitlab", found))
    (job,) = (value for key, value in document.items() if key.startswith("measure-"))
    ((*words,),) = argv(tmp_path, "\n".join(job["script"]), SHARD="1-2")
    assert words[1] == str(matrix)
    assert words[words.index("--content") + 1] == str(folder / "site")
    for number, entry in enumerate(json.loads(render("github", found))["include"], 1):
        ((*words,),) = argv(tmp_path, 'sh -c "$COMMAND"', COMMAND=entry["command"])
        assert words[1] == str(matrix)
        assert words[words.index("--shard") + 1] == f"{number}/2"
        assert words[words.index("--store") + 1] == entry["store"]

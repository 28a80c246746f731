"""Kubernetes Jobs: what the API's own schema says of them, strictly, and what their shell runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from compat.errors import CompatError
from compat.model import Phase
from compat.report.plan_formats import Asked
from compat.report.plan_formats.k8s import DRIVER_LABEL
from compat.way import Options
from tests.report.plan_formats.build import HOSTILE, NEW, NODES, OLD, argv, ask, driver_matrix, echo, example, render

VERSIONS = ("1.28.0", "1.31.0", kubernetes_validate.latest_version())
PODS: dict[str, Any] = {"image": "registry.example/compat@sha256:" + "0" * 64, "claim": "evidence"}


def jobs_of(found: Asked) -> list[dict[str, Any]]:
    """The Jobs, each valid, with names that no other has."""
    documents = list(yaml.safe_load_all(render("k8s", found)))
    for document in documents:
        for version in VERSIONS:
            kubernetes_validate.validate(document, version, strict=True)
        assert len(document["metadata"]["name"]) <= 50
    assert len({document["metadata"]["name"] for document in documents}) == len(documents)
    return documents


def pod_of(job: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = job["spec"]["template"]["spec"]
    return pod


def shell_of(job: dict[str, Any]) -> str:
    """What the pod's shell is given, once Kubernetes has put its variables in: $$( is $( there."""
    program, option, script = pod_of(job)["containers"][0]["command"]
    assert (program, option) == ("/bin/sh", "-c")
    assert "$(" not in script.replace("$$(", "")
    return script.replace("$$(", "$(")


def test_a_job_measures_the_shards_without_privileges(tmp_path: Path) -> None:
    matrix = example(tmp_path, ring=", nodes: {labels: {example.org/ring: canary}}")
    (job,) = jobs_of(ask(matrix, shards=4, command=tuple(echo(tmp_path).split()), **PODS))
    assert {key: job["spec"][key] for key in ("completions", "parallelism", "completionMode", "backoffLimit")} == {
        "completions": 4,
        "parallelism": 4,
        "completionMode": "Indexed",
        "backoffLimit": 0,
    }
    pod = pod_of(job)
    assert pod["nodeSelector"] == {"example.org/ring": "canary"}
    assert (pod["restartPolicy"], pod["activeDeadlineSeconds"]) == ("Never", 50 * 60)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert container["image"] == PODS["image"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert not any("hostPath" in volume for volume in pod["volumes"])
    assert "nvidia.com/gpu" not in container["resources"]["limits"]
    ((*words,),) = argv(tmp_path, shell_of(job), JOB_COMPLETION_INDEX="2")
    store = words[words.index("--store") + 1]
    assert store.startswith("/evidence/example-canary-")
    assert store.endswith("/3-of-4")
    assert words == [
        "run", str(matrix), "--ring", "canary", "--measure-only", "--shard", "3/4", "--store", store,
        "--content", str(tmp_path / "site"), "--label", "example.org/ring=canary", "--engine", "venv",
    ]  # fmt: skip


def test_gpus_come_from_the_device_plugin_and_nodes_by_their_driver(tmp_path: Path) -> None:
    matrix = example(tmp_path)
    matrix.write_text(matrix.read_text().replace("tiers: [cpu]", "tiers: [gpu]"))
    workload = tmp_path / "site/workloads/adder.py"
    workload.write_text(workload.read_text().replace('("cpu",)', '("gpu",)'))
    old, new = jobs_of(ask(matrix, NODES, **PODS))
    assert pod_of(old)["nodeSelector"] == {DRIVER_LABEL: OLD}
    assert pod_of(new)["nodeSelector"] == {DRIVER_LABEL: NEW}
    resources = pod_of(new)["containers"][0]["resources"]
    assert (resources["limits"]["nvidia.com/gpu"], resources["requests"]["nvidia.com/gpu"]) == (8, 8)
    assert pod_of(old)["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 2  # what all of them have
    assert pod_of(new)["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


def test_a_node_is_measured_before_and_after_into_one_store(tmp_path: Path) -> None:
    ring = (
        "name: canary, tiers: [cpu], minimum_nodes: 3, nodes: {labels: {group: upgraded}},"
        " controls: {labels: {group: control}}"
    )
    jobs = jobs_of(ask(driver_matrix(tmp_path, ring), NODES, command=tuple(echo(tmp_path).split()), shards=2, **PODS))
    chosen = {
        (s["kubernetes.io/hostname"], s[DRIVER_LABEL], job["metadata"]["labels"]["gpu-compat/phase"])
        for job in jobs
        if (s := pod_of(job)["nodeSelector"])
    }
    upgraded = {(host, *when) for host in ("n1", "n2", "n3") for when in ((OLD, "before"), (NEW, "after"))}
    assert chosen == upgraded | {("c1", OLD, "before"), ("c1", OLD, "after")}
    assert {job["spec"]["parallelism"] for job in jobs} == {1}
    words = [argv(tmp_path, shell_of(job), JOB_COMPLETION_INDEX="0")[0] for job in jobs]
    assert len({each[each.index("--store") + 1] for each in words}) == 1
    said = [(job["metadata"]["labels"]["gpu-compat/phase"], each[each.index("--phase") + 1])
            for job, each in zip(jobs, words, strict=True) if "--phase" in each]  # fmt: skip
    assert sorted(said) == [("after", "after"), ("before", "before")]
    options = Options(content=(tmp_path / "site",), phase=Phase.AFTER)
    after = jobs_of(ask(tmp_path / "driver.yaml", NODES, options, **PODS))
    assert {job["metadata"]["labels"]["gpu-compat/phase"] for job in after} == {"after"}


def test_a_pods_node_is_known_by_its_own_name(tmp_path: Path) -> None:
    (job,) = jobs_of(ask(example(tmp_path), **PODS))
    variables = {each["name"]: each for each in pod_of(job)["containers"][0]["env"]}
    assert variables["COMPAT_NODE"]["valueFrom"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}


def test_hostile_words_are_words(tmp_path: Path) -> None:
    folder = tmp_path / HOSTILE.replace("/", "")
    folder.mkdir()
    matrix = example(folder)
    command, image = tuple(echo(tmp_path).split()), f"x: {{y}} # {HOSTILE}"
    (job,) = jobs_of(ask(matrix, shards=2, command=command, image=image, claim="evidence"))
    assert pod_of(job)["containers"][0]["image"] == image
    ((*words,),) = argv(tmp_path, shell_of(job), JOB_COMPLETION_INDEX="0")
    assert words[1] == str(matrix)
    assert words[words.index("--content") + 1] == str(folder / "site")


@pytest.mark.parametrize(
    ("ring", "jobs", "said"),
    [
        (', nodes: {labels: {"a b": x}}', {}, "a b=x is no label that a node of Kubernetes can have"),
        (', nodes: {labels: {ring: "$(touch pwned)"}}', {}, "is no label that a node of Kubernetes can have"),
        ("", {"image": None}, "pods need an image"),
        ("", {"claim": None}, "pods need a volume"),
        ("", {"claim": "../x"}, "is no name in Kubernetes"),
        (", minimum_nodes: 2", {}, "which ones has to be known; name them with --nodes FILE"),
    ],
)
def test_what_kubernetes_cannot_have_is_one_line(tmp_path: Path, ring: str, jobs: dict[str, Any], said: str) -> None:
    with pytest.raises(CompatError) as raised:
        render("k8s", ask(example(tmp_path, ring=ring), **{**PODS, **jobs}))
    assert said in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["k8s", "slurm"])
def test_two_images_do_not_fit_into_one_job(tmp_path: Path, name: str) -> None:
    matrix = example(tmp_path)
    matrix.write_text(matrix.read_text().replace("before: {in_place: true}", 'before: {image: "torch:2.10"}'))
    with pytest.raises(CompatError, match=r"runtime before: is an image, and a .* runs both arms of a pair in place"):
        render(name, ask(matrix, **PODS))

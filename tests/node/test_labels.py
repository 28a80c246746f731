"""Another node, from the labels that it has in Kubernetes or the features that it has in Slurm, through the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import compat

NEW = {
    "kubernetes.io/hostname": "gpu-7",
    "feature.node.kubernetes.io/kernel-version.full": "5.15.0-1053-aws",
    "nvidia.com/cuda.driver-version.full": "570.124.06",
    "nvidia.com/cuda.driver-version.major": "570",
    "nvidia.com/cuda.driver-version.minor": "124",
    "nvidia.com/cuda.driver-version.revision": "06",
    "nvidia.com/cuda.runtime-version.full": "12.8",
    "nvidia.com/cuda.runtime-version.major": "12",
    "nvidia.com/cuda.runtime-version.minor": "8",
    "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
    "nvidia.com/gpu.family": "hopper",
    "nvidia.com/gpu.compute.major": "9",
    "nvidia.com/gpu.compute.minor": "0",
    "nvidia.com/gpu.count": "8",
    "nvidia.com/gpu.memory": "81559",
    "nvidia.com/mig.strategy": "none",
}
OLD = {
    "nvidia.com/cuda.driver.major": "535",
    "nvidia.com/cuda.driver.minor": "104",
    "nvidia.com/cuda.driver.rev": "05",
    "nvidia.com/cuda.runtime.major": "12",
    "nvidia.com/cuda.runtime.minor": "2",
}


def _labels(folder: Path, labels: object) -> Any:
    file = folder / "labels"
    file.write_text(labels if isinstance(labels, str) else json.dumps(labels))
    return _document(folder, "--labels", "labels")


def _document(folder: Path, *words: str) -> Any:
    done = compat("node", "--json", *words, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def _versions(found: Any) -> tuple[str | None, str | None]:
    return found["driver"]["version"], found["driver"]["cuda"]


def test_what_labels_say_and_nothing_else(tmp_path: Path) -> None:
    found = _labels(tmp_path, NEW)
    assert (found["source"], found["machine"]["hostname"]) == ("labels", "gpu-7")
    assert found["machine"]["kernel"] == "5.15.0-1053-aws"
    assert found["machine"]["id"] is None
    assert found["machine"]["cores"] is None
    assert _versions(found) == ("570.124.06", "12.8")
    assert len(found["gpus"]) == 8
    assert {key: value for key, value in found["gpus"][3].items() if value is not None} == {
        "product": "NVIDIA-H100-80GB-HBM3",
        "architecture": "hopper",
        "compute_capability": "9.0",
        "memory_bytes": 81559 << 20,
    }
    assert (found["xids"], found["tools"]["container_toolkit"]) == (None, None)
    assert found["labels"] == dict(sorted(NEW.items()))


def test_the_same_as_text_says_what_was_not_read(tmp_path: Path) -> None:
    (tmp_path / "labels").write_text(json.dumps(NEW))
    done = compat("node", "--labels", "labels", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    said = [line.strip() for line in done.stdout.splitlines()]
    for line in ("Node gpu-7 (from labels)", "8 GPUs", "compute capability: 9.0", "ECC: not read", "VBIOS: not read"):
        assert line in said
    assert said[said.index("Xids in the kernel's log") + 1] == "not read"


def test_older_spellings_are_read_and_newer_ones_count(tmp_path: Path) -> None:
    assert _versions(_labels(tmp_path, OLD)) == ("535.104.05", "12.2")
    assert _versions(_labels(tmp_path, OLD | NEW)) == ("570.124.06", "12.8")
    parts = {key: value for key, value in NEW.items() if not key.endswith(".full")}
    assert _versions(_labels(tmp_path, OLD | parts)) == ("570.124.06", "12.8")


def test_a_version_may_have_two_parts(tmp_path: Path) -> None:
    assert _versions(_labels(tmp_path, OLD | {"nvidia.com/cuda.driver.rev": ""}))[0] == "535.104"


def test_yaml_does_not_turn_a_version_into_a_number(tmp_path: Path) -> None:
    lines = [f"{key}: {value}" for key, value in {**OLD, "nvidia.com/cuda.runtime.minor": "010"}.items()]
    assert _versions(_labels(tmp_path, "\n".join(lines))) == ("535.104.05", "12.010")


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_a_whole_node_object_will_do(tmp_path: Path, form: str) -> None:
    node = {"kind": "Node", "metadata": {"name": "x", "labels": NEW}, "spec": {}}
    yaml = "kind: Node\nmetadata:\n  labels:\n" + "".join(f'    {key}: "{value}"\n' for key, value in NEW.items())
    assert _versions(_labels(tmp_path, node if form == "json" else yaml)) == ("570.124.06", "12.8")


def test_labels_of_a_node_without_gpus(tmp_path: Path) -> None:
    found = _labels(tmp_path, {"kubernetes.io/hostname": "cpu-1"})
    assert (found["gpus"], _versions(found)) == (None, (None, None))
    assert _labels(tmp_path, {"nvidia.com/gpu.count": "0"})["gpus"] == []
    assert _labels(tmp_path, {"nvidia.com/gpu.count": "99999999"})["gpus"] is None


def test_with_a_single_strategy_the_labels_are_an_instance_s(tmp_path: Path) -> None:
    found = _labels(tmp_path, NEW | {"nvidia.com/mig.strategy": "single", "nvidia.com/gpu.memory": "9856"})
    assert found["gpus"][0]["memory_bytes"] is None
    assert found["gpus"][0]["mig"] == {"current": "on", "pending": None}


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", "7", "{", "a: [", "\t- :", '{"a": 1}', "metadata: {labels: 3}", "a: {b: c}", "\udcff"]
)
def test_a_file_without_labels_is_one_line_and_code_2(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels").write_bytes(text.encode("utf-8", "surrogateescape"))
    done = compat("node", "--labels", "labels", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("compat: labels: ")
    assert done.stderr.count("\n") == 1


def test_a_file_that_is_not_there_is_one_line_and_code_2(tmp_path: Path) -> None:
    for option in ("--labels", "--slurm"):
        done = compat("node", option, "no/such/file", cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


# -- Slurm -------------------------------------------------------------------------------------------------------------

SCONTROL = """NodeName=gpu-12 Arch=x86_64 CoresPerSocket=56
   CPUAlloc=0 CPUEfctv=224 CPUTot=224 CPULoad=0.01
   AvailableFeatures=driver-570.124.06,h100,cuda-12.8
   ActiveFeatures=driver-570.124.06,h100
   Gres=gpu:h100:8(S:0-1)
   NodeAddr=gpu-12 NodeHostName=gpu-12.cluster Version=24.05.3
   OS=Linux 5.15.0-1053-aws #58~20.04.1-Ubuntu SMP Tue Jan 2 UTC 2024
   RealMemory=2063937 AllocMem=0 FreeMem=2000000 Sockets=2 Boards=1
   State=IDLE ThreadsPerCore=2 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A
   Comment=a word

NodeName=gpu-13 Arch=x86_64
   ActiveFeatures=driver-535
   Gres=gpu:a100:4
"""


def test_scontrol_s_words_are_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "node.txt").write_text(SCONTROL)
    found = _document(tmp_path, "--slurm", "node.txt")
    assert found["machine"] == {
        "hostname": "gpu-12.cluster",
        "id": None,
        "cpu": None,
        "cores": 224,
        "memory_bytes": 2063937 << 20,
        "kernel": "5.15.0-1053-aws",
    }
    assert _versions(found) == ("570.124.06", None)  # the features in force
    assert [gpu["product"] for gpu in found["gpus"]] == ["h100"] * 8
    assert found["labels"] == {"features": "driver-570.124.06,h100"}
    assert _document(tmp_path, "--slurm", SCONTROL) == found


@pytest.mark.parametrize(
    ("words", "driver", "cuda"),
    [
        ("driver-570,h100", "570", None),
        ("DRIVER=570.86.15,cuda:12.8", "570.86.15", "12.8"),
        ("driver_v580,ib", "580", None),
        ("h100,nvlink", None, None),
        ("nodriver-570,driver-new", None, None),
    ],
)
def test_features_are_words_of_a_site(tmp_path: Path, words: str, driver: str | None, cuda: str | None) -> None:
    found = _document(tmp_path, "--slurm", words)
    assert _versions(found) == (driver, cuda)
    assert (found["source"], found["gpus"]) == ("slurm", None)


@pytest.mark.parametrize(
    ("gres", "products"),
    [
        ("gpu:2", [None, None]),
        ("gpu", [None]),
        ("gpu:a100", ["a100"]),
        ("gpu:tesla:1(S:0),gpu:kepler:2(S:1)", ["tesla", "kepler", "kepler"]),
        ("fpga:3,gpu:h100:1", ["h100"]),
        ("gpu:h100:2(IDX:0,3)", ["h100", "h100"]),
        ("(null)", []),
    ],
)
def test_gpus_are_those_of_gres(tmp_path: Path, gres: str, products: list[str | None]) -> None:
    found = _document(tmp_path, "--slurm", f"NodeName=n1 Gres={gres} Weight=1")
    assert [gpu["product"] for gpu in found["gpus"]] == products


def test_a_null_feature_is_none(tmp_path: Path) -> None:
    found = _document(tmp_path, "--slurm", "NodeName=n1 ActiveFeatures=(null) AvailableFeatures=(null)")
    assert (found["labels"], found["gpus"]) == ({}, None)

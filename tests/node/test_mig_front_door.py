"""A run on a node with a GPU that is divided, through the command: its cases run on the instances."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.node.fake import instance, uuid
from tests.test_cli import compat

RUN = ("run", "example.yaml", "--content", "site", "--cache", "cache")
POLICY = "policy: {memory_device: {gate: false}}\n"  # nobody holds memory of this GPU


def _read(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in (folder / "out/example" / kind).rglob("*.json")]


def test_an_instance_is_measured_on_and_its_gpu_is_not(example: Path) -> None:
    matrix = example / "example.yaml"
    matrix.write_text(matrix.read_text() + POLICY)
    done = compat(*RUN, cwd=example, FAKE_MIG="1,0", FAKE_PLACES=".x.x")
    assert (done.returncode, done.stderr) == (0, "")
    (node,) = _read(example, "nodes")
    devices = [(instance(0, 1), uuid(0)), (instance(0, 3), uuid(0)), (uuid(1), None)]
    assert [(gpu["uuid"], gpu["parent"]) for gpu in node["gpus"]] == devices
    assert {tuple(record["devices"]) for record in _read(example, "evidence")} == {(instance(0, 1),)}
    assert {found["settings"][f"{uuid(0)} MIG"] for found in _read(example, "identities")} == {"on"}
    assert "2 of Made-up GPU MIG 1g.10gb, 1 of Made-up GPU" in (example / "out/example/report.html").read_text()


def test_a_divided_gpu_without_instances_is_none(example: Path) -> None:
    done = compat(*RUN, cwd=example, FAKE_COUNT="1", FAKE_MIG="1", FAKE_PLACES=".")
    assert done.returncode == 10
    assert [node["gpus"] for node in _read(example, "nodes")] == [[]]


def test_dividing_a_gpu_while_a_run_is_on_is_refused(example: Path) -> None:
    compat(*RUN, cwd=example, FAKE_COUNT="1")
    done = compat(*RUN, cwd=example, FAKE_COUNT="1", FAKE_MIG="1")
    assert done.returncode == 2
    assert "is not as it was when measuring began" in done.stderr

"""A node with several GPUs, through the command: each is measured, and each is judged."""

from __future__ import annotations

import json
from pathlib import Path

from tests.node.fake import uuid
from tests.test_cli import compat

RUN = ("run", "example.yaml", "--content", "site", "--cache", "cache")
POLICY = "policy: {memory_device: {gate: false}}\n"  # nobody holds memory of these GPUs


def test_every_gpu_of_a_node_is_measured_and_the_ring_is_go(example: Path) -> None:
    matrix = example / "example.yaml"
    matrix.write_text(matrix.read_text().replace(", gpus: 1", "") + POLICY)
    done = compat(*RUN, cwd=example, FAKE_COUNT="3")
    assert (done.returncode, done.stderr) == (0, "")
    records = [json.loads(path.read_text()) for path in (example / "out/example/evidence").rglob("*.json")]
    ran = {(record["item"].partition("[")[2], *record["devices"]) for record in records}
    assert ran == {(case, uuid(n)) for case in ("one]", "two]") for n in range(3)}
    shown = compat("show", "out/example", "*[two]", cwd=example).stdout
    assert all(uuid(n) in shown for n in range(3))


def test_what_needs_all_gpus_is_measured_once_on_all_of_them(example: Path) -> None:
    matrix = example / "example.yaml"
    matrix.write_text(matrix.read_text().replace(", gpus: 1", ", gpus: 2") + POLICY)
    workload = example / "site/workloads/adder.py"
    workload.write_text(workload.read_text().replace("TIMED =", 'GPUS = "all"\nTIMED ='))
    done = compat(*RUN, cwd=example, FAKE_COUNT="3")
    assert (done.returncode, done.stderr) == (0, "")
    records = [json.loads(path.read_text()) for path in (example / "out/example/evidence").rglob("*.json")]
    assert {tuple(record["devices"]) for record in records} == {(uuid(0), uuid(1))}
    fewer = compat(*RUN, "--store", "fewer", cwd=example, FAKE_COUNT="1")
    assert fewer.returncode == 10
    assert "it ran on 1 of the 2 GPUs of node" in fewer.stdout


def test_a_gpu_that_is_gone_when_the_rest_is_judged_is_missed(example: Path) -> None:
    matrix = example / "example.yaml"
    matrix.write_text(matrix.read_text().replace(", gpus: 1", ", gpus: 3") + POLICY)
    done = compat(*RUN, cwd=example, FAKE_COUNT="2")
    assert done.returncode == 10
    assert "it ran on 2 of the 3 GPUs of node" in done.stdout

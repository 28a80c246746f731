"""Arrays as they are printed, on a real Slurm: nodes of different drivers, fake GPUs, shards merged and judged."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.example import write_example
from tests.integration.slurm import Cluster, SlurmNode, lacking
from tests.node.fake import compile_library, needs_no_driver
from tests.probe import fake_cuda
from tests.report.plan_formats.build import NEW, OLD, driver_matrix
from tests.test_cli import compat

pytestmark = pytest.mark.slurm

DRIVERS = {"n1": "535.54.03", "n2": "570.124.06", "n3": "580.95.05"}
POLICY = "policy: {memory_device: {gate: false}}\n"  # nobody holds memory of these GPUs


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Three nodes, whose drivers NVML and CUDA know; each has one GPU more than the one before."""
    reason = lacking()
    if reason:
        pytest.skip(reason)
    needs_no_driver()
    folder = Path(tempfile.mkdtemp(prefix="compat-slurm-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        for name in ("nvml", "cuda", "host"):
            (folder / name).mkdir()
        fake_cuda.compile_library(folder / "cuda")
        compile_library(folder / "nvml")
        made = Cluster(folder, [node_of(folder, name, driver) for name, driver in DRIVERS.items()])
        try:
            yield made
        finally:
            made.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def node_of(folder: Path, name: str, driver: str) -> SlurmNode:
    """A node with a driver; how many GPUs NVML names makes it another node than the others."""
    count = int(name[1:])
    variables = {
        **fake_cuda.Cuda(folder / "cuda", folder / "host").env,
        "LD_LIBRARY_PATH": f"{folder}/nvml:{folder}/cuda",
        "COMPAT_CACHE": f"{folder}/cache",
        "FAKE_DRIVER": driver,
        "FAKE_COUNT": str(count),
    }
    return SlurmNode(name, (f"driver-{driver.partition('.')[0]}", "ring-canary"), count, variables)


def write(folder: Path, add: str) -> None:
    """Two workloads for a GPU, on three nodes."""
    matrix = write_example(folder, add=add, ring=", minimum_nodes: 3, gpus: 1, nodes: {labels: {ring: canary}}")
    text = matrix.read_text().replace("tiers: [cpu]", "tiers: [gpu]").replace("operator:adder", "operator:adder*")
    matrix.write_text(text + POLICY)
    first = folder / "site/workloads/adder.py"
    first.write_text(first.read_text().replace('("cpu",)', '("gpu",)'))
    shutil.copy(first, first.with_name("adder_again.py"))
    nodes = [
        {"hostname": name, "driver": driver, "gpus": count, "labels": {"ring": "canary"}}
        for count, (name, driver) in enumerate(DRIVERS.items(), 1)
    ]
    (folder / "nodes.json").write_text(json.dumps(nodes))


@pytest.mark.parametrize(("add", "code", "decision"), [("0", 0, "GO"), ("1", 1, "NO-GO")])
def test_arrays_as_printed_are_merged_and_judged(
    cluster: Cluster, tmp_path: Path, add: str, code: int, decision: str
) -> None:
    write(tmp_path, add)
    command = shlex.join([sys.executable, "-m", "compat"])
    words = ("--content", "site", "--nodes", "nodes.json", "--shards", "2", "--job-command", command)
    planned = compat("plan", "example.yaml", *words, "--format", "slurm", cwd=tmp_path)
    assert (planned.returncode, planned.stderr) == (0, "")
    assert "#SBATCH --gres=gpu:1\n" in planned.stdout
    assert "#SBATCH --constraint=driver-570&ring-canary\n" in planned.stdout
    jobs = cluster.submit(planned.stdout, tmp_path)
    assert len(jobs) == 3  # one for each driver
    logs = {path.name: path.read_text() for path in (tmp_path / "out/example.shards/logs").iterdir()}
    assert len(logs) == 6, logs
    assert all("measured, not judged" in text for text in logs.values()), logs
    stores = sorted((tmp_path / "out/example.shards").glob("*-of-2"))
    for store in stores:  # each node has its own document there
        assert {json.loads(p.read_text())["driver"] for p in (store / "nodes").iterdir()} == set(DRIVERS.values())
        assert compat("gate", str(store), cwd=tmp_path).returncode in (10, code or 10)
    merged = compat("merge", *map(str, stores), "--output", "merged", cwd=tmp_path)
    assert (merged.returncode, merged.stderr) == (0, "")
    assert " runs on 3 nodes, " in merged.stdout
    done = compat("gate", "merged", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (code, ""), done.stdout
    assert done.stdout.startswith(f"{decision} example ring canary: ")
    records = [json.loads(path.read_text()) for path in (tmp_path / "merged/evidence").rglob("*.json")]
    cases = {record["item"] for record in records}
    assert len(cases) == 4
    assert {(r["item"], r["node"]) for r in records} == {(c, n) for c in cases for n in {r["node"] for r in records}}


def test_a_driver_is_upgraded_between_arrays(cluster: Cluster, tmp_path: Path) -> None:
    """Before, after, and back again, on the same nodes, into one store."""
    matrix = driver_matrix(tmp_path, "name: canary, tiers: [cpu], minimum_nodes: 2")
    old, new = DRIVERS["n2"], DRIVERS["n3"]
    matrix.write_text(matrix.read_text().replace(OLD, old).replace(NEW, new))
    (tmp_path / "nodes.json").write_text(json.dumps([{"hostname": n, "driver": old} for n in ("n1", "n2")]))
    command = shlex.join([sys.executable, "-m", "compat"])
    words = ("plan", "driver.yaml", "--content", "site", "--nodes", "nodes.json", "--job-command", command)
    store = "out/driver.shards/1-of-1"
    try:
        for phase, driver in (("before", old), ("after", new), ("before", old)):
            for name in ("n1", "n2"):
                cluster.change(node_of(cluster.folder, name, driver))
            planned = compat(*words, "--format", "slurm", "--phase", phase, cwd=tmp_path)
            assert (planned.returncode, planned.stderr) == (0, "")
            assert "#SBATCH --nodelist=n1,n2\n" in planned.stdout
            assert len(cluster.submit(planned.stdout, tmp_path)) == 1
    finally:  # the nodes are those of the other tests
        for name in ("n1", "n2"):
            cluster.change(node_of(cluster.folder, name, DRIVERS[name]))
    done = compat("gate", store, cwd=tmp_path)
    logs = [path.read_text() for path in (tmp_path / "out/driver.shards/logs").iterdir()]
    assert (done.returncode, done.stderr) == (0, ""), (done.stdout, logs)
    records = [json.loads(path.read_text()) for path in (tmp_path / store / "evidence").rglob("*.json")]
    ran = {(record["phase"], record["arm"], record["stack"]["driver"]) for record in records}
    assert ran == {("before", "known_good", old), ("after", "candidate", new), ("back", "known_good", old)}
    assert len({record["node"] for record in records}) == 2

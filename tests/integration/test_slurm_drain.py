"""The nodes of a ring that is NO-GO are drained by a real Slurm, and no others are."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.model import Decision
from tests.gate.stores import upgrade, write_verdict
from tests.integration.slurm import Cluster, SlurmNode, lacking
from tests.test_cli import compat

pytestmark = pytest.mark.slurm

GATE = ("gate", "store", "--stored", "--ring", "canary", "--format", "slurm")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two nodes."""
    reason = lacking()
    if reason:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="compat-drain-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        made = Cluster(folder, [SlurmNode(name, ("ring-canary",), 1, {}) for name in ("n1", "n2")])
        try:
            yield made
        finally:
            made.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def state(cluster: Cluster, name: str) -> tuple[bool, str]:
    """Whether the node is drained, and the reason for it."""
    said = cluster.says("scontrol", "show", "node", name)
    reason = said.partition("Reason=")[2].partition(" [")[0]
    return "DRAIN" in said.partition("State=")[2].split()[0].split("+"), reason


def test_the_nodes_of_a_ring_that_is_no_go_are_drained(cluster: Cluster, tmp_path: Path) -> None:
    store, plan = upgrade(tmp_path / "store", hostname="n2")
    slurm = {"SLURM_CONF": str(cluster.folder / "slurm.conf")}
    for decision, code in ((Decision.GO, 0), (Decision.HOLD, 10)):
        write_verdict(store, plan, decision)
        done = compat(*GATE, "--drain", cwd=tmp_path, **slurm)
        assert (done.returncode, done.stderr) == (code, "")
        assert state(cluster, "n2") == (False, "")
    verdict = write_verdict(store, plan, Decision.NO_GO)
    printed = compat(*GATE, cwd=tmp_path, **slurm)
    assert (printed.returncode, printed.stderr) == (1, "")
    assert state(cluster, "n2") == (False, "")  # it is printed, and no more
    reason = f"compat: NO-GO for torch-upgrade, ring canary, verdict {verdict[:12]}"
    done = compat(*GATE, "--drain", cwd=tmp_path, **slurm)
    assert (done.returncode, done.stderr) == (1, "")
    assert state(cluster, "n2") == (True, reason)
    assert state(cluster, "n1") == (False, "")
    assert cluster.says("scontrol", "update", "NodeName=n2", "State=RESUME") == ""
    (command,) = (line for line in printed.stdout.splitlines() if not line.startswith("#"))
    cluster.says("sh", "-c", command)  # as somebody would paste it
    assert state(cluster, "n2") == (True, reason)


def test_a_node_that_slurm_does_not_know_is_said(cluster: Cluster, tmp_path: Path) -> None:
    store, plan = upgrade(tmp_path / "store", hostname="elsewhere")
    write_verdict(store, plan, Decision.NO_GO)
    done = compat(*GATE, "--drain", cwd=tmp_path, SLURM_CONF=str(cluster.folder / "slurm.conf"))
    assert done.returncode == 1
    assert done.stderr.startswith("compat: NodeName=elsewhere was not drained: ")
    assert shlex.split(done.stdout.splitlines()[1])[2] == "NodeName=elsewhere"


def test_the_scripts_are_ones_that_sbatch_takes(cluster: Cluster) -> None:
    script = Path(__file__).parents[2] / "docs/integrations/slurm-gate.sh"
    env = {"SLURM_CONF": str(cluster.folder / "slurm.conf"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["sbatch", "--test-only", str(script)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "to start at" in done.stderr

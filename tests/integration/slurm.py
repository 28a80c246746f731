"""A real Slurm on this machine: munged, slurmctld and a slurmd for each node, in a folder, ended by their ids.

The nodes have features and GPUs, which are device files without a device. It needs Debian's packages slurmctld, slurmd,
slurm-client and munge, and root.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cluster", "SlurmNode", "lacking"]

_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "sinfo", "squeue")
_PATIENCE = 60.0  # seconds for nodes to be idle, and for jobs to end


@dataclass(frozen=True)
class SlurmNode:
    """A node, and the variables of what runs on it."""

    name: str
    features: tuple[str, ...]
    gpus: int
    variables: Mapping[str, str]


def lacking() -> str | None:
    """What this machine lacks for a Slurm; None where it can have one."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    gone = [name for name in _PROGRAMS if shutil.which(name, path=path) is None]
    if gone:
        return f"Slurm: there is no {', '.join(gone)}; install slurmctld, slurmd, slurm-client and munge"
    return None if os.getuid() == 0 else "Slurm: needs root, to make device files and to run as its users"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class Cluster:
    """Starts with its nodes idle; ``close`` ends every daemon and whatever jobs have left."""

    def __init__(self, folder: Path, nodes: Sequence[SlurmNode]) -> None:
        self.folder = folder
        self._nodes = {node.name: node for node in nodes}
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._env = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
        self._env["SLURM_CONF"] = str(folder / "slurm.conf")
        try:
            self._write(nodes)
            self._start(nodes)
        except BaseException:
            self.close()
            raise

    def _write(self, nodes: Sequence[SlurmNode]) -> None:
        folder = self.folder
        for name in ("state", "spool", "log"):
            (folder / name).mkdir()
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        lines, gres = [], []
        for node in nodes:
            for number in range(node.gpus):
                file = folder / f"{node.name}-gpu{number}"
                os.mknod(file, 0o666 | 0o020000, os.makedev(1, 3))  # as /dev/null
                gres.append(f"NodeName={node.name} Name=gpu File={file}")
            lines.append(
                f"NodeName={node.name} NodeHostname={socket.gethostname()} NodeAddr=127.0.0.1 Port={_free_port()}"
                f" CPUs=2 RealMemory=1000 Feature={','.join(node.features)} Gres=gpu:{node.gpus} State=UNKNOWN"
            )
        self._write_prolog()
        (folder / "gres.conf").write_text("\n".join([*gres, ""]))
        (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")  # it has to name one, and none is used
        (folder / "slurm.conf").write_text(
            f"""ClusterName=tests
SlurmctldHost={socket.gethostname()}(127.0.0.1)
SlurmctldPort={_free_port()}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
GresTypes=gpu
TaskProlog={folder}/prolog
{chr(10).join(lines)}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
        )

    def _write_prolog(self) -> None:
        """What gives each node its variables: they are those of every task on it."""
        lines = ["#!/bin/sh", 'case "$SLURMD_NODENAME" in']
        for node in self._nodes.values():
            lines.append(f"{node.name})")
            lines += [f"echo 'export {name}={value}'" for name, value in node.variables.items()]
            lines.append(";;")
        made = self.folder / "prolog.new"
        made.write_text("\n".join([*lines, "esac", ""]))
        made.chmod(0o755)
        made.replace(self.folder / "prolog")

    def change(self, node: SlurmNode) -> None:
        """Give a node other features and other variables."""
        self._nodes[node.name] = node
        self._write_prolog()
        features = ",".join(node.features)
        self.says(
            "scontrol", "update", f"NodeName={node.name}", f"AvailableFeatures={features}", f"ActiveFeatures={features}"
        )

    def _start(self, nodes: Sequence[SlurmNode]) -> None:
        folder = self.folder
        self._daemon(
            "munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={folder}/munge.key",
            f"--log-file={folder}/log/munged.log", f"--pid-file={folder}/munged.pid", "--num-threads=2",
            f"--seed-file={folder}/munge.seed",
        )  # fmt: skip
        self._wait(lambda: (folder / "munge.socket").exists(), "munged does not start")
        self._daemon("slurmctld", "-D", "-f", self._env["SLURM_CONF"])
        for node in nodes:
            self._daemon("slurmd", "-D", "-N", node.name, "-f", self._env["SLURM_CONF"])
        self._wait(lambda: self.says("sinfo", "-h", "-N", "-o", "%T").split() == ["idle"] * len(nodes), "not idle")

    def _daemon(self, *command: str) -> None:
        log = (self.folder / "log" / f"{Path(command[0]).name}-{len(self._daemons)}.out").open("wb")
        with log:
            self._daemons.append(
                subprocess.Popen(
                    command, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            )

    def _wait(self, done: object, what: str) -> None:
        until = time.monotonic() + _PATIENCE
        while not done():  # type: ignore[operator]
            dead = [daemon.args for daemon in self._daemons if daemon.poll() is not None]
            if dead or time.monotonic() > until:
                logs = "".join(path.read_text(errors="replace")[-2000:] for path in (self.folder / "log").iterdir())
                raise AssertionError(f"Slurm: {what} ({dead or 'too late'})\n{logs}")
            time.sleep(0.2)

    def says(self, *command: str, cwd: Path | None = None, text: str | None = None) -> str:
        """What a command of Slurm's prints; nothing where it fails, but for a submission: that raises."""
        done = subprocess.run(
            command, env=self._env, cwd=cwd, input=text, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0 or text is None, done.stderr
        return done.stdout

    def submit(self, script: str, cwd: Path) -> list[str]:
        """Run a script that submits, as a user would, and wait until all of its jobs have ended; their ids."""
        jobs = self.says("sh", cwd=cwd, text=script).split()
        self._wait(lambda: not self.says("squeue", "-h", "-o", "%i").split(), "jobs do not end")
        return jobs

    def close(self) -> None:
        """End the daemons, the last first; a job that still runs is cancelled before."""
        if any(daemon.poll() is None for daemon in self._daemons):
            self.says("scancel", "--user=root")
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

"""The inventory of this node. Every field may be missing, and what is missing is recorded as missing."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Mapping
from pathlib import Path

from compat.model import Gpu, Node, digest
from compat.node.host import cpu_model
from compat.node.nvml import read_gpus

__all__ = ["this_node"]


def this_node(labels: Mapping[str, str] | None = None) -> Node:
    """Read this machine. ``labels`` are the operator's, by which a ring selects its nodes."""
    driver, gpus = read_gpus()
    hostname = socket.gethostname()
    return Node(
        id=_node_id(hostname, gpus),
        hostname=hostname,
        cpu=cpu_model(Path("/")),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        kernel=platform.release(),
        driver=driver,
        gpus=gpus,
        labels=dict(labels or {}),
    )


def _node_id(hostname: str, gpus: tuple[Gpu, ...]) -> str:
    """Twelve hex digits that stay over reboots and driver upgrades: the host's name, its machine id and its GPUs."""
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        machine = ""
    return digest([hostname, machine, sorted(gpu.uuid for gpu in gpus)])[:12]

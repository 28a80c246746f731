"""The inventory of this node. Every field may be missing, and what is missing is recorded as missing."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from compat.model import Node, digest
from compat.node.host import cpu_model
from compat.node.nvml import read_gpus

__all__ = ["this_node"]


def this_node(labels: Mapping[str, str] | None = None) -> Node:
    """Read this machine. ``labels`` are the operator's, by which a ring selects its nodes."""
    driver, physical, gpus = read_gpus()
    hostname = socket.gethostname()
    return Node(
        id=_node_id(hostname, physical),
        hostname=hostname,
        cpu=cpu_model(Path("/")),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        kernel=platform.release(),
        driver=driver,
        gpus=gpus,
        labels=dict(labels or {}),
    )


def _node_id(hostname: str, gpus: Sequence[str]) -> str:
    """Twelve hex digits that stay over reboots, driver upgrades and another division of the GPUs into MIG instances.

    They are of the host's name, its machine id and the UUIDs of its physical GPUs.
    """
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        machine = ""
    return digest([hostname, machine, sorted(gpus)])[:12]

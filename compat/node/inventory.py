"""The inventory of this node. Every field may be missing, and what is missing is recorded as missing."""

from __future__ import annotations

import os
import platform
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from compat.model import Node, digest
from compat.model.inventory import DriverFacts, Inventory, Machine
from compat.node.gpu_facts import Asked, ask_gpus
from compat.node.host import cpu_model
from compat.node.kernel_log import bus_address, read_xids
from compat.node.nvml import read_gpus
from compat.node.pci import gpus_on_the_bus
from compat.node.tools import fabric_manager, read_tools

__all__ = ["read_inventory", "this_node"]


def this_node(labels: Mapping[str, str] | None = None) -> Node:
    """Read this machine. ``labels`` are the operator's, by which a ring selects its nodes.

    COMPAT_NODE is its name where the host's name is not: a pod has one of its own, and is another one after an upgrade.
    """
    driver, physical, gpus = read_gpus()
    hostname = _hostname()
    return Node(
        id=_node_id(hostname, physical),
        hostname=hostname,
        cpu=cpu_model(Path("/")),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=_memory(),
        kernel=platform.release(),
        driver=driver,
        gpus=gpus,
        labels=dict(labels or {}),
    )


def read_inventory(driver: Mapping[str, str], host: Path = Path("/")) -> Inventory:
    """Read all there is to read of this machine, in seconds, and without changing anything.

    ``driver`` is what ``compat.probe.driver.read_driver`` found: kernel module, flavour, libcuda and its CUDA. ``host``
    is where the machine's files are.
    """
    asked = ask_gpus(host)
    on_the_bus = gpus_on_the_bus(host)
    gpus = tuple(asked.gpus) if asked.gpus is not None else (() if on_the_bus == () else None)
    hostname = _hostname()
    addresses = {bus_address(gpu.pci): gpu.uuid for gpu in gpus or () if gpu.pci and gpu.uuid}
    return Inventory(
        source="this machine",
        machine=Machine(
            hostname=hostname,
            id=_node_id(hostname, [gpu.uuid for gpu in gpus or () if gpu.uuid]),
            cpu=cpu_model(host),
            cores=len(os.sched_getaffinity(0)),
            memory_bytes=_memory(),
            kernel=platform.release(),
        ),
        driver=_driver(driver, asked, fabric_manager(host)),
        gpus=gpus,
        on_the_bus=on_the_bus,
        xids=read_xids(addresses, host),
        tools=read_tools(host),
    )


def _driver(read: Mapping[str, str], asked: Asked, fabric: str | None) -> DriverFacts:
    library = re.search(r"libcuda\.so\.(\d+\.\d[\d.]*)", read.get("libcuda", ""))
    return DriverFacts(
        version=asked.driver or read.get("kernel_module"),
        cuda=asked.cuda or read.get("cuda"),
        nvml=asked.version,
        nvml_problem=asked.problem,
        kernel_module=read.get("kernel_module"),
        flavour=read.get("flavour"),
        libcuda=library[1] if library else None,
        fabric_manager=fabric,
    )


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _hostname() -> str:
    return os.environ.get("COMPAT_NODE") or socket.gethostname()


def _node_id(hostname: str, gpus: Sequence[str]) -> str:
    """Twelve hex digits that stay over reboots, driver upgrades and another division of the GPUs into MIG instances.

    They are of the host's name, its machine id and the UUIDs of its physical GPUs.
    """
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        machine = ""
    return digest([hostname, machine, sorted(gpus)])[:12]

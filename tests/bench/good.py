"""Evidence as a good run leaves it, in a store on disk. Untouched it is GO; faults are planted in copies of it."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from compat.model import Arm, Cell, Gpu, Node, Policy, Ring, Tier, digest
from compat.store import Store
from tests.judge import build
from tests.judge.build import LATENCY, MEMORY, THROUGHPUT, case, item

from .folder import Folder

__all__ = ["DRIVER", "MATMUL", "POOL", "SOFTMAX", "STACKS", "TEXT", "copy", "write_all"]

DRIVER = "580.95.05"
STACKS = {arm: {**build.STACKS[arm], "driver": DRIVER} for arm in Arm}
_CELL = Cell(build.CELL.id, STACKS[Arm.CANDIDATE], STACKS[Arm.KNOWN_GOOD], None)

POOL = item(case("operator:average_pool", "ceil", LATENCY, THROUGHPUT, MEMORY, oracle=True), _CELL)
TEXT = item(case("operator:tokenize", "plain"), _CELL)
MATMUL = item(build.MATMUL.case, _CELL)  # compiled, not run
SOFTMAX = item(case("kernel:softmax", "fp16", LATENCY, tier=Tier.GPU, oracle=True), _CELL)

_RING = Ring("canary", (Tier.STATIC, Tier.AOT, Tier.CPU, Tier.GPU), gpus=1, minimum_nodes=2)
_BEGIN = datetime.datetime(2026, 11, 23, 9, tzinfo=datetime.UTC)


def _node(name: str) -> Node:
    gpus = tuple(Gpu(f"GPU-{name}-{n}", "NVIDIA H100 80GB HBM3", 80 << 30, "9.0") for n in range(2))
    return Node(name, name, "AMD EPYC 9654", 96, 2**39, "6.1", DRIVER, gpus)


def _driver() -> dict[str, str]:
    return {"kernel_module": DRIVER, "libcuda": DRIVER, "nvml": DRIVER, "cuda": "13.0"}


def _settings(node: Node) -> dict[str, str]:
    gpu = {"ECC": "on", "MIG": "off", "persistence": "on", "power limit": "700 W"}
    return {
        "CPU": str(node.cpu),
        "CPU governor": "performance",
        "kernel": node.kernel,
        **{f"{node.gpus[0].uuid} {name}": value for name, value in gpu.items()},
    }


_NODES = {name: _node(name) for name in ("n1", "n2")}


def _write(root: Path, pairs: int = 10, rounds: tuple[int, ...] | None = None) -> Folder:
    """Two nodes, four cases of the tiers aot, cpu and gpu, so many pairs of what is sampled."""
    plan = build.plan(
        *(POOL, TEXT, MATMUL, SOFTMAX),
        rings=(_RING,),
        policy=Policy() if rounds is None else Policy(rounds=rounds),
        known_good=STACKS[Arm.KNOWN_GOOD],
        candidate=STACKS[Arm.CANDIDATE],
    )
    world = build.world(plan, pairs, tuple(_NODES))
    store = Store(root, create=True)
    store.put_plan(plan)
    for node in _NODES.values():
        store.put_node(node)
    for data in world.blobs.values():
        store.put_blob(data)
    identities = {
        (arm, node.id): store.put_identity(replace(identity, driver=_driver(), settings=_settings(node)))
        for arm, identity in ((Arm.KNOWN_GOOD, build.OLD), (Arm.CANDIDATE, build.NEW))
        for node in _NODES.values()
    }
    # A generation visits all cases, and the arms of a pair follow each other, now this one first and now that.
    order = sorted(
        world.evidence, key=lambda e: (e.node, e.pair, e.item, (e.arm is Arm.CANDIDATE) is (e.pair % 2 == 0))
    )
    for number, record in enumerate(order):
        started = _BEGIN + datetime.timedelta(seconds=number)
        store.put_evidence(
            replace(
                record,
                identity=identities[record.arm, record.node],
                started=started.isoformat(timespec="milliseconds"),
                seconds=0.5,
                inputs="" if record.tier is Tier.AOT else digest("inputs"),
                devices=(_NODES[record.node].gpus[0].uuid,) if record.tier is Tier.GPU else (),
            )
        )
    return Folder(root)


_WRITERS: dict[str, Callable[[Path], Folder]] = {
    "ten": _write,
    "six": lambda root: _write(root, 6, (6, 12)),
    "thirty": lambda root: _write(root, 30),
}


def write_all(root: Path) -> dict[str, Folder]:
    """Good evidence of ten pairs, of six where the policy's first round has six, and of thirty."""
    return {name: write(root / name) for name, write in _WRITERS.items()}


def copy(good: Folder, root: Path) -> Folder:
    """A copy that shares the files that nobody changes."""
    shutil.copytree(good.root, root, copy_function=lambda source, target: Path(target).hardlink_to(source))
    return Folder(root)

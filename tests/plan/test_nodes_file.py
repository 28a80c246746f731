from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from compat.errors import MatrixError
from compat.model import Gpu, Node, canonical
from compat.model.inventory import DriverFacts, GpuFacts, Inventory, Machine, Mode
from compat.plan.nodes_file import load_nodes

if TYPE_CHECKING:
    from .conftest import Write


def test_what_an_inventory_lists_is_read(write: Write) -> None:
    path = write(
        """\
- {hostname: b, driver: "580.95.05", gpus: 2, labels: {ring: canary}, rack: 7}
- hostname: a
  gpus: [NVIDIA H100, {uuid: GPU-1, product: NVIDIA H200, memory_bytes: 1}]
""",
        "nodes.yaml",
    )
    a, b = load_nodes(path)
    assert (a.hostname, a.driver, a.labels) == ("a", None, {})
    assert a.gpus == (Gpu("a/0", "NVIDIA H100"), Gpu("GPU-1", "NVIDIA H200", 1))
    assert (b.driver, len(b.gpus), b.labels) == ("580.95.05", 2, {"ring": "canary"})


def test_json_nodes_under_a_key_and_our_own_documents_are_read(write: Write) -> None:
    node = Node("0" * 12, "a", "CPU", 8, 1 << 33, "6.1", "580.95.05", (Gpu("GPU-1"),), {"ring": "canary"})
    path = write(json.dumps({"nodes": [json.loads(canonical(node))], "made": "2026-11-01"}), "nodes.json")
    (found,) = load_nodes(path)
    assert (found.hostname, found.driver, found.gpus, found.labels) == ("a", node.driver, node.gpus, node.labels)


def test_inventories_are_read_as_they_are_printed(write: Write) -> None:
    """What cannot be opened is no GPU, and one that is divided is its instances."""
    gpus = (
        GpuFacts(0, "GPU-0", product="NVIDIA H100"),
        GpuFacts(1, problem="GPU is lost"),
        GpuFacts(2, "GPU-2", mig=Mode("on"), instances=("MIG-0", "MIG-1")),
        GpuFacts(3, "GPU-3", mig=Mode("off"), instances=()),
        GpuFacts(4, "GPU-4", mig=Mode("on"), instances=()),
    )
    one = Inventory("this machine", Machine("a"), DriverFacts("580.95.05"), gpus, labels={"ring": "canary"})
    unread = Inventory("this machine", Machine("b"))
    found = load_nodes(write(f"[{canonical(one)}, {canonical(unread)}]", "nodes.json"))
    assert [(n.hostname, n.driver, n.labels) for n in found] == [
        ("a", "580.95.05", {"ring": "canary"}),
        ("b", None, {}),
    ]
    assert [(gpu.uuid, gpu.parent) for gpu in found[0].gpus] == [
        ("GPU-0", None),
        ("MIG-0", "GPU-2"),
        ("MIG-1", "GPU-2"),
        ("GPU-3", None),
    ]
    assert found[1].gpus == ()
    with pytest.raises(MatrixError, match=r"nodes\.json:1: "):
        load_nodes(write(f"[{canonical(Inventory('labels'))}]", "nodes.json"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {hostname: a, driver: 580}", "nodes.yaml:1: .*driver"),
        ("- {hostname: a}\n- {driver: '580.1'}", "nodes.yaml:2: .*hostname"),
        ("- {hostname: a}\n- {hostname: a}", "nodes.yaml:2: the node 'a' is there twice; keep one of them"),
        ("- {hostname: a, gpus: -1}", "nodes.yaml:1: .*gpus"),
        ("- {hostname: a, gpus: many}", "nodes.yaml:1: .*gpus"),
        ("- {hostname: a, labels: [x]}", "nodes.yaml:1: .*labels"),
        ("hostname: a", "nodes.yaml:1: expected a list of nodes"),
        ("a, b", "nodes.yaml:1: expected a list of nodes"),
        ("- a", "nodes.yaml:1: "),
        ("", "nodes.yaml:1: the file is empty; write a list of nodes"),
        ("[", "nodes.yaml:1: not YAML"),
    ],
)
def test_a_bad_file_is_one_line_with_its_place(write: Write, text: str, said: str) -> None:
    with pytest.raises(MatrixError, match=said) as raised:
        load_nodes(write(text, "nodes.yaml"))
    assert len(str(raised.value).splitlines()) == 1


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(MatrixError, match="there is no such file"):
        load_nodes(tmp_path / "nodes.yaml")

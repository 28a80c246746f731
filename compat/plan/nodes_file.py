"""A file of nodes, from an inventory: which machines there are, and what each of them has. YAML or JSON.

What else an inventory says is left aside, so that the documents of a store's ``nodes/`` are read as they are, and so is
what ``compat node --json`` prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from compat.errors import MatrixError
from compat.model import Gpu, Node
from compat.plan.fields import Line, Text, Value
from compat.plan.load import parse
from compat.plan.yaml_file import read_yaml

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["load_nodes"]

_MOST_GPUS = 64  # of a node: what is more is a mistake


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class GpuSpec(_Part):
    """A GPU; what is not known may be left out."""

    uuid: Text | None = None
    product: Line | None = None
    memory_bytes: int | None = None
    compute_capability: Line | None = None
    parent: Text | None = None


class NodeSpec(_Part):
    """A node."""

    hostname: Text
    driver: Value | None = Field(default=None, description="the version of its NVIDIA driver, in quotes")
    gpus: Annotated[int, Field(ge=0, le=_MOST_GPUS)] | list[Text | GpuSpec] = Field(
        default=0, description="how many, or one by one"
    )
    labels: dict[Text, Line] = Field(default={}, description="by which a ring selects its nodes")

    @model_validator(mode="before")
    @classmethod
    def _of_inventory(cls, value: Any) -> Any:
        """An inventory as the entry that it is: what it could not read is not there."""
        if not isinstance(value, dict) or not isinstance(value.get("machine"), dict):
            return value
        driver, gpus = value.get("driver"), value.get("gpus")
        return {
            "hostname": value["machine"].get("hostname"),
            "driver": driver.get("version") if isinstance(driver, dict) else driver,
            "gpus": [device for gpu in gpus for device in _devices(gpu)] if isinstance(gpus, list) else 0,
            "labels": value.get("labels", {}),
        }


def _devices(gpu: Any) -> list[Any]:
    """What CUDA can use of a GPU of an inventory: itself, its MIG instances, or nothing where it cannot be opened."""
    if not isinstance(gpu, dict):
        return [gpu]
    mig = gpu.get("mig")
    if gpu.get("problem") is not None:
        return []
    if isinstance(mig, dict) and mig.get("current") == "on":
        instances = gpu.get("instances")
        return [{"uuid": name, "parent": gpu.get("uuid")} for name in instances] if isinstance(instances, list) else []
    return [gpu]


class NodesFile(_Part):
    """Nodes under a key."""

    nodes: list[NodeSpec]


class NodesList(RootModel[list[NodeSpec]]):
    """Nodes, nothing else."""


def load_nodes(path: Path) -> tuple[Node, ...]:
    """The nodes that the file at ``path`` lists, by hostname. MatrixError names the line, and what was expected."""
    prefix: tuple[str, ...] = ()
    file = read_yaml(path, 'write a list of nodes, such as [{hostname: a, driver: "580.95.05", gpus: 8}]')
    if isinstance(file.values, dict) and "nodes" in file.values:
        found, prefix = parse(file, NodesFile).nodes, ("nodes",)
    elif isinstance(file.values, list):
        found = parse(file, NodesList).root
    else:
        raise MatrixError(file.where(), "expected a list of nodes", 'write [{hostname: a, driver: "580.95.05"}]')
    seen: set[str] = set()
    for index, spec in enumerate(found):
        if spec.hostname in seen:
            where = file.where(*prefix, index, "hostname")
            raise MatrixError(where, f"the node {spec.hostname!r} is there twice", "keep one of them")
        seen.add(spec.hostname)
    return tuple(sorted((_node(spec) for spec in found), key=lambda node: node.hostname))


def _node(spec: NodeSpec) -> Node:
    listed = (
        [GpuSpec(product=gpu) if isinstance(gpu, str) else gpu for gpu in spec.gpus]
        if isinstance(spec.gpus, list)
        else [GpuSpec()] * spec.gpus
    )
    gpus = tuple(
        Gpu(gpu.uuid or f"{spec.hostname}/{index}", gpu.product, gpu.memory_bytes, gpu.compute_capability, gpu.parent)
        for index, gpu in enumerate(listed)
    )
    return Node(
        id=spec.hostname,
        hostname=spec.hostname,
        cpu=None,
        cores=0,
        memory_bytes=None,
        kernel="",
        driver=spec.driver,
        gpus=gpus,
        labels=dict(spec.labels),
    )

"""Which GPUs of a node a case runs on."""

from __future__ import annotations

from compat.model import Item, Node, Tier

__all__ = ["devices_of"]


def devices_of(item: Item, node: Node) -> tuple[str, ...]:
    """UUIDs of the GPUs that an item runs on: the node's first, for an item that needs one."""
    return tuple(gpu.uuid for gpu in node.gpus[:1]) if item.case.tier is Tier.GPU else ()

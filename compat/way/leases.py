"""Whose a node is: it belongs to one upgrade at a time, or nobody would know which of two changed it."""

from __future__ import annotations

import datetime
import getpass
import socket
from typing import TYPE_CHECKING

from compat.errors import StoreError, UsageError
from compat.model import SCHEMA_VERSION, Lease, Plan

if TYPE_CHECKING:
    from compat.model import Node
    from compat.store import Store

__all__ = ["holder", "me", "now", "release", "release_all", "take", "upgrade_of"]

_TRIES = 8  # of an append that others were faster with


def upgrade_of(plan: Plan) -> str:
    """The upgrade of a plan in words. A matrix that was edited since is the same upgrade: the stacks are."""
    from compat.gate.baselines import stack_text

    return f"{plan.name}: {stack_text(plan.known_good)} -> {stack_text(plan.candidate)}"


def me() -> str:
    """Who does it, for the record: the user and the machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as containers have it
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def now() -> str:
    """The moment, in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def holder(store: Store, node: str) -> Lease | None:
    """The lease that is in force on the node of that id."""
    entries = store.lease(node).entries()
    return entries[-1] if entries and entries[-1].action == "take" else None


def take(store: Store, node: Node, plan: Plan) -> None:
    """Take the node for the plan's upgrade. StoreError, in one line, where it is another one's."""
    wanted = upgrade_of(plan)
    for _ in range(_TRIES):
        entries = store.lease(node.id).entries()
        last = entries[-1] if entries else None
        if last is not None and last.action == "take":
            if last.upgrade == wanted:
                return
            problem = f"belongs to the upgrade {last.upgrade!r} since {last.at} (by {last.by})"
            remedy = "finish that one (compat baseline promote, or compat rollback verify), or give it up: compat rings"
            remedy += f" --release {node.hostname}"
            raise StoreError(f"node {node.hostname}", problem, remedy)
        try:
            _append(store, node.id, "take", wanted, len(entries))
        except StoreError:
            continue  # somebody was faster: look at what they wrote
        return
    raise StoreError(f"node {node.hostname}", "is taken and let go by others all the time", "try again")


def release(store: Store, name: str) -> Lease:
    """Let the node of that id or host name go, whoever has it; what was in force. UsageError where nothing is."""
    known = store.nodes().values()
    ids = [node.id for node in known if name in (node.id, node.hostname)]
    for node in ids:
        lease = holder(store, node)
        if lease is not None:
            _append(store, node, "release", lease.upgrade, lease.number)
            return lease
    problem = "belongs to no upgrade" if ids else "is not a node of this store"
    raise UsageError(f"node {name}", problem, "compat rings lists the nodes and whose they are")


def release_all(store: Store, plan: Plan) -> list[str]:
    """Let every node of the plan's upgrade go: it is over. The host names."""
    wanted, found = upgrade_of(plan), []
    for node in store.nodes().values():
        lease = holder(store, node.id)
        if lease is not None and lease.upgrade == wanted:
            _append(store, node.id, "release", wanted, lease.number)
            found.append(node.hostname)
    return found


def _append(store: Store, node: str, action: str, upgrade: str, seen: int) -> None:
    store.lease(node).append(
        lambda number, previous: Lease(SCHEMA_VERSION, node, number, previous, action, upgrade, me(), now()), seen
    )

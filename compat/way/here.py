"""The node that we are on, as a store knows it: what it was when a ring was measured there, and what it did then."""

from __future__ import annotations

import contextlib
import datetime
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import TYPE_CHECKING

from compat.errors import UsageError
from compat.model import Arm, Evidence, Item, Node, Plan, Ring, digest
from compat.model.moments import moment, zoned
from compat.way.options import Options, ring_of

if TYPE_CHECKING:
    from compat.store import Store

__all__ = ["Here", "find_here", "held"]


@dataclass(frozen=True)
class Here:
    """A plan, a ring, this node as it is, as its document says that it was, and the evidence that it left."""

    plan: Plan
    digest: str  # the plan's
    ring: Ring
    node: Node
    before: Node
    evidence: tuple[Evidence, ...]

    @property
    def upgraded(self) -> bool:
        """Whether the plan changes what the node itself has, so that its document is of before."""
        return any(item.cell.phased for item in self.plan.items)

    @property
    def same_gpus(self) -> bool:
        """Whether it has the GPUs that it had: places are compared with themselves."""
        return {gpu.uuid for gpu in self.node.gpus} == {gpu.uuid for gpu in self.before.gpus}

    def known_as(self, node: Node) -> Node:
        """What was read of this machine, under the name that the store has for it, and with the operator's labels."""
        return replace(node, id=self.before.id, labels=self.before.labels)

    def seconds(self, arm: Arm | None = None) -> dict[str, float]:
        """By item: how long a run without a fault took, in one arm or in both."""
        took: dict[str, list[float]] = defaultdict(list)
        for record in self.evidence:
            if record.fault is None and arm in (None, record.arm):
                took[record.item].append(record.seconds)
        return {key: mean(own) for key, own in took.items()}

    def records(self) -> int:
        """How many runs of the ring it has left, each counted once."""
        items = {item.key for item in self.plan.for_ring(self.ring.name)}
        return len({digest(record) for record in self.evidence if record.item in items})

    def last(self) -> datetime.datetime:
        """When its last run was begun, of those that say so. MomentError where none does."""
        said = [began for record in self.evidence if (began := zoned(record.started)) is not None]
        return max(said, default=None) or moment(self.evidence[0].started)

    def runs(self, item: Item, arm: Arm) -> list[Evidence]:
        """What one arm did of an item."""
        return [record for record in self.evidence if (record.item, record.arm) == (item.key, arm)]


def find_here(store: Store, ring: str | None, plan: str | None) -> Here:
    """Find this node in a store. UsageError, in one line, where it has no evidence of the plan there.

    A node that lost a GPU has another id: then it is known by its name.
    """
    from compat.node import this_node

    chosen = store.plan(plan)
    name = digest(chosen)
    now = this_node()
    nodes = store.nodes()
    before = nodes.get(now.id) or _by_name(list(nodes.values()), now)
    own = () if before is None else tuple(_runs(store, name, before.id))
    if before is None or not own:
        problem = f"has no evidence of this node ({now.hostname}, {now.id})"
        raise UsageError(store.where, problem, "say it on a node that the ring was measured on")
    found = chosen.ring(_ring(chosen, ring, before))
    here = Here(chosen, name, found, now, before, own)
    return replace(here, node=here.known_as(now))


def _runs(store: Store, plan: str, node: str) -> Iterator[Evidence]:
    """What a node left of a plan; other nodes' runs, of which there may be a million, are not read."""
    for name in store.runs(plan).names():
        if f"/{node}/" in name:
            yield store.named(name, Evidence)[0]


@contextlib.contextmanager
def held(store: Store, here: Here, options: Options, say: Callable[[str], None]) -> Iterator[None]:
    """Be the only one that measures on this node. StoreError where somebody else does; a bucket's lock is beside it."""
    from compat.store.folder import FolderObjects
    from compat.store.hold import hold

    objects = store.objects
    folder = objects.root if isinstance(objects, FolderObjects) else options.cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with hold(folder, here.before, say):
        yield


def _by_name(known: Sequence[Node], now: Node) -> Node | None:
    """The one node of that name, if it had other GPUs."""
    fitting = [node for node in known if node.hostname == now.hostname and node.cpu == now.cpu and node.gpus]
    return fitting[0] if len(fitting) == 1 else None


def _ring(plan: Plan, asked: str | None, node: Node) -> str:
    """The ring that was asked for, else the only one, else the only one whose labels the node has."""
    if asked is None and len(plan.rings) > 1:
        own = [r.name for r in plan.rings if r.labels and r.labels.items() <= node.labels.items()]
        if len(own) == 1:
            return own[0]
    return ring_of(plan, asked)

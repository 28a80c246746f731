"""Where an upgrade stands, with whose its nodes are and what was promoted of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.model import digest
from compat.report.rings_text import Overview
from compat.way.leases import holder, upgrade_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compat.gate.standing import Stand
    from compat.model import Plan
    from compat.store import Store

__all__ = ["overview"]


def overview(store: Store, plan: Plan, stands: Sequence[Stand]) -> Overview:
    """The overview of a plan whose rings' gates say ``stands``. StoreError where a log is not as it was written."""
    nodes = store.nodes()
    taken = {name.split("/")[1] for name in store.objects.names("leases")}  # most nodes of a store have no log
    held = {node: lease for node in nodes if node in taken and (lease := holder(store, node)) is not None}
    promoted = [entry for name in store.baselines() for entry in store.baseline(name).entries()]
    own = [entry for entry in promoted if entry.action == "promote" and entry.plan == digest(plan)]
    return Overview(upgrade_of(plan), stands, nodes, held, own)

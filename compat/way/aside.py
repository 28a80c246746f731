"""What ``--fresh`` measures again is put aside, in a store of its own; what is others' stays where it is.

A store that holds one upgrade's evidence of one node alone is put aside as a whole. In one that is shared, that would
take baselines and leases away from those whom they bind. So there only what rests on this node's runs of this plan
goes, into a store beside it that can be read by itself; and only once the node is this upgrade's.
"""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from compat.errors import StoreError, UsageError
from compat.model import Node, Plan, digest
from compat.way.leases import take, upgrade_of

if TYPE_CHECKING:
    from compat.store import Store

__all__ = ["put_aside"]

_NAMED = ("nodes", "sums/nodes", "identities", "blobs")  # what runs and verdicts name


def put_aside(folder: Path, node: Node, plan: Plan, say: Callable[[str], None]) -> bool:
    """Put aside what ``node`` has of ``plan`` in the store at ``folder``; whether the store went as a whole.

    StoreError where another upgrade has the node or the node is not as it was, UsageError where a baseline rests on the
    evidence: then nothing is moved.
    """
    if not folder.exists():
        return False
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%f")
    aside = folder.with_name(f"{folder.name}.{stamp}")
    store = _shared(folder, node, plan)
    if store is None:
        try:
            folder.rename(aside)
        except OSError as problem:
            raise _unwritten(aside, problem) from problem
        say(f"the evidence there was is in {aside}")
        return True
    _check_promoted(store, plan)
    try:
        store.put_node(node, upgraded=any(item.cell.phased for item in plan.items))
    except StoreError as problem:
        remedy = "measure into another store (--store): this one has what others rest on"
        raise StoreError(problem.where, problem.problem, remedy) from problem
    take(store, node, plan)
    if moved := list(_of_node(store, node, digest(plan))):
        _move(store, aside, plan, moved)
        say(f"the evidence there was is in {aside}; what others have in {folder} stays there")
    return False


def _shared(folder: Path, node: Node, plan: Plan) -> Store | None:
    """The store, if it holds anything of another upgrade or node, or a baseline; None where nobody else needs it.

    StoreError where it cannot be read and has logs: nobody knows whom they bind.
    """
    from compat.store import Store
    from compat.store.folder import FolderObjects

    objects = FolderObjects(folder)
    try:
        store = Store(folder)
    except StoreError:
        if objects.names("baselines") or objects.names("leases"):
            raise
        return None  # of an older version, or no store
    nodes = {Path(name).stem for name in objects.names("nodes")}
    leased = {name.split("/")[1] for name in objects.names("leases")}
    wanted = upgrade_of(plan)
    others = (
        bool(store.baselines())
        or bool((nodes | leased) - {node.id})
        or any(entry.upgrade != wanted for name in leased for entry in store.lease(name).entries())
        or any(_upgrade(store, name) != wanted for name in store.plan_digests() if name != digest(plan))
    )
    return store if others else None


def _upgrade(store: Store, name: str) -> str:
    """The upgrade of a stored plan in words; empty where the plan cannot be read."""
    try:
        return upgrade_of(store.plan(name))
    except StoreError:
        return ""


def _check_promoted(store: Store, plan: Plan) -> None:
    """UsageError where a promotion rests on a verdict of the plan: its evidence has to stay beside it."""
    for name in store.baselines():
        for entry in store.baseline(name).entries():
            if entry.plan == digest(plan):
                problem = f"would take away what entry {entry.number} of baseline {name} rests on"
                raise UsageError("--fresh", problem, "measure into another store: --store")


def _of_node(store: Store, node: Node, plan: str) -> Iterator[str]:
    """The folders of a store that rest on a node's runs of a plan.

    Verdicts go first and looks last: whoever is killed in between leaves nothing GO that a look had found something of.
    """
    from compat.model import Verdict

    rings = sorted({name.split("/")[2] for name in store.objects.names(f"verdicts/{plan}")})
    for ring in rings:
        verdicts = [
            store.checked(name, Verdict)
            for name in store.objects.names(f"verdicts/{plan}/{ring}")
            if name.endswith(".json")
        ]
        if any(node.id in verdict.nodes or node.id in verdict.records for verdict in verdicts):
            yield f"verdicts/{plan}/{ring}"
    for kind in ("evidence", "rehearsals", "watches"):
        if store.objects.names(f"{kind}/{plan}/{node.id}"):
            yield f"{kind}/{plan}/{node.id}"


def _move(store: Store, aside: Path, plan: Plan, folders: list[str]) -> None:
    """Move folders of a store into a new one, which gets links to whatever they name."""
    from compat.store import Store

    named = [name for folder in _NAMED for name in store.objects.names(folder)]
    for folder in folders:
        if folder.startswith("verdicts/"):
            for name in store.objects.names(folder):
                named += store.objects.names(f"attestations/{digest(store.raw(name))}")
    Store(aside, create=True).put_plan(plan)
    try:
        for name in named:
            _link(store.root / name, aside / name)
        for folder in folders:
            (aside / folder).parent.mkdir(parents=True, exist_ok=True)
            (store.root / folder).rename(aside / folder)
    except OSError as problem:
        raise _unwritten(aside, problem) from problem


def _unwritten(aside: Path, problem: OSError) -> StoreError:
    return StoreError(str(aside), f"cannot be written: {problem.strerror}", "make room or rights there")


def _link(source: Path, target: Path) -> None:
    """One more name for a document, which nobody changes; a copy where the file system has no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)

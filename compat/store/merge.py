"""Several stores of one plan as one: what shards and nodes have measured apart, to be judged together.

Everything is read, and what contradicts is refused, before anything is written. Then documents are copied as they are,
evidence last and each run once: a merge that was killed leaves a store that lacks some, and the same merge again
completes it. Watches and rehearsals are copied too. Verdicts are not, since they were reached without the rest; nor are
baselines and leases, of which there is one log for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from compat.errors import StoreError, UsageError
from compat.model import Evidence, Node, Plan, Rehearsal, Watch, digest
from compat.store.documents import Store, is_store, same_machine
from compat.store.naming import SHORT, stem
from compat.store.place import Where, objects_at, same_place

__all__ = ["Merged", "merge"]

_Run = tuple[str, str, str, int]  # node, item, arm and pair: what there is once


@dataclass(frozen=True)
class Merged:
    """What a merge came to, in runs of cases: how many the result has, and how many of them are new in it."""

    plan: str
    nodes: int
    runs: int
    new: int


def merge(sources: Sequence[Where], output: Where, plan: str | None = None) -> Merged:
    """Put the evidence of one plan (the newest of the first source, unless its digest is given) into ``output``.

    ``output`` may be a store of the same plan already. StoreError or UsageError in one line, with nothing written,
    where a source lacks the plan or what the evidence names, or contradicts another one.
    """
    where = objects_at(output).where
    if any(same_place(output, source) for source in sources):
        raise UsageError(where, "is merged from and into", "name another folder with --output")
    opened = [Store(source) for source in sources]
    there = Store(output) if is_store(output) else None
    chosen = opened[0].plan(plan)
    name = digest(chosen)
    for store in opened:
        _check_plan(store, opened[0], name, plan)
    if there is not None and name not in (found := there.plan_digests()) and found:
        problem = f"is a store of the plan {found[-1][:12]}, and these are of {name[:12]}"
        raise StoreError(where, problem, "name a new folder with --output")
    everything = [*([there] if there is not None else []), *opened]
    upgraded = any(item.cell.phased for item in chosen.items)
    nodes = _nodes(everything, upgraded)
    count = len(_check_evidence(everything, nodes, name))
    for store in opened:  # StoreError where one of them was changed
        store.watches(name), store.rehearsals(name)
    written = _write(opened, Store(output, create=True), chosen, nodes)
    return Merged(name, len(nodes), count, written)


def _check_plan(store: Store, first: Store, name: str, asked: str | None) -> None:
    """StoreError where a store lacks the plan, or has a newer one that nobody asked to leave aside."""
    digests = store.plan_digests()
    if name not in digests or (asked is None and digests[-1] != name):
        problem = f"is of the plan {digests[-1][:12] if digests else 'none'}, and {first.where} of {name[:12]}"
        remedy = "merge what was measured with one matrix, content and release; or name a plan that all have (--plan)"
        raise StoreError(store.where, problem, remedy)


def _nodes(stores: Sequence[Store], upgraded: bool) -> dict[str, Node]:
    """Every node by id, as it was first described. StoreError where two descriptions contradict each other."""
    found: dict[str, tuple[Node, str]] = {}
    for store in stores:
        for name, node in store.nodes().items():
            known, root = found.setdefault(name, (node, store.where))
            if known != node and not (upgraded and same_machine(known, node)):
                problem = f"node {node.hostname} is not as in {root} (driver, memory, cores, kernel, GPUs or labels)"
                raise StoreError(store.where, problem, "measure its shards on the node as it is, or leave one out")
    return {name: node for name, (node, _) in found.items()}


def _check_evidence(stores: Sequence[Store], nodes: dict[str, Node], plan: str) -> dict[_Run, str]:
    """The digest of each run. StoreError where a run is there twice and differs, or what it names is not there."""
    seen: dict[_Run, tuple[str, str]] = {}
    for store in stores:
        identities, blobs = store.identities(), set[str]()
        for record in store.evidence(plan):
            run = (record.node, record.item, record.arm.value, record.pair)
            own = digest(record)
            known, root = seen.setdefault(run, (own, store.where))
            if known != own:
                where = nodes[record.node].hostname if record.node in nodes else record.node
                problem = f"has another pair {record.pair} of {record.item} on node {where} than {root}"
                remedy = "the case was measured twice, apart from each other: leave one of the two out"
                raise StoreError(store.where, problem, remedy)
            if record.node not in nodes or record.identity not in identities:
                what = "its node" if record.node not in nodes else "what its arm was"
                raise StoreError(store.where, f"has a run of {record.item} without {what}", "restore the store")
            for blob in {one.digest for one in record.outputs} - blobs:
                blobs.add(blob)
                store.blob(blob)  # StoreError where it is lost or changed
    return {run: own for run, (own, _) in seen.items()}


def _write(sources: Sequence[Store], output: Store, plan: Plan, nodes: dict[str, Node]) -> int:
    """Copy what the evidence needs, then the evidence; how many runs were not there before."""
    name = digest(plan)
    output.put_plan(plan)
    for node in nodes.values():
        output.put_node(node, upgraded=any(item.cell.phased for item in plan.items))
    have = {digest(record) for record in output.evidence(name)}
    new = 0
    for store in sources:
        for identity in store.identities().values():
            output.put_identity(identity)
        for record in _missing(store, name, have):
            for blob in dict.fromkeys(one.digest for one in record.outputs):
                output.put_blob(store.blob(blob))
            output.put_evidence(record)
            new += 1
        for folder in (f"watches/{name}", f"rehearsals/{name}"):
            _copy(store, output, folder)
    return new


def _copy(source: Store, output: Store, folder: str) -> None:
    """Copy the documents of a series, under their own names, that are not there yet."""
    there = {stem(name).partition("-")[2] for name in output.objects.names(folder)}
    kind: Any = Watch if folder.startswith("watches/") else Rehearsal
    for name in source.objects.names(folder):
        data = output.text(source.checked(name, kind))
        if digest(data)[:SHORT] not in there:
            output.objects.put(name, data)


def _missing(store: Store, plan: str, have: set[str]) -> Iterator[Evidence]:
    for record in store.evidence(plan):
        own = digest(record)
        if own not in have:
            have.add(own)
            yield record

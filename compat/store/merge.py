"""Several stores of one plan as one: what shards and nodes have measured apart, to be judged together.

Everything is read, and what contradicts is refused, before anything is written. Then documents are copied as they are,
evidence last and each run once: a merge that was killed leaves a store that lacks some, and the same merge again
completes it. Watches and rehearsals are copied too. Verdicts are not, since they were reached without the rest; nor are
baselines and leases, of which there is one log for all. There may be a million runs: they are read one after the other,
and what is kept of each is 48 bytes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compat.digests import Digests
from compat.errors import StoreError, UsageError
from compat.model import Evidence, Node, Plan, Rehearsal, Watch, digest
from compat.store.documents import Store, is_store, same_machine
from compat.store.naming import SHORT, blob_name, stem
from compat.store.place import Where, objects_at, same_place

__all__ = ["Merged", "merge"]

_KEY = 16  # bytes of the digest of what a run is known by
_ENTRY = _KEY + 32  # and of the record's digest


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
    count, outputs = _check_evidence(everything, nodes, name)
    for store in opened:  # StoreError where one of them was changed
        store.watches(name), store.rehearsals(name)
    written = _write(opened, Store(output, create=True), chosen, nodes, outputs[-len(opened) :])
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


class _Runs:
    """Which record there is of each run: a digest of the run's key, and the record's. In parts, by their first byte."""

    def __init__(self) -> None:
        self._parts = [bytearray() for _ in range(1 << 8)]

    def add(self, run: Evidence, record: str) -> None:
        """A run, and the digest of its record."""
        key = _key(run)
        self._parts[key[0]] += key + bytes.fromhex(record)

    def count(self) -> tuple[int, set[bytes]]:
        """How many runs there are, and the keys of those of which there are different records."""
        count, twice = 0, set[bytes]()
        for part in self._parts:
            records = Counter(
                entry[:_KEY] for entry in {bytes(part[at : at + _ENTRY]) for at in range(0, len(part), _ENTRY)}
            )
            count += len(records)
            twice |= {key for key, number in records.items() if number > 1}
        return count, twice


def _key(run: Evidence) -> bytes:
    """Node, item, arm and pair: what there is once."""
    known_by = f"{run.node}\0{run.item}\0{run.arm.value}\0{run.pair}"
    return hashlib.blake2b(known_by.encode(), digest_size=_KEY).digest()


def _check_evidence(stores: Sequence[Store], nodes: Mapping[str, Node], plan: str) -> tuple[int, list[Digests]]:
    """How many runs there are, and the outputs of each store's.

    StoreError where a run is there twice and differs, or what it names is not there.
    """
    runs, outputs = _Runs(), []
    for store in stores:
        identities, own = store.identities(), Digests()
        for record, text in store.runs(plan).texts():
            runs.add(record, digest(text))
            if record.node not in nodes or record.identity not in identities:
                what = "its node" if record.node not in nodes else "what its arm was"
                raise StoreError(store.where, f"has a run of {record.item} without {what}", "restore the store")
            for output in record.outputs:
                try:
                    own.add(output.digest)
                except ValueError:
                    store.blob(output.digest)  # no digest is a blob's name: StoreError
        for name in own:
            store.blob(name)  # StoreError where it is lost or changed
        outputs.append(own)
    count, twice = runs.count()
    if twice:
        raise _contradiction(stores, nodes, plan, twice)
    return count, outputs


def _contradiction(
    stores: Sequence[Store], nodes: Mapping[str, Node], plan: str, twice: Collection[bytes]
) -> StoreError:
    """The first run whose record is not that of another store: they are looked for only where there are some."""
    seen: dict[bytes, tuple[str, str]] = {}
    for store in stores:
        for record, text in store.runs(plan).texts():
            own, key = digest(text), _key(record)
            known, root = seen.setdefault(key, (own, store.where)) if key in twice else (own, store.where)
            if known != own:
                where = nodes[record.node].hostname
                problem = f"has another pair {record.pair} of {record.item} on node {where} than {root}"
                remedy = "the case was measured twice, apart from each other: leave one of the two out"
                return StoreError(store.where, problem, remedy)
    return StoreError(stores[0].where, "was changed while it was read", "merge again")


def _write(
    sources: Sequence[Store], output: Store, plan: Plan, nodes: dict[str, Node], outputs: Sequence[Digests]
) -> int:
    """Copy what the evidence needs, then the evidence; how many runs were not there before."""
    output.put_plan(plan)
    for node in nodes.values():
        output.put_node(node, upgraded=any(item.cell.phased for item in plan.items))
    for store, blobs in zip(sources, outputs, strict=True):
        for identity in store.identities().values():
            output.put_identity(identity)
        if store.objects.has(blob_name(plan.matrix_digest)):  # the matrix file's text, of a plan that was made from one
            output.put_blob(store.blob(plan.matrix_digest))
        lacking = (name for name in map(blob_name, blobs) if not output.objects.has(name))
        output.objects.put_many((name, store.blob(stem(name))) for name in lacking)
        for folder in (f"watches/{digest(plan)}", f"rehearsals/{digest(plan)}"):
            _copy(store, output, folder)
    return output.objects.put_many(_missing(sources, output, digest(plan)))


def _copy(source: Store, output: Store, folder: str) -> None:
    """Copy the documents of a series, under their own names, that are not there yet."""
    there = {stem(name).partition("-")[2] for name in output.objects.names(folder)}
    kind: Any = Watch if folder.startswith("watches/") else Rehearsal
    for name in source.objects.names(folder):
        data = output.text(source.checked(name, kind))
        if digest(data)[:SHORT] not in there:
            output.objects.put(name, data)


def _missing(sources: Sequence[Store], output: Store, plan: str) -> Iterator[tuple[str, bytes]]:
    """Each run that the output does not have, once, under the name it has: two merges at once write it once."""
    have = Digests()
    for _, text in output.runs(plan).raw():
        have.add(digest(text))
    for store in sources:
        for name, text in store.runs(plan).raw():
            if have.add(digest(text)):
                yield name, text

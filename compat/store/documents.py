"""The documents of a store, by kind and name.

::

    store.json                           the layout's version
    plans/DIGEST.json                    what was to be measured
    nodes/ID.json  identities/…          where it was measured, and in what
    evidence/PLAN/NODE/NUMBER-DDDD.json  one document per run of a case, in the order written; its digest begins so
    blobs/sha256/AB/DIGEST               outputs and matrix files, as they are
    verdicts/PLAN/RING/NUMBER-DDDD.json  what was concluded; before there were rings to pass, verdicts/DIGEST.json
    watches/…  rehearsals/…              the same of what a node was like while it soaked, and on its way back
    baselines/NAME/NUMBER.json           a log (``compat.store.log``): what is known-good
    leases/NODE/NUMBER.json              and whose a node is
    sums/NAME/DIGEST                     of nodes and logs, whose names do not say it (``compat.store.naming``)
    attestations/DOCUMENT/DIGEST.json    signed statements about a document (``compat.store.attestations``)
    order/NUMBER-DDDD                    in which order plans came (``compat.store.order``)

A document is written once, whole or not at all, in its canonical text: its digest is that of the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from compat.errors import StoreError, UsageError
from compat.model import (
    Evidence,
    Identity,
    Lease,
    Node,
    Plan,
    Promotion,
    Rehearsal,
    Verdict,
    Watch,
    canonical,
    digest,
)
from compat.store import order
from compat.store.folder import FolderObjects
from compat.store.log import Log
from compat.store.marker import MARKER, check_marker, write_marker
from compat.store.naming import SHORT, blob_name, is_named, number_of, stem, sum_name
from compat.store.objects import Objects
from compat.store.place import Where, objects_at
from compat.store.runs import Runs
from compat.store.texts import Document, document_of, text_of

__all__ = ["Store", "is_store", "same_machine"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # of a baseline: a folder's, and nothing else


def is_store(place: Where) -> bool:
    """Whether there is a store already."""
    return objects_at(place).has(MARKER)


class Store:
    """Evidence, plans, verdicts and logs in one place. What is read is validated: nothing is trusted."""

    def __init__(self, place: Where, *, create: bool = False) -> None:
        self.objects: Objects = objects_at(place)
        self.where = self.objects.where
        self._numbers: dict[str, int] = {}  # the next free number of each series, as far as we know
        if create:
            write_marker(self.objects)
        check_marker(self.objects)

    @property
    def root(self) -> Path:
        """The folder, of a store that is in one; StoreError for another."""
        if not isinstance(self.objects, FolderObjects):
            raise StoreError(self.where, "is no folder", "merge it into one: compat merge STORE --output FOLDER")
        return self.objects.root

    # -- writing -------------------------------------------------------------------------------------------------------

    def text(self, document: Document) -> bytes:
        """The document as it is written; StoreError for one that could not be read again."""
        return text_of(document, self.where)

    def _named(self, folder: str, document: Document) -> str:
        data = self.text(document)
        name = digest(data)
        path = f"{folder}/{name}.json"
        if not self.objects.has(path):
            self.objects.put(path, data)
        return name

    def _numbered(self, series: str, document: Document) -> str:
        """Write a document under the next free number of a series; its name."""
        if series not in self._numbers:
            self._numbers[series] = 1 + max(map(number_of, self.objects.names(series)), default=-1)
        data = self.text(document)
        name = f"{series}/{self._numbers[series]:06d}-{digest(data)[:SHORT]}.json"
        self.objects.put(name, data)  # where the name is taken, the same record was written by another one just now
        self._numbers[series] += 1
        return name

    def put_once(self, name: str, data: bytes) -> bool:
        """Write a document of which there is one, and its sum; False if the name is taken."""
        self.objects.put(sum_name(name, digest(data)), b"")
        return self.objects.put(name, data)

    def put_plan(self, plan: Plan) -> str:
        """Keep the plan; its digest."""
        name = digest(plan)
        if not self.objects.has(f"plans/{name}.json"):
            order.add(self.objects, name, self._json("plans"))
        return self._named("plans", plan)

    def put_node(self, node: Node, *, upgraded: bool = False) -> None:
        """Keep what was read from a node. A node that changed since is a contradiction: StoreError.

        One that is ``upgraded`` meanwhile is the same machine with the same GPUs and labels: whatever a reboot and a
        new driver make of the rest, the first document stays on record, and every run says what it really had.
        """
        name = f"nodes/{node.id}.json"
        data = self.text(node)
        there = self.objects.get(name)
        if there in (None, data) and (self.put_once(name, data) or self.objects.get(name) == data):
            return
        if not upgraded or not same_machine(self.read(name, Node), node):
            raise StoreError(
                self.objects.address(name),
                f"node {node.hostname} is not as it was when measuring began (driver, memory, kernel, GPUs or labels)",
                "measure into another store, or with --fresh",
            )

    def put_identity(self, identity: Identity) -> str:
        """Keep what a runtime is; its digest."""
        return self._named("identities", identity)

    def put_blob(self, data: bytes) -> str:
        """Keep bytes; their sha256."""
        name = digest(data)
        path = blob_name(name)
        if not self.objects.has(path):
            self.objects.put(path, data)
        return name

    def put_evidence(self, evidence: Evidence) -> str:
        """Keep one run of a case, under the next free number; the document's name."""
        return self._numbered(f"evidence/{evidence.plan}/{evidence.node}", evidence)

    def put_verdict(self, verdict: Verdict) -> str:
        """Keep a verdict; its digest."""
        self._numbered(f"verdicts/{verdict.plan}/{verdict.ring}", verdict)
        return digest(verdict)

    def put_watch(self, watch: Watch) -> None:
        """Keep a look at a node while an upgrade soaks there. One that is there already is not written again."""
        if watch not in self.watches(watch.plan):
            self._numbered(f"watches/{watch.plan}/{watch.node}", watch)

    def put_rehearsal(self, rehearsal: Rehearsal) -> None:
        """Keep how a way back went. One that is there already is not written again."""
        if rehearsal not in self.rehearsals(rehearsal.plan):
            self._numbered(f"rehearsals/{rehearsal.plan}/{rehearsal.node}", rehearsal)

    # -- reading -------------------------------------------------------------------------------------------------------

    def read(self, name: str, kind: type[Document]) -> Document:
        """The document of that name. StoreError where it is not there, torn, changed, or of another version."""
        return self.parsed(name, self.raw(name), kind)

    def checked(self, name: str, kind: type[Document]) -> Document:
        """The document of a name that has its digest. StoreError where it is not what its name says."""
        return self.named(name, kind)[0]

    def named(self, name: str, kind: type[Document]) -> tuple[Document, bytes]:
        """The same, and its text."""
        data = self.raw(name)
        document = self.parsed(name, data, kind)
        if b"NaN" in data or b"Infinity" in data:  # as a number, or as a word
            try:
                canonical(document)
            except ValueError:  # no document of ours has one
                where = self.objects.address(name)
                raise StoreError(where, "holds a number that is not finite", "restore it") from None
        if not is_named(name, data):
            raise self._changed(name)
        return document, data

    def _changed(self, name: str) -> StoreError:
        where = self.objects.address(name)
        return StoreError(where, "is not what its name says: its content was changed", "restore it")

    def raw(self, name: str) -> bytes:
        """What is there under the name. StoreError where that is nothing."""
        data = self.objects.get(name)
        if data is None:
            raise StoreError(self.objects.address(name), "cannot be read: No such file or directory", "restore it")
        return data

    def parsed(self, name: str, data: bytes, kind: type[Document]) -> Document:
        """These bytes, of that name, as a document. StoreError where they are none, or one of another version."""
        return document_of(data, kind, self.objects.address(name))

    def _documents(self, folder: str, kind: type[Document]) -> Iterator[Document]:
        """Every document of a kind. Its name, or what follows the number in it, is its digest, or begins it."""
        for name in self.objects.each(folder):
            if name.endswith(".json"):
                yield self.checked(name, kind)

    def _json(self, folder: str) -> list[str]:
        return [name for name in self.objects.names(folder) if name.endswith(".json")]

    def plan_digests(self) -> tuple[str, ...]:
        """The digests of all plans, the oldest first."""
        return tuple(stem(name) for name in order.in_order(self.objects, self._json("plans")))

    def plan(self, name: str | None = None) -> Plan:
        """The plan of that digest (or its beginning), or the newest. StoreError when there is none, or several fit."""
        digests = self.plan_digests()
        start = name.lower() if name else ""
        fitting = [found for found in digests if found.startswith(start)] if name else list(digests[-1:])
        if len(fitting) != 1:
            problem = f"has {len(fitting)} plans whose digest begins with {name!r}" if name else "holds no plan"
            there = f"its newest is {digests[-1][:12]}" if digests else "measure first"
            raise StoreError(self.where, problem, "give more of the digest" if fitting else there)
        return self.checked(f"plans/{fitting[0]}.json", Plan)

    def nodes(self) -> dict[str, Node]:
        """Every node, by id. Those of an older store have no sums to hold them to."""
        sums = set(self.objects.names("sums/nodes"))
        summed = {name.rpartition("/")[0] for name in sums}
        found = {}
        for name in self._json("nodes"):
            data = self.raw(name)
            node = self.parsed(name, data, Node)
            own = sum_name(name, digest(data))
            if own not in sums and own.rpartition("/")[0] in summed:
                raise self._changed(name)
            found[node.id] = node
        return found

    def hostnames(self) -> dict[str, str]:
        """What nodes are called, by id: for people."""
        return {node.id: node.hostname for node in self.nodes().values()}

    def identities(self) -> dict[str, Identity]:
        """Every runtime's identity, by digest."""
        return {digest(identity): identity for identity in self._documents("identities", Identity)}

    def evidence(self, plan: str) -> list[Evidence]:
        """All evidence for the plan of that digest, of every node. For those who need no more than one item: runs."""
        return list(self._documents(f"evidence/{plan}", Evidence))

    def runs(self, plan: str) -> Runs:
        """The same, one after the other or item by item: there may be a million."""
        return Runs(self, plan)

    def verdicts(self, plan: str = "", ring: str = "") -> list[Verdict]:
        """Every verdict that was kept, or those of a plan, or of a ring of it; a ring's are in the order written."""
        return list(self._documents("/".join(("verdicts", plan, ring)).rstrip("/"), Verdict))

    def watches(self, plan: str) -> list[Watch]:
        """Every look at a node while the plan's upgrade soaked."""
        return list(self._documents(f"watches/{plan}", Watch))

    def rehearsals(self, plan: str) -> list[Rehearsal]:
        """Every way back from the plan's upgrade that was tried or gone."""
        return list(self._documents(f"rehearsals/{plan}", Rehearsal))

    def blob(self, name: str) -> bytes:
        """The bytes of that sha256. StoreError when they are gone or changed."""
        data = self.raw(blob_name(name))
        if digest(data) != name:
            raise self._changed(blob_name(name))
        return data

    # -- logs ----------------------------------------------------------------------------------------------------------

    def baseline(self, name: str) -> Log[Promotion]:
        """The log of what was known-good under that name. UsageError for a name that is no folder's."""
        if not _NAME.fullmatch(name):
            raise UsageError(f"baseline {name!r}", "is no name", "use letters, digits, and . _ - after the first one")
        return Log(self, f"baselines/{name}", Promotion)

    def baselines(self) -> list[str]:
        """The names of all baselines."""
        return sorted({name.split("/")[1] for name in self._json("baselines")})

    def lease(self, node: str) -> Log[Lease]:
        """The log of whose the node of that id was, and is."""
        return Log(self, f"leases/{node}", Lease)


def same_machine(one: Node, other: Node) -> bool:
    """Whether two descriptions are of one node, as far as it stays what it is over an upgrade."""
    return _stays(one) == _stays(other)


def _stays(node: Node) -> tuple[object, ...]:
    return node.id, node.hostname, node.cpu, [(gpu.uuid, gpu.parent) for gpu in node.gpus], node.labels

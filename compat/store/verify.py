"""Verifying a store: every document against its name, every blob, and everything that one document says of another.

A store is read once, in no order, one document at a time. What has to be known of all records together, so that a
verdict's evidence can be told from what is there now, and a run that was recorded twice is found, is sorted on disk:
there may be a million.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

from compat.errors import StoreError
from compat.model import Evidence, Identity, Node, Plan, Rehearsal, Verdict, Watch, digest
from compat.store.documents import Store
from compat.store.folder import NEW
from compat.store.hold import LOCK
from compat.store.marker import MARKER
from compat.store.naming import SHORT, blob_name, number_of, stem, sum_name
from compat.store.references import References
from compat.store.spill import Spill

__all__ = ["Verified", "verify"]

# What a run leaves in its folder beside the documents of the store, and we do not look into.
_REPORTS = re.compile(r"report(\.[a-z-]+)+(/[0-9a-z.-]+)?|verdict\.json")
_LONGEST = 300  # characters of a line
_RUN, _OWN = 16, 8  # bytes: of the digest of what a run is known by, and of the record's own, as its name has it
_SERIES: dict[str, Any] = {"evidence": Evidence, "verdicts": Verdict, "watches": Watch, "rehearsals": Rehearsal}
_NAMED: dict[str, Any] = {"plans": Plan, "identities": Identity}
_LOGS = ("baselines", "leases")
_OURS = frozenset({"nodes", "blobs", "sums", "order", "attestations", *_NAMED, *_SERIES, *_LOGS})


@dataclass
class Verified:
    """What verifying came to: documents of each kind, problems, and in sentences what is only to be said."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: int = 0
    remarks: list[str] = field(default_factory=list)


def verify(store: Store, say: Callable[[str], None]) -> Verified:
    """Look at all that is in the store. ``say`` gets a line for each problem, as it is found.

    StoreError where the place itself cannot be read.
    """
    return _Verifying(store, say).run()


class _Verifying:
    def __init__(self, store: Store, say: Callable[[str], None]) -> None:
        self._store = store
        self._say = say
        self._found = Verified()
        self._references = References(store)
        self._left: Counter[str] = Counter()  # remarks that are counted
        self._logs: set[str] = set()
        self._runs: dict[str, Spill] = defaultdict(lambda: Spill(_RUN + _OWN))  # by plan
        self._digests: dict[tuple[str, str], Spill] = defaultdict(lambda: Spill(32))  # by plan and ring
        self._verdicts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)  # the evidence that each names

    def run(self) -> Verified:
        for name in self._store.objects.every():
            self._of(name, partial(self._look, name))
        for folder in sorted(self._logs):
            self._of(folder, partial(self._log, folder))
        for plan, runs in self._runs.items():
            self._twice(plan, runs)
        self._since()
        self._remarks()
        return self._found

    def _problem(self, name: str, what: str) -> None:
        self._found.problems += 1
        line = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in f"{name}: {what}")
        self._say(line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}...")

    def _of(self, name: str, look: Callable[[], None]) -> None:
        """What is wrong with one document keeps nobody from looking at the others."""
        try:
            look()
        except StoreError as problem:
            self._problem(name, problem.problem)

    # -- one document --------------------------------------------------------------------------------------------------

    def _look(self, name: str) -> None:
        top, slash, rest = name.partition("/")
        if name.rpartition("/")[2].startswith(NEW):
            self._left["half-written files that a killed writer left (or one is writing now)"] += 1
        elif top not in _OURS:
            if name != MARKER and not _REPORTS.fullmatch(name) and not name.startswith(LOCK):
                self._left["files that are not of the store"] += 1
        elif not slash or not self._known(top, rest, name):
            self._problem(name, "is not a document of a store")

    def _known(self, top: str, rest: str, name: str) -> bool:
        """Look into a document; False for what is none by its name."""
        if top == "blobs":
            return self._blob(rest, name)
        if top == "sums":
            return self._sum(name)
        if top == "order":
            if number_of(name) < 0:
                return False
            if not any(plan[:SHORT] == name.partition("-")[2] for plan in self._references.plans):
                self._left["plans that a killed writer had only begun"] += 1
            return True
        if not name.endswith(".json"):
            return False
        if top in _LOGS:
            self._logs.add(name.rpartition("/")[0])
            return rest.count("/") == 1
        self._found.counts[top] += 1
        if top == "attestations":
            return self._attestation(rest, name)
        if top in _SERIES:
            return self._series(top, rest, name)
        if "/" in rest:
            return False
        if top == "nodes":
            self._node(name)
        else:
            self._store.checked(name, _NAMED[top])
        return True

    def _blob(self, rest: str, name: str) -> bool:
        if name != blob_name(stem(rest)):
            return False
        self._found.counts["blobs"] += 1
        self._store.blob(stem(rest))
        return True

    def _sum(self, name: str) -> bool:
        document, _, own = name.removeprefix("sums/").rpartition("/")
        if not document.endswith(".json") or not re.fullmatch("[0-9a-f]{64}", own):
            return False
        if not self._references.has(document):
            self._left["sums of documents that a killed writer had only begun"] += 1
        return True

    def _attestation(self, rest: str, name: str) -> bool:
        """A signed statement is what its name says; what it says of a document, who checks the signature knows."""
        if not re.fullmatch(r"[0-9a-f]{64}/[0-9a-f]{64}\.json", rest):
            return False
        if digest(self._store.raw(name)) != stem(name):
            self._problem(name, "is not what its name says: its content was changed")
        return True

    def _node(self, name: str) -> None:
        data = self._store.raw(name)
        node = self._store.parsed(name, data, Node)
        if node.id != stem(name):
            self._problem(name, f"is of the node {node.id}")
        if not self._references.has(sum_name(name, digest(data))):
            if self._store.objects.names(f"sums/{name}"):
                self._problem(name, "is not what was written: its content was changed")
            else:
                self._left["nodes of an older gpu-compat, which has kept no sum of them"] += 1

    def _series(self, top: str, rest: str, name: str) -> bool:
        parts = rest.split("/")
        document: Evidence | Verdict | Watch | Rehearsal
        document, data = self._store.named(name, _SERIES[top])
        if isinstance(document, Verdict):
            if len(parts) != 1 and parts[:-1] != [document.plan, document.ring]:  # one part: before there were rings
                self._problem(name, f"is of plan {document.plan[:12]}, ring {document.ring}")
            self._verdicts[document.plan, document.ring][document.evidence] += 1
        elif parts[:-1] != [document.plan, document.node]:
            self._problem(name, f"is of plan {document.plan[:12]}, node {document.node}")
        if isinstance(document, Evidence):
            self._record(document, digest(data))
        for what in self._references.lacking(document):
            self._problem(name, what)
        return True

    def _record(self, record: Evidence, own: str) -> None:
        raw = bytes.fromhex(own)
        known_by = f"{record.node}\0{record.item}\0{record.arm.value}\0{record.pair}"
        self._runs[record.plan].add(hashlib.blake2b(known_by.encode(), digest_size=_RUN).digest() + raw[:_OWN])
        for ring in self._references.rings_of(record):
            self._digests[record.plan, ring].add(raw)

    # -- what is known when all were seen ------------------------------------------------------------------------------

    def _log(self, folder: str) -> None:
        top, _, name = folder.partition("/")
        if top == "leases":
            entries = self._store.lease(name).entries()
            self._found.counts["leases"] += len(entries)
            strangers = [entry.number for entry in entries if entry.node != name]
        else:
            promotions = self._store.baseline(name).entries()
            self._found.counts["baselines"] += len(promotions)
            strangers = [entry.number for entry in promotions if entry.baseline != name]
            for entry in promotions:
                for what in self._references.lacking(entry):
                    self._problem(f"{folder}/{entry.number:06d}.json", what)
        for number in strangers:
            self._problem(f"{folder}/{number:06d}.json", "is of another log")

    def _twice(self, plan: str, runs: Spill) -> None:
        """Runs with two records that differ contradict each other; the same record twice is no harm."""
        for _, same in groupby(runs.in_order(), key=lambda record: record[:_RUN]):
            owns = [record[_RUN:].hex() for record in same]
            different = sorted(set(owns))
            if len(different) > 1:
                self._problem(
                    f"evidence/{plan}/*/*-{different[1]}.json", f"is of the same run as *-{different[0]}.json"
                )
            if len(owns) > len(different):
                self._left["records that are there twice"] += len(owns) - len(different)

    def _since(self) -> None:
        for (plan, ring), named in self._verdicts.items():
            own = _digest_of(self._digests[plan, ring].in_order())
            other = sum(count for evidence, count in named.items() if evidence != own)
            if other:
                self._left[f"verdicts of ring {ring}, reached from other evidence than is there now"] += other

    def _remarks(self) -> None:
        self._found.remarks += [f"{count} {what}" for what, count in sorted(self._left.items())]


def _digest_of(records: Iterator[bytes]) -> str:
    """The digest of a sorted list of digests, as ``compat.model.digest`` has it, each of them once."""
    found = hashlib.sha256(b"[")
    last = b""
    for record in records:
        if record != last:
            found.update(f'{"," if last else ""}"{record.hex()}"'.encode())
        last = record
    found.update(b"]")
    return found.hexdigest()

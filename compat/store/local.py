"""A store in a local folder.

::

    store.json                           the layout's version
    plans/DIGEST.json                    what was to be measured
    nodes/ID.json  identities/…          where it was measured, and in what
    evidence/PLAN/NODE/NUMBER-DDDD.json  one document per run of a case, in the order written; its digest begins so
    blobs/sha256/AB/DIGEST               outputs, as raw bytes
    verdicts/DIGEST.json                 what was concluded

A document is written whole or not at all: to a file of its own, synchronised, then linked to a name that must be free.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from compat.errors import StoreError
from compat.model import SCHEMA_VERSION, Evidence, Identity, Node, Plan, Verdict, canonical, digest

__all__ = ["LocalStore", "same_machine"]

_LAYOUT = 2
_SHORT = 16  # hex digits of a record's digest in its name
_Document = TypeVar("_Document", Plan, Node, Identity, Evidence, Verdict)


_ADAPTERS: dict[type, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (Evidence, Identity, Node, Plan, Verdict)
}


class LocalStore:
    """Evidence, plans and verdicts in one folder. Everything is read back through validation, nothing is trusted."""

    def __init__(self, root: Path, *, create: bool = False) -> None:
        self.root = root
        self._numbers: dict[Path, int] = {}  # the next free number of each folder of evidence, as far as we know
        marker = root / "store.json"
        if create and not marker.exists():
            try:
                root.mkdir(parents=True, exist_ok=True)
            except OSError as problem:
                raise StoreError(
                    str(root), f"cannot be a store: {problem.strerror}", "name another folder"
                ) from problem
            self._write(marker, json.dumps({"layout": _LAYOUT}).encode())
        try:
            layout = json.loads(marker.read_bytes())["layout"]
        except FileNotFoundError:
            raise StoreError(str(root), "is not a store: it has no store.json", "name the folder of a run") from None
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise StoreError(str(marker), f"cannot be read: {problem}", "restore it, or measure again") from problem
        if type(layout) is not int or layout != _LAYOUT:  # true is equal to 1
            older = type(layout) is int and layout < _LAYOUT
            remedy = "measure again, or use the gpu-compat that wrote it" if older else "use a newer gpu-compat"
            raise StoreError(str(root), f"has layout {layout}, this version reads {_LAYOUT}", remedy)

    # -- writing -------------------------------------------------------------------------------------------------------

    def _write(self, path: Path, data: bytes) -> bool:
        """Write a new document; False if the name is taken. StoreError when the disk refuses."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            try:
                os.fchmod(handle, 0o644)  # evidence is read by others: a CI job that judges, a web server
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.link(name, path)
            except FileExistsError:
                return False
            finally:
                with contextlib.suppress(FileNotFoundError):
                    Path(name).unlink()
        except OSError as problem:
            raise StoreError(
                str(path), f"cannot be written: {problem.strerror}", "make room or rights there"
            ) from problem
        return True

    def _text(self, document: _Document) -> bytes:
        """The document as it is written; StoreError for one that could not be read again."""
        try:
            data = canonical(document).encode()
            _ADAPTERS[type(document)].validate_json(data, strict=True)
        except ValueError as problem:  # NaN, half a surrogate pair
            reason = _first(problem) if isinstance(problem, ValidationError) else str(problem)
            what = f"{type(document).__name__.lower()} cannot be written: {reason}"
            raise StoreError(str(self.root), what, "this is a defect of gpu-compat: report it") from problem
        return data

    def _named(self, folder: str, document: _Document) -> str:
        data = self._text(document)
        name = digest(data)
        path = self.root / folder / f"{name}.json"
        if not path.exists():
            self._write(path, data)
        return name

    def put_plan(self, plan: Plan) -> str:
        """Keep the plan; its digest."""
        return self._named("plans", plan)

    def put_node(self, node: Node, *, upgraded: bool = False) -> None:
        """Keep what was read from a node. A node that changed since is a contradiction: StoreError.

        One that is ``upgraded`` meanwhile is the same machine with the same GPUs and labels: whatever a reboot and a
        new driver make of the rest, the first document stays on record, and every run says what it really had.
        """
        path = self.root / "nodes" / f"{node.id}.json"
        data = self._text(node)
        if self._write(path, data) or path.read_bytes() == data:
            return
        if not upgraded or not same_machine(self._read(path, Node), node):
            raise StoreError(
                str(path),
                f"node {node.hostname} is not as it was when measuring began (driver, memory, kernel, GPUs or labels)",
                "measure into another store, or with --fresh",
            )

    def put_identity(self, identity: Identity) -> str:
        """Keep what a runtime is; its digest."""
        return self._named("identities", identity)

    def put_blob(self, data: bytes) -> str:
        """Keep bytes; their sha256."""
        name = digest(data)
        path = self._blob(name)
        if not path.exists():
            self._write(path, data)
        return name

    def put_evidence(self, evidence: Evidence) -> Path:
        """Keep one run of a case, under the next free number."""
        folder = self.root / "evidence" / evidence.plan / evidence.node
        if folder not in self._numbers:
            self._numbers[folder] = sum(1 for _ in folder.glob("*.json")) if folder.is_dir() else 0
        data = self._text(evidence)
        short = digest(data)[:_SHORT]
        while not self._write(path := folder / f"{self._numbers[folder]:06d}-{short}.json", data):
            self._numbers[folder] += 1  # the same record was written before
        self._numbers[folder] += 1
        return path

    def put_verdict(self, verdict: Verdict) -> str:
        """Keep a verdict; its digest."""
        return self._named("verdicts", verdict)

    # -- reading -------------------------------------------------------------------------------------------------------

    def _read(self, path: Path, kind: type[_Document]) -> _Document:
        try:
            document: _Document = _ADAPTERS[kind].validate_json(path.read_bytes(), strict=True)
        except OSError as problem:
            raise StoreError(str(path), f"cannot be read: {problem.strerror}", "restore it") from problem
        except ValidationError as problem:
            raise StoreError(str(path), f"is torn or not ours: {_first(problem)}", "restore it") from problem
        version = getattr(document, "schema_version", SCHEMA_VERSION)
        if version != SCHEMA_VERSION:
            raise StoreError(str(path), f"has schema version {version}, this version reads {SCHEMA_VERSION}")
        return document

    def _documents(self, folder: str, kind: type[_Document], named_by_digest: bool = True) -> Iterator[_Document]:
        """Every document of a kind. Its name, or what follows the number in it, is its digest, or begins it."""
        for path in sorted((self.root / folder).rglob("*.json")):
            document = self._read(path, kind)
            try:
                name = digest(document) if named_by_digest else ""
            except ValueError:  # NaN or an infinity, which no document of ours has
                raise StoreError(str(path), "holds a number that is not finite", "restore it") from None
            if named_by_digest and not _is_name(path.stem, name):
                raise StoreError(str(path), "is not what its name says: its content was changed", "restore it")
            yield document

    def plan_digests(self) -> tuple[str, ...]:
        """The digests of all plans, the oldest first."""
        found = sorted((self.root / "plans").glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        return tuple(path.stem for path in found)

    def plan(self, name: str | None = None) -> Plan:
        """The plan of that digest (or its beginning), or the newest. StoreError when there is none, or several fit."""
        digests = self.plan_digests()
        fitting = [found for found in digests if found.startswith(name)] if name else list(digests[-1:])
        if len(fitting) != 1:
            problem = f"has {len(fitting)} plans whose digest begins with {name!r}" if name else "holds no plan"
            raise StoreError(str(self.root), problem, "measure first" if not digests else "give more of the digest")
        plan = self._read(self.root / "plans" / f"{fitting[0]}.json", Plan)
        if digest(plan) != fitting[0]:
            raise StoreError(str(self.root / "plans"), "a plan is not what its name says", "restore it")
        return plan

    def nodes(self) -> dict[str, Node]:
        """Every node, by id."""
        return {node.id: node for node in self._documents("nodes", Node, named_by_digest=False)}

    def identities(self) -> dict[str, Identity]:
        """Every runtime's identity, by digest."""
        return {digest(identity): identity for identity in self._documents("identities", Identity)}

    def evidence(self, plan: str) -> list[Evidence]:
        """All evidence for the plan of that digest, of every node."""
        return list(self._documents(f"evidence/{plan}", Evidence))

    def verdicts(self) -> list[Verdict]:
        """Every verdict that was kept."""
        return list(self._documents("verdicts", Verdict))

    def _blob(self, name: str) -> Path:
        return self.root / "blobs" / "sha256" / name[:2] / name

    def blob(self, name: str) -> bytes:
        """The bytes of that sha256. StoreError when they are gone or changed."""
        path = self._blob(name)
        try:
            data = path.read_bytes()
        except OSError as problem:
            raise StoreError(str(path), f"cannot be read: {problem.strerror}", "restore it") from problem
        if digest(data) != name:
            raise StoreError(str(path), "is not what its name says: its content was changed", "restore it")
        return data


def same_machine(one: Node, other: Node) -> bool:
    """Whether two descriptions are of one node, as far as it stays what it is over an upgrade."""
    return _stays(one) == _stays(other)


def _stays(node: Node) -> tuple[object, ...]:
    return node.id, node.hostname, node.cpu, [(gpu.uuid, gpu.parent) for gpu in node.gpus], node.labels


def _is_name(stem: str, name: str) -> bool:
    """Whether a document with the digest ``name`` is in a file of that name, or in one numbered and named by it."""
    number, dash, short = stem.partition("-")
    return stem == name or (number.isdecimal() and bool(dash) and short == name[:_SHORT])


def _first(problem: ValidationError) -> str:
    """The first thing that is wrong, with its place in the document."""
    error = problem.errors()[0]
    return f"{'.'.join(map(str, error['loc'])) or 'document'}: {error['msg']}"

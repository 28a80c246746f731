"""A store on disk whose documents are edited as files: torn, lost, copied, or with another word in them."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from compat.cli import main
from compat.model import Arm, Item, digest

__all__ = ["CRASH", "GO", "Document", "Folder", "command", "decide", "read", "replace", "write"]

Document = dict[str, Any]

GO, CRASH = "GO", "crash"
_ENDED = {0: GO, 1: "NO-GO", 10: "HOLD", 2: "refused"}  # exit codes of ``compat gate``
_UNCAUGHT = 70  # ours: the interpreter ends with 1, which is the code of NO-GO


class Folder:
    """The store in ``root``. A selection that finds nothing fails: a fault that is planted nowhere proves nothing."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def paths(self, kind: str) -> list[Path]:
        """The files of a kind (``evidence``, ``nodes``, ``blobs``, ...), in order."""
        found = sorted(path for path in (self.root / kind).rglob("*") if path.is_file())
        assert found, kind
        return found

    def records(
        self,
        of: Item | None = None,
        arm: Arm | None = None,
        pairs: Sequence[int] | None = None,
        node: str | None = None,
    ) -> list[Path]:
        """The documents of the runs that match, in order."""
        found = []
        for path in self.paths("evidence"):
            document = read(path)
            if (
                (of is None or document["item"] == of.key)
                and (arm is None or document["arm"] == arm.value)
                and (pairs is None or document["pair"] in pairs)
                and (node is None or document["node"] == node)
            ):
                found.append(path)
        assert found
        return found

    def replan(self, change: Callable[[Document], object]) -> None:
        """Change the plan, and make all whole again: its name, and the plan that each record says it belongs to."""
        (path,) = self.paths("plans")
        document = read(path)
        change(document)
        name = digest(document)
        assert name != path.stem
        path.unlink()
        write(path.with_stem(name), document)
        for record in self.paths("evidence"):
            write(record, {**read(record), "plan": name})
        (self.root / "evidence" / path.stem).rename(self.root / "evidence" / name)

    def reidentify(self, change: Callable[[Document], object], arm: Arm, pairs: Sequence[int] | None = None) -> None:
        """Change what the runs of one arm were in, under the digest that it then has."""
        for record in self.records(arm=arm, pairs=pairs):
            document = read(record)
            identity = read(self.root / "identities" / f"{document['identity']}.json")
            change(identity)
            name = digest(identity)
            assert name != document["identity"]
            write(self.root / "identities" / f"{name}.json", identity)
            write(record, {**document, "identity": name})

    def blob(self, name: str) -> Path:
        """Where the bytes of that sha256 are."""
        return self.root / "blobs" / "sha256" / name[:2] / name

    def keep(self, data: bytes) -> str:
        """Keep bytes as a blob; their sha256."""
        path = self.blob(digest(data))
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, data)
        return path.name


def read(path: Path) -> Document:
    """A document as plain values."""
    document: Document = json.loads(path.read_bytes())
    return document


def write(path: Path, document: Document) -> None:
    """Write a document as the store does, but with NaN and Infinity, which a careless writer leaves in.

    A record is under the name that its content then has, and a node has its sum: what is planted in them is for the
    judge to find.
    """
    data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    number, dash, _ = path.stem.partition("-")
    if dash and number.isdecimal():
        path.unlink(missing_ok=True)
        path = path.with_stem(f"{number}-{digest(data)[:16]}")
    if path.parent.name == "nodes":
        own = path.parents[1] / "sums" / "nodes" / path.name / digest(data)
        own.parent.mkdir(parents=True, exist_ok=True)
        own.touch()
    replace(path, data)


def replace(path: Path, data: bytes) -> None:
    """Put a new file with these bytes there: the old one may be shared with another folder."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def decide(folder: Folder, ring: str = "canary") -> tuple[str, str]:
    """What ``compat gate`` says of a store: GO, NO-GO, HOLD, ``refused`` or ``crash``, and its line."""
    code, line = command("gate", str(folder.root), "--ring", ring)
    return _ENDED.get(code, CRASH), line


def command(*words: str) -> tuple[int, str]:
    """Exit code and output of a command that is run in this process; 70 for an exception that nobody caught."""
    screen = io.StringIO()
    with (
        contextlib.redirect_stdout(screen),
        contextlib.redirect_stderr(screen),
        mock.patch.object(sys, "argv", ["compat", *words]),
    ):
        try:
            main()
        except SystemExit as ended:
            return (ended.code if isinstance(ended.code, int) else _UNCAUGHT), screen.getvalue().strip()
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is what the bench looks for
            return _UNCAUGHT, f"{type(problem).__name__}: {problem}"
    return 0, screen.getvalue().strip()

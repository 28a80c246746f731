"""A verdict as somebody names it: by its digest, by the stored document, or by the document that a report came with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compat.errors import UsageError
from compat.model import Verdict, digest
from compat.way.conclude import open_store

if TYPE_CHECKING:
    from compat.store import Store
    from compat.store.place import Where

__all__ = ["Given", "given_verdict"]


@dataclass(frozen=True)
class Given:
    """The verdict and its store. ``problem``: what is wrong with the document that was given."""

    store: Store
    verdict: Verdict
    problem: str = ""


def given_verdict(name: str, place: Where | None) -> Given:
    """The verdict that is meant. UsageError where nobody can tell, StoreError where it was changed."""
    from compat.store.attestations import find_verdict

    file = Path(name)
    if file.is_file():
        return _of_file(file, place)
    if place is None:
        raise UsageError(name, "is no file, and a digest needs a store", "name the store: compat audit DIGEST STORE")
    store = open_store(place)
    return Given(store, find_verdict(store, name)[0])


def _of_file(file: Path, place: Where | None) -> Given:
    from compat.store import is_store
    from compat.store.attestations import find_verdict
    from compat.store.texts import document_of

    if place is None:
        place = next((folder for folder in file.resolve().parents if is_store(folder)), None)
    if place is None:
        raise UsageError(str(file), "is in no store", "name the store: compat audit FILE STORE")
    store = open_store(place)
    try:
        data = file.read_bytes()
        document: Any = json.loads(data)
    except OSError as problem:
        raise UsageError(str(file), f"cannot be read: {problem.strerror}", "name a verdict's file") from None
    except (ValueError, RecursionError):
        raise UsageError(str(file), "is torn or no verdict", "restore it, or name the verdict by its digest") from None
    digests = document.get("digests") if isinstance(document, dict) else None
    named = digests.get("verdict") if isinstance(digests, dict) else None
    if isinstance(named, str):
        verdict, _ = find_verdict(store, named)
        return Given(store, verdict, _published(store, verdict, document, data))
    stored = document_of(data, Verdict, str(file))
    same = digest(stored) == digest(data)
    return Given(store, stored, "" if same else f"{file} is not as it was written: it was changed")


def _published(store: Store, verdict: Verdict, document: dict[str, Any], data: bytes) -> str:
    """What is wrong with a published document of a verdict, which says more than the verdict does by itself."""
    from compat.report.formats.document import verdict_json
    from compat.report.view import view

    plan = store.plan(verdict.plan)
    rollback = document.get("rollback")
    at = rollback.get("at") if isinstance(rollback, dict) else None
    # Ways back that came after the document are none of what it says.
    known = [one for one in store.rehearsals(verdict.plan) if isinstance(at, str) and one.at <= at]
    shown = view(verdict, plan, list(store.nodes().values()), store.identities(), (), known)
    report = document["digests"].get("report")
    text = verdict_json(verdict, shown, report if isinstance(report, str) else None)
    if "measures" not in document:  # it was written before there were any
        older = json.loads(text)
        del older["measures"]
        text = json.dumps(older, indent=2) + "\n"
    same = text.encode() == data
    return "" if same else "the document does not say what that verdict says: it was changed, or is of another version"

"""Signed statements in a store: each under the digest of the document that it is about, by its own digest.

::

    attestations/DOCUMENT/DIGEST.json    of a verdict, or of an entry of a baseline's log
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.errors import StoreError, UsageError
from compat.model import Verdict, digest

if TYPE_CHECKING:
    from compat.store.documents import Store

__all__ = ["attestations", "find_verdict", "put_attestation"]

_SHORT = 16  # hex digits of a document's digest in the name of a numbered one
_HEX = frozenset("0123456789abcdef")


def put_attestation(store: Store, document: str, envelope: bytes) -> str:
    """Keep a signed statement about the document of that digest; its name in the store."""
    name = f"attestations/{document}/{digest(envelope)}.json"
    store.objects.put(name, envelope)  # it is there already, or it is new: a name has one content
    return name


def attestations(store: Store, document: str) -> dict[str, bytes]:
    """Every signed statement about the document of that digest, by name, as it is: nothing of it was checked."""
    names = store.objects.names(f"attestations/{document}")
    return {name: store.objects.get(name) or b"" for name in names if name.endswith(".json")}


def find_verdict(store: Store, start: str) -> tuple[Verdict, str]:
    """The verdict whose digest begins so, and its digest. UsageError for none or several, StoreError if changed."""
    word = start.lower()
    names = [
        name
        for name in store.objects.names("verdicts")
        if word and _HEX.issuperset(word) and _begins(name).startswith(word[: len(_begins(name))])
    ]
    if len({_begins(name) for name in names}) != 1:
        remedy = "give more of the digest" if names else "name one that compat judge or compat gate has kept there"
        raise UsageError(store.where, f"has {len(names)} verdicts whose digest begins with {start!r}", remedy)
    data = store.objects.get(names[0]) or b""
    found = digest(data)
    if not found.startswith(_begins(names[0])) or not found.startswith(word):
        where = store.objects.address(names[0])
        raise StoreError(where, "is not what its name says: its content was changed", "restore it")
    return store.read(names[0], Verdict), found


def _begins(name: str) -> str:
    """What a verdict's digest begins with, by its name: after the number, or all of it."""
    return name.rpartition("/")[2].removesuffix(".json").rpartition("-")[2][:64]

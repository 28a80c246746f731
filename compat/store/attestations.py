"""Signed statements in a store: each under the digest of the document that it is about, by its own digest.

::

    attestations/DOCUMENT/DIGEST.json    of a verdict, or of an entry of a baseline's log
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.errors import UsageError
from compat.model import Verdict, digest
from compat.store.naming import stem

if TYPE_CHECKING:
    from compat.store.documents import Store

__all__ = ["attestations", "find_verdict", "put_attestation"]

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
    verdict, data = store.named(names[0], Verdict)
    if not digest(data).startswith(word):
        raise UsageError(
            store.where, f"has 0 verdicts whose digest begins with {start!r}", "its beginning is another's"
        )
    return verdict, digest(data)


def _begins(name: str) -> str:
    """What a verdict's digest begins with, by its name: after the number, or all of it."""
    return stem(name).rpartition("-")[2]

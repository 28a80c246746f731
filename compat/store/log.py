"""Logs: lines of numbered documents, each of which names the one before it.

A number is written once, so of all who append after the same document one wins. Nothing is moved or overwritten: the
head of a log is its last document, and how it came there is the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from compat.errors import StoreError
from compat.model import Lease, Promotion, digest
from compat.store.naming import sum_name

if TYPE_CHECKING:
    from compat.store.documents import Store

__all__ = ["Log"]

_Entry = TypeVar("_Entry", Promotion, Lease)


class Log(Generic[_Entry]):
    """The log in ``folder`` of a store, whose documents are of one ``kind``."""

    def __init__(self, store: Store, folder: str, kind: type[_Entry]) -> None:
        self._store = store
        self._folder = folder
        self._kind: type[_Entry] = kind

    def entries(self) -> tuple[_Entry, ...]:
        """Every entry, in order. StoreError where one is missing, was changed, or is not after the one before it."""
        return self._read()[0]

    def _read(self) -> tuple[tuple[_Entry, ...], str]:
        """The entries, and the digest of the last one as it is written."""
        found: list[_Entry] = []
        previous = ""
        for number, name in enumerate(self._store.objects.names(self._folder), 1):
            data = self._store.raw(name)
            entry = self._store.parsed(name, data, self._kind)
            if name != self._name(number) or entry.number != number or entry.previous != previous:
                problem = f"is not entry {number} of its log: one before it is missing, or was changed"
                raise StoreError(self._store.objects.address(name), problem, "restore the log")
            previous = digest(data)
            found.append(entry)
        # The entry after it says what each was, and of the last one its sum.
        if found and not self._store.objects.has(sum_name(self._name(len(found)), previous)):
            where = self._store.objects.address(self._name(len(found)))
            raise StoreError(where, "is not what was written: its content was changed", "restore the log")
        return tuple(found), previous

    def append(self, make: Callable[[int, str], _Entry], seen: int | None = None) -> _Entry:
        """Append what ``make`` gives for a number and the digest of the entry before it.

        ``seen`` is the number of the last entry that the caller decided on; what is there now, if it is not said.
        StoreError where there is another one by now: somebody else was first.
        """
        there, previous = self._read()
        if seen is not None and len(there) != seen:
            raise self._moved(len(there))
        entry = make(len(there) + 1, previous)
        if not self._store.put_once(self._name(entry.number), self._store.text(entry)):
            raise self._moved(entry.number)
        return entry

    def check(self, seen: int) -> None:
        """StoreError where the last entry is another one than the caller has seen."""
        there, _ = self._read()
        if len(there) != seen:
            raise self._moved(len(there))

    def _moved(self, number: int) -> StoreError:
        where = self._store.objects.address(self._folder)
        return StoreError(where, f"has an entry {number} since we looked", "look at what it says, and decide again")

    def _name(self, number: int) -> str:
        return f"{self._folder}/{number:06d}.json"

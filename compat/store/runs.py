"""The runs of a plan, of which there may be a million: one after the other, or item by item, and never all at once.

An item's runs are found by their names: 28 bytes each, in a table that is made by looking into every document once and
is kept nowhere. What is read is checked like any document.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from compat.errors import StoreError
from compat.model import Evidence
from compat.store.naming import is_named

if TYPE_CHECKING:
    from compat.store.documents import Store

__all__ = ["Runs"]

# In a canonical text no quotation mark within a value is bare, and no other key before it is called so.
_ITEM = re.compile(rb',"item":"([^"\\]*)",')


class Runs(Mapping[str, list[Evidence]]):
    """The evidence of one plan, by item. A look at an item reads it anew: keep no more of it than you need."""

    def __init__(self, store: Store, plan: str) -> None:
        self._store = store
        self._folder = f"evidence/{plan}"

    def names(self) -> Iterator[str]:
        """The names of the documents, in order."""
        for name in self._store.objects.each(self._folder):
            if name.endswith(".json"):
                yield name

    def raw(self) -> Iterator[tuple[str, bytes]]:
        """The same, each with its text. StoreError where one is not what its name says."""
        for name in self.names():
            text = self._store.raw(name)
            if not is_named(name, text):
                self._store.checked(name, Evidence)  # which says what is wrong with it
            yield name, text

    def texts(self) -> Iterator[tuple[Evidence, bytes]]:
        """Every run with its text, in the order in which they were written, node by node."""
        for name in self.names():
            yield self._store.named(name, Evidence)

    def each(self) -> Iterator[Evidence]:
        """Every run, in that order."""
        for record, _ in self.texts():
            yield record

    @cached_property
    def _table(self) -> dict[str, dict[str, bytearray]]:
        """By item and folder: what documents are called in it, a line each."""
        found: dict[str, dict[str, bytearray]] = {}
        for name in self.names():
            folder, _, own = name.rpartition("/")
            lines = found.setdefault(self._item_of(name), {}).setdefault(folder, bytearray())
            lines += os.fsencode(own) + b"\n"
        return found

    def _item_of(self, name: str) -> str:
        """The item of a document, at a look. Whether it is so is seen when it is read."""
        match = _ITEM.search(self._store.objects.get(name) or b"")
        if match is None:  # a name that is not plain ASCII, or no text of ours
            return self._store.named(name, Evidence)[0].item
        return match[1].decode("ascii", "replace")

    def __getitem__(self, item: str) -> list[Evidence]:
        found = []
        for folder, lines in self._table[item].items():
            for own in lines.split(b"\n")[:-1]:
                name = f"{folder}/{os.fsdecode(bytes(own))}"
                record, _ = self._store.named(name, Evidence)
                if record.item != item:
                    problem = f"is of the item {record.item!r}, and its text begins as if it were of {item!r}"
                    raise StoreError(self._store.objects.address(name), problem, "restore it")
                found.append(record)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

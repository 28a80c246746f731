"""What a store needs of a place: names that are written once. A folder has it, and so has a bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

__all__ = ["Objects"]


class Objects(Protocol):
    """Bytes by name. A name is a relative path with ``/``; what is written under it never changes.

    Every method raises StoreError, in one line, where the place refuses.
    """

    where: str  # for people: the folder, or the bucket's address

    def make(self) -> None:
        """Get the place ready for a new store."""

    def put(self, name: str, data: bytes) -> bool:
        """Write what is new, whole or not at all, and durably; False if the name is taken, whatever it holds."""

    def put_many(self, documents: Iterable[tuple[str, bytes]]) -> int:
        """Write what is new of many (name, data), each whole or not at all; how many. Durable when it returns."""

    def get(self, name: str) -> bytes | None:
        """What is there under the name; None if there is nothing."""

    def has(self, name: str) -> bool:
        """Whether there is something under the name."""

    def stamp(self, name: str) -> str:
        """Something that is another word when what is under the name may have changed; a bucket's is always one."""

    def names(self, under: str) -> list[str]:
        """Every name that begins with ``under`` and a ``/``, however deep, in order."""

    def every(self) -> Iterator[str]:
        """Every name there is, in no order, as it is read; what a killed writer left too."""

    def each(self, under: str) -> Iterator[str]:
        """The same names, one after the other: of a million there is never a list."""

    def age_order(self, names: list[str]) -> list[str]:
        """These names, by when they were written, the oldest first."""

    def address(self, name: str) -> str:
        """Where that is, for people."""

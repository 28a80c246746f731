"""Sets of digests that may have millions of members: 32 bytes each, where the text of one takes three times as much."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

__all__ = ["Digests"]

_SIZE = 32  # bytes of a sha256


class Digests:
    """sha256 digests (64 hex digits), each once and in order, whatever the order in which they were added.

    They are kept in parts, by their first twelve bits, so that not much has to move for a new one.
    """

    def __init__(self) -> None:
        self._parts = [bytearray() for _ in range(1 << 12)]

    def add(self, digest: str) -> bool:
        """Add a digest; False if it is there already. ValueError for what is none."""
        raw, part, at = self._find(digest)
        if part[at : at + _SIZE] == raw:
            return False
        part[at:at] = raw
        return True

    def _find(self, digest: str) -> tuple[bytes, bytearray, int]:
        """A digest, the part that it belongs to, and where."""
        raw = bytes.fromhex(digest)
        if len(raw) != _SIZE or raw.hex() != digest:
            raise ValueError(f"{digest!r} is no sha256")
        part = self._parts[raw[0] << 4 | raw[1] >> 4]
        low, high = 0, len(part) // _SIZE
        while low < high:
            middle = (low + high) // 2
            if part[middle * _SIZE : (middle + 1) * _SIZE] < raw:
                low = middle + 1
            else:
                high = middle
        return raw, part, low * _SIZE

    def __contains__(self, digest: str) -> bool:
        raw, part, at = self._find(digest)
        return part[at : at + _SIZE] == raw

    def __iter__(self) -> Iterator[str]:
        for part in self._parts:
            for at in range(0, len(part), _SIZE):
                yield part[at : at + _SIZE].hex()

    def __len__(self) -> int:
        return sum(map(len, self._parts)) // _SIZE

    def digest(self) -> str:
        """The digest of all: that of the sorted list of their texts, as ``compat.model.digest`` gives it."""
        found = hashlib.sha256(b"[")
        for number, name in enumerate(self):
            found.update(f'{"," if number else ""}"{name}"'.encode())
        found.update(b"]")
        return found.hexdigest()

"""The digest of a file, or of a folder with all that is in it: what a matrix names, a cache keeps and a runtime loads.

The probe uses it as well, in whatever Python a runtime has.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["files_digest"]

_PIECE = 1 << 22  # bytes that are read at a time: a model may be larger than the memory


def files_digest(place: Path) -> str:
    """sha256 of a file; of a folder, over the paths and the digests of all files below it. OSError if unreadable."""
    digest = hashlib.sha256()
    if not place.is_dir():
        with place.open("rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest()
    for path in sorted(place.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(place).as_posix()}\n{files_digest(path)}\n".encode())
    return digest.hexdigest()

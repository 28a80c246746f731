"""The digest of a file, or of a folder with all that is in it: one number for what a matrix names and a cache keeps."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["files_digest"]


def files_digest(place: Path) -> str:
    """sha256 of a file; of a folder, over the paths and the digests of all files below it. OSError if unreadable."""
    if not place.is_dir():
        with place.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    lines = [
        f"{path.relative_to(place).as_posix()}\n{files_digest(path)}\n"
        for path in sorted(place.rglob("*"))
        if path.is_file()
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()

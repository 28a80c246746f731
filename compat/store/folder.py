"""A local folder, or one that several machines share, as a place for a store."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from compat.errors import StoreError

__all__ = ["NEW", "FolderObjects"]

NEW = ".new-"  # a file that is being written; what a killed writer left


class FolderObjects:
    """Files below a folder: written to a file of its own, synchronised, then linked to a name that must be free."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.where = str(root)

    def make(self) -> None:
        """Make the folder. StoreError where that cannot be."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise StoreError(self.where, f"cannot be a store: {problem.strerror}", "name another folder") from problem

    def put(self, name: str, data: bytes) -> bool:
        """Write a new file; False if the name is taken. StoreError when the disk refuses."""
        path = self.root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, new = tempfile.mkstemp(dir=path.parent, prefix=NEW)
            try:
                os.fchmod(handle, 0o644)  # evidence is read by others: a CI job that judges, a web server
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.link(new, path)
            except FileExistsError:
                return False
            finally:
                with contextlib.suppress(FileNotFoundError):
                    Path(new).unlink()
        except OSError as problem:
            raise StoreError(
                str(path), f"cannot be written: {problem.strerror}", "make room or rights there"
            ) from problem
        return True

    def get(self, name: str) -> bytes | None:
        """What the file holds; None if there is none."""
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise StoreError(self.address(name), f"cannot be read: {problem.strerror}", "restore it") from problem

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.root / name).exists()

    def names(self, under: str) -> list[str]:
        """Every file below a folder of it, as a relative path; not those that are being written."""
        found = []
        for folder, folders, files in os.walk(self.root / under, onerror=self._refuse):
            folders.sort()
            place = Path(folder).relative_to(self.root)
            found += [str(place / file) for file in files if not file.startswith(NEW)]
        return sorted(found)

    def every(self) -> Iterator[str]:
        """Every file, folder by folder; those that are being written too."""
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(self.root / folder) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(f"{folder}{entry.name}/")
                        else:
                            yield f"{folder}{entry.name}"
            except OSError as problem:
                self._refuse(problem)

    def _refuse(self, problem: OSError) -> None:
        """What cannot be listed is not empty; what is no folder has nothing below it."""
        if not isinstance(problem, (FileNotFoundError, NotADirectoryError)):
            raise StoreError(str(problem.filename), f"cannot be read: {problem.strerror}", "restore it") from problem

    def age_order(self, names: list[str]) -> list[str]:
        """By the file's own time of change."""
        return sorted(names, key=lambda name: ((self.root / name).stat().st_mtime_ns, name))

    def address(self, name: str) -> str:
        """The file's path."""
        return str(self.root / name)

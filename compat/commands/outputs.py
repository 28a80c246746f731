"""What commands write beside a store: that it overwrites nothing of value, and that it was really written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from compat.errors import StoreError, UsageError

__all__ = ["check_output", "tell", "write_output"]

_REMEDY = "make room or rights there"


def check_output(output: Path | None, store: str = "", inputs: Iterable[str | Path] = ()) -> None:
    """UsageError where a file that is to be written is none, is one that is read (such as a key), or is the store's.

    StoreError where it cannot be written. Ask before anything is done: then nothing is done for nothing.
    """
    if output is None:
        return
    if not output.name or output.is_dir():
        raise UsageError("output", f"{str(output)!r} is no file", "name a file")
    own = output.resolve()
    for one in inputs:
        if not str(one).startswith("env:") and _same(own, Path(one)):
            raise UsageError("output", f"{output} is read by this command, and would be lost", "name another file")
    if store and "://" not in store and own.is_relative_to(Path(store).resolve()):
        raise UsageError("output", f"{output} is in the store, which has its own files alone", "name another folder")
    there = next((place for place in (own, *own.parents) if place.exists()), own)
    if there != own and not there.is_dir():
        raise StoreError(str(output), "cannot be written: Not a directory", "name another folder")
    if not os.access(there, os.W_OK):
        raise StoreError(str(output), "cannot be written: Permission denied", _REMEDY)


def _same(own: Path, other: Path) -> bool:
    """Whether two names are of one file, by a link, too."""
    try:
        return own == other.resolve() or own.samefile(other)
    except OSError:
        return False


def write_output(file: Path, content: str | bytes, *, add: bool = False) -> None:
    """Write a file anew, or add to it. StoreError where the disk refuses."""
    try:
        with file.open("ab" if add else "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
    except OSError as problem:
        raise StoreError(str(file), f"cannot be written: {problem.strerror}", _REMEDY) from problem


def tell(text: str, *, error: bool = False) -> None:
    """Write to standard output, or error, and see it out. StoreError where nobody takes it: a pipe that is closed.

    What was not told is not left in a buffer, since Python would end with a code of its own for it.
    """
    stream, where = (sys.stderr, "standard error") if error else (sys.stdout, "standard output")
    if stream is None:
        _untold(where, "it is closed")
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError) as problem:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        _untold(where, getattr(problem, "strerror", None) or str(problem))


def _untold(where: str, why: str) -> NoReturn:
    raise StoreError(where, f"cannot be written: {why}", "nobody was told the answer: give it where it is taken")

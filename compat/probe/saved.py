"""Files that one runtime saves and that runtimes load: a model that was exported, a cache of what was compiled.

They travel as a case's outputs, an array of bytes for each file, and lie in a folder of the controller's, who looks
whether they are as they were: a container cannot write there, and a process beside us can.
"""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from compat.probe.outputs import Encoded
from compat.probe.tools import Tools

__all__ = ["NotSavedError", "in_own_cache", "saved_cache", "saved_files"]

_ARCHIVE = "cache.tar"
_CACHE = "TORCHINDUCTOR_CACHE_DIR"  # where torch's compiler keeps what it has compiled


class NotSavedError(RuntimeError):
    """There is nothing to load: the runtime that should have saved it could not."""


def saved_files(module: ModuleType, params: dict[str, Any], tools: Tools) -> dict[str, Encoded]:
    """What the content's ``save(params, tools)`` wrote to ``tools.folder``, by path below it. ValueError if nothing."""
    with tempfile.TemporaryDirectory(prefix="saved-") as folder:
        tools.folder = folder
        module.save(params, tools)
        found = {name: _encoded(path) for name, path in _files(folder)}
    if not found:
        raise ValueError("save() wrote no file to tools.folder")
    return found


def saved_cache(module: ModuleType, params: dict[str, Any], tools: Tools) -> dict[str, Encoded]:
    """What the compiler keeps of the case's work, once that has run with an empty cache, as one archive: many files."""
    with tempfile.TemporaryDirectory(prefix="cache-") as folder:
        os.environ[_CACHE] = folder
        module.prepare(params, tools)()
        if not any(_files(folder)):
            raise ValueError("the compiler kept nothing in its cache")
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(folder, arcname=".")
    return {_ARCHIVE: ("|u1", (len(archive.getvalue()),), archive.getvalue())}


def in_own_cache(saved: str) -> None:
    """Let the compiler find what was saved, in a copy of this process's own: nothing that it adds is anybody else's."""
    folder = tempfile.mkdtemp(prefix="cache-")
    with tarfile.open(os.path.join(saved, _ARCHIVE)) as tar:  # noqa: PTH118
        tar.extractall(folder)  # noqa: S202 - this runtime's own, and what runs here could write anywhere anyway
    os.environ[_CACHE] = folder


def _files(folder: str) -> Iterator[tuple[str, str]]:
    """Every file below the folder: its path below it, with slashes, and its whole path, in order."""
    found = []
    for place, _, names in os.walk(folder):
        found += [os.path.join(place, name) for name in names]  # noqa: PTH118
    for path in sorted(found):
        yield os.path.relpath(path, folder).replace(os.sep, "/"), path


def _encoded(path: str) -> Encoded:
    with open(path, "rb") as file:  # noqa: PTH123
        data = file.read()
    return "|u1", (len(data),), data

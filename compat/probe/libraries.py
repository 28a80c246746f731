"""The shared libraries that a process has loaded, by name and digest: what an arm really ran on."""

from __future__ import annotations

import hashlib
import os
import stat
import sys

__all__ = ["Library", "digest_of", "loaded_libraries", "name_library"]

_LARGEST = 8 << 30  # bytes: no library is larger, and a case may name any file
_PART = 1 << 20

Library = tuple[str, str]  # name, sha256


def loaded_libraries() -> set[str]:
    """Paths of the files with ``.so`` in their names that are mapped into this process, read from /proc/self/maps.

    What lies in a folder for temporary files was made in this run, and is left out, unless the runtime
    itself lies there.
    """
    made = (os.environ.get("TMPDIR", "/tmp").rstrip("/") + "/", "/tmp/")  # noqa: S108
    installed = tuple(prefix.rstrip("/") + "/" for prefix in (sys.prefix, sys.base_prefix))
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:  # noqa: PTH123 - after every case
            paths = {line.rstrip("\n").partition("/")[2] for line in maps if ".so" in line}
    except OSError:
        return set()
    found = {"/" + path for path in paths if path}
    return {path for path in found if path.startswith(installed) or not path.startswith(made)}


def digest_of(path: str) -> str | None:
    """sha256 of the file at ``path``; None for what is no plain file, or cannot be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or not status.st_size <= _LARGEST:
            return None
        found = hashlib.sha256()
        while part := os.read(handle, _PART):
            found.update(part)
    except OSError:
        return None
    finally:
        os.close(handle)
    return found.hexdigest()


def name_library(path: str) -> str:
    """``torch:torch/lib/libc10.so`` where an installed distribution lists the file, else the path itself."""
    for folder in sys.path:
        if folder and path.startswith(folder.rstrip("/") + "/"):
            relative = path[len(folder.rstrip("/")) + 1 :]
            owner = _owner(folder, relative)
            if owner:
                return f"{owner}:{relative}"
    return path


def _owner(folder: str, relative: str) -> str | None:
    """The distribution in ``folder`` whose RECORD lists ``relative``."""
    wanted = f"\n{relative},"
    try:
        records = [name for name in os.listdir(folder) if name.endswith(".dist-info")]  # noqa: PTH208
    except OSError:
        return None
    for name in records:
        try:
            with open(f"{folder}/{name}/RECORD", encoding="utf-8", errors="replace") as record:  # noqa: PTH123
                if wanted in "\n" + record.read():
                    return name.split("-")[0].lower().replace("_", "-")
        except OSError:
            continue
    return None

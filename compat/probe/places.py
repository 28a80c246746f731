"""What cases may write to beside their own folders: put back after each, so that the next one finds what it found.

In a container that is every place that can be written to, and what the kernel keeps of System V's shared memory,
semaphores and messages; elsewhere the probe's own folder, and the shared memory that the case itself made. The caches
of compilers are kept: to compile anew for every case would cost more than all else. So they are a way to a later case.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from typing import TYPE_CHECKING

from compat.probe.folders import remove
from compat.probe.libraries import digest_of
from compat.probe.process import LIBC

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Places"]

_PATIENCE = 10.0  # seconds to remove what one case has left
_FREE = 1 << 30  # bytes that have to be free for the next case, or the caches go as well
_NO_FILES = ("cgroup", "cgroup2", "devpts", "proc", "sysfs")  # file systems that keep nothing
_IPC_RMID = 0  # linux/ipc.h

Sign = tuple[int, ...]  # of a file: another one where it is replaced or written to


class Places:
    """What is in them now, before the first case."""

    def __init__(self, room: str) -> None:
        """``room`` is a folder that only this probe's cases write to; in a container there is none."""
        self._boxed = os.getpid() == 1
        self._roots = _writable() if self._boxed else [os.path.realpath(room)] if room else []
        self._caches = [path for path in _caches() if any(path.startswith(f"{root}/") for root in self._roots)]
        self._above = {above for path in self._caches for above in _parents(path)}  # folders that caches are in
        self._before: dict[str, Sign] = {}
        self._before = dict(self._look(everywhere=True))
        self._digests = {path: digest_of(path) for path, sign in self._before.items() if stat.S_ISREG(sign[1])}
        self._objects = set(_objects())

    def put_back(self, pid: int) -> str:
        """Remove what the case of the process ``pid`` has left; why it cannot be done, in words, or nothing."""
        until = time.monotonic() + _PATIENCE
        try:
            self._remove_objects(pid)
            found = dict(self._look())
            for path in found.keys() - self._before.keys():
                remove(path, until)
            for path in [path for path, sign in self._before.items() if found.get(path) != sign]:
                if not self._is_same(path, found.get(path)):
                    return f"a case changed {path}"
                self._before[path] = found[path]
            for path in self._caches:
                if os.path.isdir(path) and not _has_room(path):  # noqa: PTH112 - a hot path, as all of this
                    remove(path, until)
        except OSError as problem:
            return f"what a case left cannot be removed: {problem}"
        return ""

    def _look(self, everywhere: bool = False) -> Iterator[tuple[str, Sign]]:
        """All files but caches; of a folder that is new only itself, or else ``everywhere`` what is in it too."""
        left = list(self._roots)
        while left:
            try:
                entries = os.scandir(left.pop())
            except PermissionError:  # such as lost+found of a volume: closed to cases too
                continue
            with entries:
                for entry in entries:
                    path, status = entry.path, entry.stat(follow_symlinks=False)
                    folder = stat.S_ISDIR(status.st_mode)
                    if folder and path in self._caches:
                        continue
                    if folder and path in self._above:
                        if status.st_mode & 0o700 != 0o700:
                            os.chmod(path, 0o700)  # noqa: PTH101
                        left.append(path)
                        continue
                    sign: Sign = (status.st_ino, status.st_mode)
                    if not folder:
                        sign += (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
                    elif everywhere or path in self._before:
                        left.append(path)
                    yield path, sign

    def _is_same(self, path: str, sign: Sign | None) -> bool:
        """Whether a file that was written to is what it was: a library may do that whenever it is imported."""
        digest = self._digests.get(path)
        return (
            sign is not None and sign[1] == self._before[path][1] and digest is not None and digest == digest_of(path)
        )

    def _remove_objects(self, pid: int) -> None:
        for (kind, number), maker in _objects().items():
            if (kind, number) in self._objects or not (self._boxed or maker == pid):
                continue
            arguments = (number, 0, _IPC_RMID) if kind == "sem" else (number, _IPC_RMID, None)
            if getattr(LIBC, f"{kind}ctl")(*arguments) < 0:
                raise PermissionError(f"System V's {kind} {number}")


def _writable() -> list[str]:
    """The folders that are mounted for us to write to."""
    found = []
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as lines:  # noqa: PTH123
        for line in lines:
            _, place, kind, options = line.split(" ")[:4]
            path = place.replace("\\040", " ")
            if kind not in _NO_FILES and "rw" in options.split(",") and os.access(path, os.W_OK | os.X_OK):
                found += [path] if os.path.isdir(path) else []  # noqa: PTH112
    return found


def _caches() -> list[str]:
    """Where CUDA, torch's compiler and Triton keep what they compiled."""
    known = os.environ.get
    home = known("HOME", "")
    found = [
        known("CUDA_CACHE_PATH") or f"{home}/.nv/ComputeCache",
        known("TORCHINDUCTOR_CACHE_DIR"),
        known("TRITON_CACHE_DIR") or f"{known('TRITON_HOME') or home}/.triton/cache",
    ]
    return [os.path.realpath(path) for path in found if path]


def _parents(path: str) -> Iterator[str]:
    while path != (path := os.path.dirname(path)):  # noqa: PTH120
        yield path


def _has_room(path: str) -> bool:
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize >= _FREE and status.f_favail >= status.f_files // 8


def _objects() -> dict[tuple[str, int], int]:
    """System V's objects in our namespace, by kind and number: the process that made each, where that is known."""
    found = {}
    for kind in ("shm", "sem", "msg"):
        with contextlib.suppress(OSError), open(f"/proc/sysvipc/{kind}", "rb", 0) as file:  # noqa: PTH123
            for words in map(bytes.split, file.read().splitlines()[1:]):
                found[kind, int(words[1])] = int(words[4]) if kind == "shm" else 0
    return found

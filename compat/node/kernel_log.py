"""Xids in the kernel's log: what the driver says there of a GPU that had an error. It has not run beside a GPU.

The kernel's own device is read, ``/dev/kmsg``. Where that may not be, systemd's journal is, which members of a group
may read. A log that cannot be read, or has no line, is no log: that nothing is known is not that nothing was there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from compat.model.inventory import Xid
from compat.node.commands import said_by

__all__ = ["LogEnd", "bus_address", "read_xids"]

_PIECE = 1 << 16  # bytes: more than one record of the kernel may have
_MOST = 1 << 26  # bytes that are read of a log
# NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, name=python, GPU has fallen off the bus. An instance may follow the address;
# drivers before R304? left the word PCI out.
_XID = re.compile(r"NVRM: Xid \((?:PCI:)?([0-9a-fA-F:.]+)[^)]*\): (\d+)(?:, ?(.*))?")
_KMSG = re.compile(r"\d+,\d+,(\d+),[^;]*;(.*)")  # priority, number, microseconds, flags; text
_JOURNAL = re.compile(r"\[ *(\d+\.\d+)\] (.*)")


def read_xids(gpus: Mapping[str, str], host: Path = Path("/")) -> tuple[Xid, ...] | None:
    """The Xids since the machine was started; None where its log cannot be read.

    ``gpus``: UUIDs by PCI address, as ``bus_address`` gives it.
    """
    log = _device(host / "dev/kmsg")
    if not log and host == Path("/"):
        log = said_by("journalctl", "-k", "-b", "-q", "-o", "short-monotonic", "--no-pager", "--no-hostname")
    return _xids(log, gpus) if log else None


def bus_address(said: str) -> str:
    """A PCI address as the log has it, whoever wrote it: domain of four digits or more, bus, device: ``0000:3b:00``."""
    domain, _, rest = said.lower().partition(":")
    try:
        return f"{int(domain, 16):04x}:{rest.partition('.')[0]}"
    except ValueError:
        return said


class LogEnd:
    """The end of the kernel's log as it is now: what comes after it can be asked for."""

    def __init__(self, host: Path = Path("/")) -> None:
        self._handle: int | None = None
        try:
            self._handle = os.open(host / "dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._handle, 0, os.SEEK_END)
        except OSError:  # no rights, or no such device
            self.close()

    def since(self, gpus: Mapping[str, str]) -> tuple[Xid, ...] | None:
        """The Xids since then, and the end of asking; None where the log cannot be read."""
        if self._handle is None:
            return None
        log = _rest(self._handle)
        self.close()
        return _xids(log, gpus)

    def close(self) -> None:
        """Ask no more."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def _device(path: Path) -> str | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _rest(handle)
    finally:
        os.close(handle)


def _rest(handle: int) -> str:
    """What can be read now: of the kernel's device one record at a time, until there is none."""
    found = bytearray()
    while len(found) < _MOST:
        try:
            piece = os.read(handle, _PIECE)
        except BrokenPipeError:  # the kernel overwrote what was next: it goes on with what there is
            continue
        except OSError:  # BlockingIOError: that was all
            break
        if not piece:
            break
        found += piece
    return found.decode("utf-8", "replace")


def _xids(log: str, gpus: Mapping[str, str]) -> tuple[Xid, ...]:
    found = []
    for entry in log.splitlines():
        stamped = _KMSG.match(entry) or _JOURNAL.match(entry)
        said = _XID.search(entry)
        if said is not None:
            seconds = None
            if stamped is not None:
                seconds = float(stamped[1]) / (1 if "." in stamped[1] else 1e6)
            pci = bus_address(said[1])
            found.append(Xid(int(said[2]), pci, gpus.get(pci), (said[3] or "").strip(), seconds))
    return tuple(found)

"""What a killed run may leave on this machine, found at the next start by the mark of the run that made it.

Every container, process, cgroup and folder for temporary files carries its owner: the controller that made it, as
node, boot, pid namespace, process id and start. What belongs to a controller that still runs, to another node or to a
pid namespace that we cannot see into is never touched.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import signal
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from compat.model import digest
from compat.probe.folders import remove
from compat.probe.process import before_others, no_more_processes
from compat.run.bounds import cgroup_folder

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["LABEL", "OWNER_VARIABLE", "has_ended", "remove_leftovers", "this_owner"]

LABEL = "gpu-compat"  # on every container and image that we make, so that ours can be told from everybody else's
OWNER_VARIABLE = "COMPAT_OWNER"  # in the environment of every process that we start outside a container

_PATIENCE = 5.0  # seconds for processes that were killed to be over

_OWNER = re.compile(r"([0-9a-f]{8})\.([0-9a-f]{8})\.(\d+)\.(\d+)\.(\d+)")
_NAME = re.compile(rf"{LABEL}-({_OWNER.pattern})-.*")


@functools.cache
def _owner_of(pid: int) -> str:
    return ".".join((*_here(), str(pid), _start_of(pid) or "0"))


def this_owner() -> str:
    """The mark of this controller."""
    return _owner_of(os.getpid())  # a fork is another controller


def _here() -> tuple[str, str, str]:
    """Which node, which boot of it, and which pid namespace we are in."""
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        machine = os.uname().nodename
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    space = re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))  # noqa: PTH115 - it points at no file
    return digest(machine)[:8], digest(boot)[:8], space


def _start_of(pid: int) -> str | None:
    """When a process was started, in clock ticks since boot; None where there is none (a zombie is none)."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if words[0] in ("Z", "X") else words[19]


def has_ended(owner: str) -> bool:
    """Whether the controller with this mark ran on this node and is certainly over."""
    match = _OWNER.fullmatch(owner)
    if match is None:
        return False
    node, boot, space = _here()
    if match[1] != node:
        return False
    if match[2] != boot:
        return True
    return match[3] == space and _start_of(int(match[4])) != match[5]


def remove_leftovers(client: DockerClient | None = None) -> list[str]:
    """End and remove what runs that were killed have left; a sentence for each kind there was of it."""
    counts = {
        "processes": _end_processes(),
        "containers": 0 if client is None else _remove_containers(client),
        "folders": _remove_folders(),
    }
    return [f"removed {count} {what} that a killed run had left" for what, count in counts.items() if count]


def _end_processes() -> int:
    """End them, once all are stopped: some may start others faster than they are ended."""
    stopped: set[int] = set()
    cgroups = list(_left_folders(cgroup_folder()))
    with before_others(), contextlib.ExitStack() as meanwhile:
        for cgroup in cgroups:
            meanwhile.enter_context(no_more_processes(str(cgroup)))
        # First those that nobody has to be waited for to find: who starts others all the time is slow to be read.
        for look in (functools.partial(_inside, cgroups), _marked):
            while new := look() - stopped:
                _send(new, signal.SIGSTOP)
                stopped |= new
        ended = _send(stopped, signal.SIGKILL)
        until = time.monotonic() + _PATIENCE
        while any(_start_of(pid) for pid in stopped) and time.monotonic() < until:
            time.sleep(0.01)
    return ended


def _send(pids: set[int], number: int) -> int:
    """How many were sent the signal."""
    reached = 0
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
            reached += 1
    return reached


def _inside(cgroups: Iterable[Path]) -> set[int]:
    """The processes in these cgroups."""
    found: set[int] = set()
    for cgroup in cgroups:
        with contextlib.suppress(OSError):
            found.update(map(int, (cgroup / "cgroup.procs").read_text(encoding="ascii").split()))
    return found


def _marked() -> set[int]:
    """The processes whose owner is certainly over."""
    found = set()
    mark = f"{OWNER_VARIABLE}=".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # not ours to read
            continue
        owners = [variable.removeprefix(mark) for variable in variables if variable.startswith(mark)]
        if owners and has_ended(owners[0].decode("ascii", "replace")):
            found.add(int(folder.name))
    return found


def _remove_containers(client: DockerClient) -> int:
    from docker.errors import APIError, DockerException

    removed = 0
    with contextlib.suppress(DockerException, OSError):  # an engine that does not answer any more
        for container in client.containers.list(all=True, filters={"label": f"{LABEL}.owner"}, ignore_removed=True):
            if has_ended(container.labels.get(f"{LABEL}.owner", "")):
                with contextlib.suppress(APIError):  # somebody else was faster
                    container.remove(force=True)
                    removed += 1
    return removed


def _left_folders(root: Path | None) -> Iterator[Path]:
    """Folders of ours in ``root`` whose owner is certainly over."""
    for folder in () if root is None else root.glob(f"{LABEL}-*"):
        match = _NAME.fullmatch(folder.name)
        with contextlib.suppress(OSError):
            if match and not folder.is_symlink() and folder.stat().st_uid == os.getuid() and has_ended(match[1]):
                yield folder


def _remove_folders() -> int:
    removed = 0
    for folder in _left_folders(Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            remove(str(folder))
            removed += 1
    for folder in _left_folders(cgroup_folder()):
        with contextlib.suppress(OSError):
            folder.rmdir()
            removed += 1
    return removed

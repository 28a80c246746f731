"""GPU clocks held at one frequency, for diagnosis, and given back whatever happens.

A clock stays locked when the process that locked it ends. So a guardian does it: a process of its own that locks, waits
until the pipe from its controller closes, as it does when the controller is killed, and then resets. A record on disk
names each locked GPU while the guardian lives; what a killed guardian left is undone from it at the next start.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import compat
from compat.errors import RuntimeSetupError
from compat.node.nvml import ask, nvml

__all__ = ["LockedClocks", "Record", "boot_id", "reset", "undo_left"]

_PATIENCE = 20.0  # seconds for the guardian to reset
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from compat.node.guardian import main; sys.exit(main(*sys.argv[1:]))"
)
_NAME = "locked-clocks-{}.json"


class LockedClocks:
    """The clocks of ``devices`` (UUIDs) at ``megahertz``, as ``nvidia-smi -lgc`` sets them, inside a ``with``.

    ``folder`` keeps the records. RuntimeSetupError, one line, when a clock cannot be locked: then none is. A lock that
    somebody else had set is gone afterwards: NVML cannot say what it was.
    """

    def __init__(self, megahertz: int, devices: Sequence[str], folder: Path) -> None:
        self._megahertz = megahertz
        self._devices = tuple(devices)
        self._folder = folder
        self._guardian: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        if not self._devices:
            raise _refused("no case runs on a GPU of this node")
        with _recording(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        root = str(Path(compat.__file__).resolve().parents[1])
        words = [root, str(self._folder.resolve()), str(self._megahertz), *self._devices]
        self._guardian = subprocess.Popen(
            [sys.executable, "-c", _BOOT, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            start_new_session=True,  # a Ctrl-C at the terminal is for the controller
        )
        try:
            assert self._guardian.stdout is not None  # noqa: S101 - we asked for a pipe
            answer = self._guardian.stdout.readline().strip()
        except BaseException:
            self._release()
            raise
        if answer != "locked":
            self._release()
            raise _refused(answer or "their guardian ended before it had locked them")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._release() != 0:
            undo_left(self._folder)

    def _release(self) -> int:
        """Let the guardian undo what it did; its exit code."""
        guardian, self._guardian = self._guardian, None
        assert guardian is not None  # noqa: S101 - it was entered
        assert guardian.stdin is not None  # noqa: S101 - we asked for pipes
        assert guardian.stdout is not None  # noqa: S101
        guardian.stdin.close()
        try:
            return guardian.wait(_PATIENCE)
        except subprocess.TimeoutExpired as problem:
            said = f"are not reset after {_PATIENCE:.0f} s: NVML does not answer process {guardian.pid}"
            raise RuntimeSetupError("clocks", said, _REMEDY.format(",".join(self._devices))) from problem
        finally:
            guardian.stdout.close()


def _refused(reason: str) -> RuntimeSetupError:
    return RuntimeSetupError("clocks", f"cannot be locked: {reason}", "be root, or measure without locking them")


_REMEDY = "say as root: nvidia-smi -i {} --reset-gpu-clocks"


@dataclass(frozen=True)
class Record:
    """That a GPU's clock is locked, and by whom. While its guardian lives, it holds a lock on the record's file."""

    gpu: str  # UUID
    megahertz: int
    boot: str  # a locked clock does not outlive the machine's boot
    pid: int  # the guardian's

    def hold(self, folder: Path) -> Path | None:
        """Write the record, and hold it for the life of this process; its file, or None if the GPU has one already."""
        path = folder / _NAME.format(self.gpu)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".new-")
        try:
            os.fchmod(handle, 0o644)
            os.write(handle, json.dumps(asdict(self)).encode())
            os.fsync(handle)
            fcntl.flock(handle, fcntl.LOCK_EX)
            os.link(name, path)  # whole, and held, from the moment that it is there
        except FileExistsError:
            os.close(handle)
            return None
        finally:
            Path(name).unlink()
        return path


def reset(gpu: str) -> str | None:
    """Give a GPU's clock back; None, or in NVML's words why that cannot be done."""
    binding = nvml()
    if binding is None:
        return "NVML does not start on this node"
    try:
        binding.nvmlDeviceResetGpuLockedClocks(binding.nvmlDeviceGetHandleByUUID(gpu))
    except binding.NVMLError as problem:
        return str(problem)
    return None


def undo_left(folder: Path) -> tuple[str, ...]:
    """Reset the clocks that killed guardians left locked on this machine; the UUIDs of their GPUs.

    What a living guardian holds, or one of another machine that shares the folder, is left alone. RuntimeSetupError,
    one line, where a clock cannot be reset: what would be measured then is not what it seems.
    """
    with _recording(folder):
        return tuple(gpu for path in sorted(folder.glob(_NAME.format("*"))) if (gpu := _undo(path)) is not None)


def _undo(path: Path) -> str | None:
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        if not _left(path, handle):
            return None
        try:
            record = Record(**json.loads(os.read(handle, 65536)))
        except (ValueError, TypeError) as problem:
            raise RuntimeSetupError(str(path), "is no record of ours", "remove it") from problem
        if record.boot != boot_id():
            # The clocks are free again since the machine started, if it is this machine's record at all.
            if ask("nvmlDeviceGetHandleByUUID", record.gpu) is not None:
                path.unlink(missing_ok=True)
            return None
        why_not = reset(record.gpu)
        if why_not is not None:
            said = f"a run that was killed left them locked at {record.megahertz} MHz, and they cannot be reset"
            remedy = f"{_REMEDY.format(record.gpu)}, and then remove {path}"
            raise RuntimeSetupError(f"clocks of {record.gpu}", f"{said}: {why_not}", remedy)
        path.unlink(missing_ok=True)
        return record.gpu
    finally:
        os.close(handle)


def _left(path: Path, handle: int) -> bool:
    """Whether the record's guardian is gone; the record is then ours, until the descriptor is closed."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return path.stat().st_ino == os.fstat(handle).st_ino  # else another one undid it, and the name is in use again
    except (BlockingIOError, FileNotFoundError):
        return False


def boot_id() -> str:
    """What names the time since the machine was started."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


@contextlib.contextmanager
def _recording(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        said = f"cannot keep the records of locked clocks: {problem.strerror}"
        raise RuntimeSetupError(str(folder), said, "run as its owner, or name another folder with --cache") from problem

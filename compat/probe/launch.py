"""Starts the process that runs a case, or a group of them: a fork of the warm zygote, or a fresh interpreter.

Both kinds leave everything of the zygote's behind: a session of their own, their own folder, no descriptor but the
pipe for their answers, and nobody may be reached through them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import os
import signal
import sys
import tempfile
from site import getusersitepackages
from typing import TYPE_CHECKING, Any

import compat
from compat.model import plain
from compat.probe import aot
from compat.probe.child import import_all, run_case
from compat.probe.libraries import loaded_libraries
from compat.probe.limits import bound_process
from compat.probe.process import die_with_parent, let_in
from compat.probe.protocol import CaseRequest, pack
from compat.probe.stage import Stage, shared_file

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["Start", "fork", "spawn", "spawned_main"]

_RESULT, _STAGE = 3, 4  # descriptors of a fresh interpreter: for its answers, and for what it is at
_BROKEN = 70  # sysexits.h EX_SOFTWARE: the process ended before it could answer
_FRESH = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; sys.path.insert(0, {root!r}); "
    "from compat.probe.launch import spawned_main; sys.path.remove({root!r}); spawned_main()"
)


@dataclasses.dataclass(frozen=True)
class Start:
    """What a case's process is given beside its pipes."""

    requests: Sequence[CaseRequest]
    room: str  # its folder: the current one, and where temporary files go
    memory: int | None  # bytes of its own that it may have
    known: Collection[str]  # libraries that the zygote has told of already
    imports: Sequence[str] = ()  # what the zygote has imported: a fresh interpreter does as much before its first case


def fork(start: Start, result: int, output: int, ours: Sequence[int]) -> tuple[int, Stage]:
    """A copy of this process that runs the cases: its process id, and what it is at.

    ``ours`` are descriptors that it must not keep.
    """
    parent, stage = os.getpid(), Stage()
    pid = os.fork()
    if pid == 0:
        try:
            for fd in ours:
                os.close(fd)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(output)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            _run(start, stage, result, parent)
        finally:
            os._exit(_BROKEN)
    return pid, stage


def spawn(start: Start, result: int, output: int) -> tuple[int, Stage]:
    """A fresh interpreter that imports what this process has, and runs the cases: its process id, and what it is at."""
    file = shared_file()
    read, write = os.pipe()
    os.set_blocking(write, True)
    root = os.path.dirname(os.path.dirname(os.path.abspath(compat.__file__)))  # noqa: PTH100, PTH120
    asked = {**dataclasses.asdict(start), "known": sorted(start.known), "parent": os.getpid()}
    try:
        pid = os.posix_spawn(
            sys.executable,
            # No folder of the user's that we do not import from ourselves: a case may have made it.
            [sys.executable, *([] if getusersitepackages() in sys.path else ["-s"]), "-c", _FRESH.format(root=root)],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, read, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
                (os.POSIX_SPAWN_DUP2, result, _RESULT),
                (os.POSIX_SPAWN_DUP2, file, _STAGE),
            ],
        )
        stage = Stage(file)
    finally:
        os.close(read)
        os.close(file)
    with os.fdopen(write, "wb") as stream, contextlib.suppress(BrokenPipeError):  # it ended at once: its pipes tell
        stream.write(json.dumps(asked).encode())
    return pid, stage


def spawned_main() -> None:
    """What a fresh interpreter runs: read what is asked from standard input, and do it."""
    try:
        with os.fdopen(0, "rb", closefd=False) as stream:
            asked = json.loads(stream.read())
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.close(null)
        stage = Stage(_STAGE)
        os.close(_STAGE)
        requests = [CaseRequest(**request) for request in asked["requests"]]
        start = Start(requests, asked["room"], asked["memory"], frozenset(asked["known"]), asked["imports"])
        _run(start, stage, _RESULT, asked["parent"], fresh=True)
    finally:
        os._exit(_BROKEN)


def _run(start: Start, stage: Stage, result: int, parent: int, fresh: bool = False) -> None:
    """Become the process of the cases, run them, answer, and end. Does not return."""
    try:
        os.setsid()
        die_with_parent(parent)
        let_in()
        bound_process(start.memory)
        os.chdir(start.room)
        os.environ["TMPDIR"] = tempfile.tempdir = start.room
        if fresh:
            import_all(start.imports)
            aot.hash_compiler()
            gc.collect()
        for number, request in enumerate(start.requests):
            if number:
                gc.collect()  # what the case before has left is not this one's
            answer, frames = run_case(request, stage)
            if request.look:
                answer = dataclasses.replace(answer, libraries=dict.fromkeys(loaded_libraries() - set(start.known), ""))
            _flush()
            _write(result, pack("result", plain(answer), frames))
            if answer.fault is not None:
                break  # the state of the process is in doubt: what is left of the group is run by others
            del answer, frames
        os._exit(0)
    except BaseException as problem:  # noqa: BLE001 - this process must end here, whatever happened
        with contextlib.suppress(OSError):
            os.write(2, f"probe: {type(problem).__name__}: {problem}\n".encode())
        os._exit(_BROKEN)


def _write(fd: int, data: Any) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _flush() -> None:
    """Send on what was printed; best effort, for a case may have closed or replaced the stream."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()

"""The zygote: imports the runtime's libraries once, runs nothing itself, and forks a fresh process for every case.

A case can crash, hang, flood its output, leave processes behind or print garbage: its process is ended with all that
came of it, the fault is its own, and the next case starts from the zygote as it was. The descriptors that carry the
protocol are closed in every case's process, and standard output is not one of them.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import gc
import importlib
import io
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from typing import Any

from compat.errors import ProtocolError
from compat.model import Fault, FaultKind, plain
from compat.probe import aot, memory
from compat.probe.child import describe, run_case
from compat.probe.identity import read_identity
from compat.probe.protocol import FRAMES_LIMIT, LINE_LIMIT, CaseRequest, CaseResult, Reader, Ready, pack, unpack

__all__ = ["main"]

_TAIL = 4096  # bytes of a case's output that are kept: the end
_FLOOD = 64 * 1024 * 1024  # bytes of output after which a case is ended
_LOOK = 0.1  # seconds between looks at a process that says nothing
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


def main() -> None:
    """Serve cases until the controller says quit or goes away."""
    control_in, control_out = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)  # what libraries print while they are imported goes to standard error
    os.close(null)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a crash must not take the lines that were printed before it
        sys.stdout.reconfigure(line_buffering=True)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    Zygote(control_in, control_out).serve()


class Zygote:
    """One warm process in one runtime."""

    def __init__(self, control_in: int, control_out: int) -> None:
        self._in = control_in
        self._out = control_out
        self._reader = Reader(control_in)

    def serve(self) -> None:
        """Answer ``hello`` and ``run`` until ``quit`` or the end of the stream."""
        while (message := self._reader.read()) is not None:
            op, body, _ = message
            if op == "quit":
                return
            if op == "hello":
                self._send("ready", self._ready(body), ())
            elif op == "run":
                result, frames = self._run(CaseRequest(**body))
                self._send("result", plain(result), frames)
            else:
                raise ProtocolError("controller", f"said {op!r}; expected hello, run or quit")

    def _send(self, op: str, body: dict[str, Any], frames: tuple[bytes, ...]) -> None:
        data = memoryview(pack(op, body, frames))
        while data:
            data = data[os.write(self._out, data) :]

    def _ready(self, body: dict[str, Any]) -> dict[str, Any]:
        notes = []
        seconds = {}
        for name in body["imports"]:
            begin = time.perf_counter()
            try:
                importlib.import_module(name)
            except Exception as problem:  # noqa: BLE001 - whatever it is, the case that needs it will fault with it
                notes.append(f"import {name}: {describe(problem)}"[:300])
            seconds[name] = time.perf_counter() - begin
        aot.hash_compiler()
        gc.collect()
        gc.freeze()  # a collection in a child would touch, and so copy, every page that it shares with us
        return plain(Ready(read_identity(), seconds, tuple(notes)))  # type: ignore[no-any-return]

    def _run(self, request: CaseRequest) -> tuple[CaseResult, tuple[bytes, ...]]:
        begin = time.monotonic()
        kills = memory.oom_kills()
        room = tempfile.mkdtemp(prefix="case-")
        result_read, result_write = os.pipe()
        output_read, output_write = os.pipe()
        _flush()  # what is still in our buffer is not the case's
        pid = os.fork()
        if pid == 0:
            os.close(result_read)
            os.close(output_read)
            self._become_case(request, result_write, output_write, room)
        os.close(result_write)
        os.close(output_write)
        watched = _Watched(pid, result_read, output_read, begin + request.timeout)
        try:
            watched.wait(self._in)
        finally:
            os.close(result_read)
            os.close(output_read)
            _end_descendants()
            shutil.rmtree(room, ignore_errors=True)
        fault = watched.fault()
        if fault is not None and fault.signal == "SIGKILL" and fault.kind is FaultKind.CRASH:
            after = memory.oom_kills()
            if kills is not None and after is not None and after > kills:
                fault = dataclasses.replace(fault, kind=FaultKind.OOM, detail="killed by the kernel for its memory")
        seconds = time.monotonic() - begin
        if fault is not None:
            return CaseResult(request.id, request.nonce, seconds, "", fault=fault), ()
        try:
            op, body, frames = unpack(bytes(watched.result))
            if op != "result" or body.get("id") != request.id or body.get("nonce") != request.nonce:
                raise ProtocolError("case", "answered for another case")
            if body.get("fault"):
                body["fault"]["output"] = watched.tail()
            return CaseResult(**body), frames
        except (ProtocolError, TypeError) as problem:  # TypeError: a case wrote fields of its own to its pipe
            fault = Fault("report", FaultKind.OUTPUT, str(problem), output=watched.tail())
            return CaseResult(request.id, request.nonce, seconds, "", fault=fault), ()

    def _become_case(self, request: CaseRequest, result: int, output: int, room: str) -> None:
        """In the child: leave everything of the zygote's behind, run the case, answer, end."""
        status = 70
        try:
            os.setsid()
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            os.close(self._in)
            os.close(self._out)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(output)
            os.chdir(room)
            os.environ["TMPDIR"] = tempfile.tempdir = room
            answer, frames = run_case(request)
            _flush()
            data = memoryview(pack("result", plain(answer), frames))
            while data:
                data = data[os.write(result, data) :]
            status = 0
        except BaseException as problem:  # noqa: BLE001 - this process must end here, whatever happened
            with contextlib.suppress(OSError):
                os.write(2, f"probe: {type(problem).__name__}: {problem}\n".encode())
        finally:
            os._exit(status)


class _Watched:
    """A case's process, seen from the zygote."""

    def __init__(self, pid: int, result: int, output: int, deadline: float) -> None:
        self.result = bytearray()
        self._pid = pid
        self._result_fd = result
        self._output_fd = output
        self._deadline = deadline
        self._output = bytearray()
        self._printed = 0
        self._verdict: tuple[FaultKind, str] | None = None  # why we ended it, if we did
        self._status = 0

    def wait(self, control: int) -> None:
        """Read until the process has answered and ended, or has to be ended. SystemExit when the controller is gone."""
        open_fds = {self._result_fd, self._output_fd}
        while self._result_fd in open_fds and self._verdict is None:
            left = self._deadline - time.monotonic()
            over = self._over()  # asked before the pipes are: what an ended process wrote is in them by now
            wait = 0.0 if over else max(0.0, min(left, _LOOK))
            ready = select.select([*open_fds, control], [], [], wait)[0]
            if over and self._result_fd not in ready:  # somebody it left behind still holds the pipes
                break
            if not left > 0 and not over:
                self._verdict = (FaultKind.HANG, "did not end in its time")
            if control in ready:  # nothing is due from the controller while a case runs: its end was closed
                self._kill()
                raise SystemExit(0)
            for fd in open_fds.intersection(ready):
                data = os.read(fd, 1 << 16)
                if not data:
                    open_fds.discard(fd)
                elif fd == self._result_fd:
                    self.result += data
                    if len(self.result) > LINE_LIMIT + FRAMES_LIMIT:
                        self._verdict = (FaultKind.OUTPUT, "answered with more than it may")
                else:
                    self._keep(data)
        if self._verdict is None and not self._ends_by_itself():
            self._verdict = (FaultKind.HANG, "answered and did not end in its time")
        self._kill()
        self._drain()

    def _ends_by_itself(self) -> bool:
        """Whether the process is over, or is over soon after its answer; it is not reaped here."""
        until = min(self._deadline, time.monotonic() + 10.0)
        while not self._over():
            if not time.monotonic() < until:
                return False
            time.sleep(0.001)
        return True

    def _over(self) -> bool:
        return os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)  # a child that died before its setsid() has no group yet
        _, self._status = os.waitpid(self._pid, 0)

    def _keep(self, data: bytes) -> None:
        self._printed += len(data)
        self._output += data
        del self._output[:-_TAIL]
        if self._printed > _FLOOD:
            self._verdict = (FaultKind.OUTPUT, f"printed more than {_FLOOD} bytes")

    def _drain(self) -> None:
        """Take what is left in the pipe, without waiting for a descendant that still holds its other end."""
        while select.select([self._output_fd], [], [], 0)[0]:
            data = os.read(self._output_fd, 1 << 16)
            if not data:
                return
            self._keep(data)
            if self._printed > _FLOOD:
                return

    def tail(self) -> str:
        """The end of what was printed, as text."""
        return bytes(self._output).decode("utf-8", "replace")

    def fault(self) -> Fault | None:
        """The fault of a process that gave no whole answer; None when there is an answer to read."""
        if self._verdict is not None:
            return Fault("run", self._verdict[0], self._verdict[1], output=self.tail())
        if os.WIFSIGNALED(self._status):
            name = _signal_name(os.WTERMSIG(self._status))
            return Fault("run", FaultKind.CRASH, f"ended by {name}", signal=name, output=self.tail())
        code = os.WEXITSTATUS(self._status)
        if code != 0 or not self.result:
            return Fault("run", FaultKind.EXIT, f"ended with exit code {code} and no result", output=self.tail())
        return None


def _flush() -> None:
    """Send on what was printed; best effort, for a case may have closed or replaced the stream."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # the real-time signals between SIGRTMIN and SIGRTMAX have no names
        return f"signal {number}"


def _end_descendants() -> None:
    """End whatever a case left behind. As a subreaper we are the parent of every orphan, however deep it was."""
    me = str(os.getpid())
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] != 0:
                continue
        except ChildProcessError:
            return
        for name in os.listdir("/proc"):  # noqa: PTH208 - names are all that is needed, for every process
            if name.isdigit() and _parent(name) == me:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(name), signal.SIGKILL)
        time.sleep(0.001)


def _parent(pid: str) -> str | None:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:  # noqa: PTH123 - in a hot loop
            return stat.read().rpartition(")")[2].split()[1]
    except (OSError, IndexError):
        return None


def _prctl(option: int, value: int) -> None:
    """Best effort: without it a dead zygote's cases end when their pipes do."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()

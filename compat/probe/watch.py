"""The process of a case, or of a group of cases, seen from the zygote: its answers, its output, its end."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import signal
import time
from typing import TYPE_CHECKING, Any

from compat.errors import ProtocolError
from compat.model import Fault, FaultKind, plain
from compat.probe import memory
from compat.probe.process import end_descendants, reap_orphans, signal_name
from compat.probe.protocol import CASE_LIMIT, CaseRequest, CaseResult, Parser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from compat.probe.stage import Stage

__all__ = ["Watched"]

_TAIL = 4096  # bytes of a case's output that are kept: the end
_FLOOD = 64 * 1024 * 1024  # bytes of output after which a case is ended
_LOOK = 0.1  # seconds between looks at a process that says nothing
_START = 10.0  # seconds for a process to come to its first case
_LAST_WORDS = 10.0  # seconds to end in after the last answer

Answer = tuple[dict[str, Any], tuple[bytes, ...]]  # a CaseResult as a document, and its arrays


class Watched:
    """One process and the requests it has to answer, in their order."""

    def __init__(self, pid: int, stage: Stage, result: int, output: int, control: int, cgroup: str = "") -> None:
        self._pid = pid
        self._stage = stage
        self._cgroup = cgroup
        self._result_fd = result
        self._output_fd = output
        self._control_fd = control
        self._open = {result, output}
        self._parser = Parser(CASE_LIMIT)
        self._output = bytearray()
        self._printed = 0
        self._ended: tuple[FaultKind, str] | None = None  # why we ended it, if we did
        self._status: int | None = None  # once it is reaped
        self._kills = memory.oom_kills()
        self._made = self._begin = time.monotonic()  # of the process, and of the case that it is at

    def answers(self, requests: Sequence[CaseRequest]) -> Iterator[Answer]:
        """An answer for each request; a fault is the last one. SystemExit when the controller is gone.

        The last answer is given when the process is over: one that crashes after its answer has crashed. A fault has
        the end of what the whole process printed; a case whose neighbours matter is run again without them.
        """
        for request in requests:
            self._begin = time.monotonic()
            try:
                message = self._next(request.timeout)
                last = message is None or request is requests[-1]
                if last:
                    self._finish(self._begin + request.timeout)
                fault = self._fault(message is not None) if last else None
                if fault is None:
                    assert message is not None  # noqa: S101 - _fault has a reason for every other end
                    op, body, frames = message
                    if op != "result" or body.get("id") != request.id or body.get("nonce") != request.nonce:
                        raise ProtocolError("case", "answered for another case")
                    if isinstance(body.get("fault"), dict):
                        body["fault"]["output"] = self._tail()
                    yield body, frames
                    if body.get("fault"):
                        return
                    continue
            except ProtocolError as problem:
                fault = Fault("report", FaultKind.OUTPUT, str(problem), output=self._tail())
            failed = CaseResult(request.id, request.nonce, time.monotonic() - self._begin, "", fault=fault)
            yield plain(failed), ()
            return

    def end(self) -> None:
        """Collect the process; kill it if it still is, with all that came of it: it might not get to its end else."""
        if self._status is None and self._over():
            self._status = os.waitpid(self._pid, 0)[1]
        elif self._status is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)  # a child that died before its setsid() has no group yet
            end_descendants(self._cgroup)
            self._status = signal.SIGKILL

    def _next(self, timeout: float) -> tuple[str, dict[str, Any], tuple[bytes, ...]] | None:
        """The next message; None when there will be none, because the process is over or had to be ended."""
        while self._ended is None:
            message = self._parser.take()
            if message is not None:
                return message
            if self._result_fd not in self._open:
                return None
            now = time.monotonic()
            if now < self._made + _START and self._stage.now() == "start":
                self._begin = now  # a fresh interpreter imports what a fork has: that is not in the case's time
            left = self._begin + timeout - now
            over = self._over()  # asked before the pipes are: what an ended process wrote is in them by now
            wait = 0.0 if over else max(0.0, min(left, _LOOK))
            ready = select.select([*self._open, self._control_fd], [], [], wait)[0]
            if over and self._result_fd not in ready:  # somebody it left behind still holds the pipes
                return None
            if not left > 0 and not over:
                self._ended = (FaultKind.HANG, "did not end in its time")
            if self._control_fd in ready:  # nothing is due from the controller while a case runs: its end was closed
                raise SystemExit(0)
            for fd in self._open.intersection(ready):
                data = os.read(fd, 1 << 16)
                if not data:
                    self._open.discard(fd)
                elif fd == self._result_fd:
                    self._parser.feed(data)
                else:
                    self._keep(data)
            if not ready:
                reap_orphans(self._pid)
        return None

    def _finish(self, deadline: float) -> None:
        """See the process to its end, and take what is still in its pipes."""
        until = min(deadline, time.monotonic() + _LAST_WORDS)
        while self._ended is None and not self._over():
            if not time.monotonic() < until:
                self._ended = (FaultKind.HANG, "answered and did not end in its time")
                break
            self._take_output(0.001)
        self.end()
        self._take_output(0.0)
        if self._result_fd in self._open and select.select([self._result_fd], [], [], 0)[0]:
            self._parser.feed(os.read(self._result_fd, 1 << 16))
        if self._ended is None and self._parser.rest() and os.WIFEXITED(self._status or 0):
            raise ProtocolError("case", f"answered with more than one message, or ended in {self._parser.rest()}")

    def _over(self) -> bool:
        return os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _take_output(self, wait: float) -> None:
        """Take what is in the pipe, without waiting for a descendant that still holds its other end."""
        if self._output_fd not in self._open:
            time.sleep(wait)
            return
        while select.select([self._output_fd], [], [], wait)[0]:
            data = os.read(self._output_fd, 1 << 16)
            if not data:
                self._open.discard(self._output_fd)
                return
            self._keep(data)
            if self._ended is not None:
                return
            wait = 0.0

    def _keep(self, data: bytes) -> None:
        self._printed += len(data)
        self._output += data
        del self._output[:-_TAIL]
        if self._printed > _FLOOD and self._ended is None:
            self._ended = (FaultKind.OUTPUT, f"printed more than {_FLOOD} bytes")

    def _tail(self) -> str:
        """The end of what was printed, as text."""
        return bytes(self._output).decode("utf-8", "replace")

    def _fault(self, answered: bool) -> Fault | None:
        """The fault of a process that is over; None when there is a whole answer and it ended well."""
        output, stage = self._tail(), self._stage.now()
        if self._ended is not None:
            return Fault(stage, self._ended[0], self._ended[1], output=output)
        status = self._status or 0
        if os.WIFSIGNALED(status):
            name = signal_name(os.WTERMSIG(status))
            fault = Fault(stage, FaultKind.CRASH, f"ended by {name}", signal=name, output=output)
            return self._killed_for_memory(fault) if name == "SIGKILL" else fault
        code = os.WEXITSTATUS(status)
        if code != 0 or not answered:
            return Fault(stage, FaultKind.EXIT, f"ended with exit code {code} and no result", output=output)
        return None

    def _killed_for_memory(self, fault: Fault) -> Fault:
        after = memory.oom_kills()
        if self._kills is not None and after is not None and after > self._kills:
            return dataclasses.replace(fault, kind=FaultKind.OOM, detail="killed by the kernel for its memory")
        return fault

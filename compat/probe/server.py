"""The zygote: imports the runtime's libraries once, runs nothing itself, and starts a fresh process for every case.

A case can crash, hang, flood its output, leave processes behind or print garbage: its process is ended with all that
came of it, the fault is its own, and the next case starts from the zygote as it was. The descriptors that carry the
protocol are closed in every case's process, and standard output is not one of them.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib
import io
import math
import os
import signal
import sys
import tempfile
import time
from typing import Any

from compat.errors import ProtocolError
from compat.model import plain
from compat.probe import aot
from compat.probe.faults import describe
from compat.probe.folders import remove
from compat.probe.identity import Libraries, read_identity
from compat.probe.launch import Start, fork, spawn
from compat.probe.limits import handed_on
from compat.probe.places import Places
from compat.probe.process import become_subreaper, end_descendants, keep_out
from compat.probe.protocol import CaseRequest, Hello, Reader, Ready, pack
from compat.probe.selfcheck import why_not_fork
from compat.probe.watch import Watched

__all__ = ["main"]

_PATIENCE = 5.0  # seconds to remove a case's folder


def main() -> None:
    """Serve cases until the controller says quit or goes away."""
    control_in, control_out = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)  # what libraries print while they are imported goes to standard error
    os.close(null)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a crash must not take the lines that were printed before it
        sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as the first of its pid namespace it then cannot be interrupted
    become_subreaper()
    keep_out()
    Zygote(control_in, control_out).serve()


class Zygote:
    """One warm process in one runtime."""

    def __init__(self, control_in: int, control_out: int) -> None:
        self._in = control_in
        self._out = control_out
        self._reader = Reader(control_in, values_limit=math.inf)  # a case's params may be many
        self._libraries = Libraries({})
        self._memory: int | None = None
        self._imports: tuple[str, ...] = ()
        self._cgroup = ""
        self._places: Places | None = None
        self._fresh = ""  # why cases must not be forked from us
        self._handed_on = handed_on()

    def serve(self) -> None:
        """Answer ``hello`` and ``run`` until ``quit`` or the end of the stream."""
        while (message := self._reader.read()) is not None:
            op, body, _ = message
            if op == "quit":
                return
            if op == "hello":
                self._send("ready", plain(self._hello(Hello(**body))), ())
            elif op == "run":
                self._run([CaseRequest(**request) for request in body["cases"]])
            else:
                raise ProtocolError("controller", f"said {op!r}; expected hello, run or quit")

    def _send(self, op: str, body: dict[str, Any], frames: tuple[bytes, ...]) -> None:
        data = memoryview(pack(op, body, frames))
        while data:
            data = data[os.write(self._out, data) :]

    def _hello(self, hello: Hello) -> Ready:
        notes = []
        seconds = {}
        if hello.interpret:
            os.environ["TRITON_INTERPRET"] = "1"
        for name in hello.imports:
            begin = time.perf_counter()
            try:
                importlib.import_module(name)
            except Exception as problem:  # noqa: BLE001 - whatever it is, the case that needs it will fault with it
                notes.append(f"import {name}: {describe(problem)}"[:300])
            seconds[name] = time.perf_counter() - begin
        compiler = aot.hash_compiler()
        self._memory, self._imports = hello.memory, tuple(hello.imports)
        self._libraries = Libraries(hello.libraries)
        self._cgroup = hello.cgroup
        identity = read_identity(self._libraries)
        if hello.interpret:  # it is what we set, and no difference between runs of the arm
            identity.environment.pop("TRITON_INTERPRET", None)
        if compiler:
            tools = [self._libraries.digest(path) or path for path in aot.compiler_tools()]
            compiler = " ".join((hashlib.sha256(compiler.encode()).hexdigest(), *tools))
        self._fresh = why_not_fork(thorough=True)
        if self._fresh:
            notes.append(f"cases are started as fresh processes, not forked: {self._fresh}")
        self._places = Places(hello.room)
        gc.collect()
        gc.freeze()  # a collection in a child would touch, and so copy, every page that it shares with us
        return Ready(identity, seconds, self._libraries.found, tuple(notes), compiler)

    def _run(self, requests: list[CaseRequest]) -> None:
        """Run the cases in one process, and send an answer for each, up to the first fault."""
        room = tempfile.mkdtemp(prefix="case-")
        result_read, result_write = os.pipe()
        output_read, output_write = os.pipe()
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()  # what is still in our buffer is not the case's
        start = Start(requests, room, self._memory, self._libraries.paths, self._imports)
        if self._fresh or why_not_fork():
            pid, stage = spawn(start, result_write, output_write)
        else:
            pid, stage = fork(start, result_write, output_write, (result_read, output_read, self._in, self._out))
        os.close(result_write)
        os.close(output_write)
        watched = Watched(pid, stage, result_read, output_read, self._in, self._cgroup)
        try:
            for body, frames in watched.answers(requests):
                self._libraries.name(body)
                self._send("result", body, frames)
        finally:
            watched.end()
            os.close(result_read)
            os.close(output_read)
            end_descendants(self._cgroup)
            with contextlib.suppress(OSError):
                remove(room, time.monotonic() + _PATIENCE)
        # Where the next case would not start as this one did, it gets another zygote.
        problem = self._places.put_back(pid) if self._places is not None else ""
        if problem:
            sys.exit(problem)
        if handed_on() != self._handed_on:
            sys.exit("a case changed the limits, the niceness or the processors of the process that cases start from")


if __name__ == "__main__":
    main()

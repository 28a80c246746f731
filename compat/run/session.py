"""The controller's end of a probe: sends cases, takes results, and believes none of them unchecked."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from compat.errors import ProtocolError, RuntimeSetupError
from compat.model import Case, Fault, FaultKind, Tier, plain
from compat.probe.protocol import CaseRequest, CaseResult, Message, Reader, Ready, pack
from compat.run.connection import Connection
from compat.run.runtime import RealisedRuntime

__all__ = ["Session"]

_START = 120.0  # seconds for a runtime to start and import its libraries
_GRACE = 15.0  # seconds that a probe has beyond a case's own time to say that it hung

_STANDARD = ("latency", "memory")


_ADAPTERS: dict[type, TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (CaseResult, Ready)}


class Session:
    """One started probe. After a RuntimeSetupError or a dead answer it is of no more use: ``alive`` is False."""

    def __init__(self, runtime: RealisedRuntime, imports: Sequence[str]) -> None:
        self._runtime = runtime
        try:
            self._connection: Connection = runtime.start()
        except OSError as problem:  # the interpreter is not one that this machine can execute
            raise RuntimeSetupError(
                f"runtime {runtime.spec.name}", f"cannot be started: {problem}", "name an interpreter that runs here"
            ) from problem
        self._reader = Reader(self._connection.stdout)
        self._next = 0
        self.alive = True
        self.ready = self._hello(imports)

    def _hello(self, imports: Sequence[str]) -> Ready:
        try:
            self._connection.write(pack("hello", {"imports": list(imports)}))
            message = self._reader.read(time.monotonic() + _START)
            ready = None if message is None else self._checked(message, "ready", Ready)
        except ProtocolError as problem:
            raise self._dead(problem.problem) from problem
        except TimeoutError as problem:
            raise self._dead("did not start in its time") from problem
        except OSError as problem:  # nobody reads what we write
            raise self._dead("ended before it was ready") from problem
        if ready is None:
            raise self._dead("ended before it was ready")
        assert isinstance(ready, Ready)  # noqa: S101 - for the type checker
        return ready

    def _dead(self, problem: str) -> RuntimeSetupError:
        self.alive = False
        tail = self._connection.tail().strip().splitlines()
        self._connection.close()
        last = f": {tail[-1]}" if tail else ""
        return RuntimeSetupError(
            f"runtime {self._runtime.spec.name}",
            f"its probe {problem}{last}",
            "the probe needs Python 3.9 or later there",
        )

    @staticmethod
    def _checked(message: Message, expected: str, kind: type) -> object:
        op, body, _ = message
        if op != expected:
            raise ProtocolError("probe", f"said {op!r} where {expected!r} was due")
        try:
            # As JSON and strictly: Python's types would let "nan" pass for a number and true for an integer.
            return _ADAPTERS[kind].validate_json(json.dumps(body), strict=True)
        except ValidationError as problem:
            first = problem.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ProtocolError("probe", f"sent a {expected} whose {place} is wrong: {first['msg']}") from problem

    def run(
        self, case: Case, content: Path, artifact: Path | None, timeout: float
    ) -> tuple[CaseResult, tuple[bytes, ...]]:
        """Run one case; whatever goes wrong on the way is a fault of kind infrastructure, and ends the session."""
        self._next += 1
        names = {metric.name for metric in case.metrics}
        request = CaseRequest(
            id=self._next,
            nonce=secrets.token_hex(8),
            workload=case.workload,
            path=self._runtime.inside(content),
            tier=case.tier.value,
            params=case.params,
            seeds=case.seeds,
            timed="latency" in names,
            extra_metrics=()
            if case.tier is Tier.AOT
            else tuple(plain(metric) for metric in case.metrics if metric.name not in _STANDARD),
            artifact=None if artifact is None else self._runtime.inside(artifact),
            timeout=timeout,
        )
        start = time.monotonic()
        try:
            self._connection.write(pack("run", asdict(request)))
            message = self._reader.read(start + timeout + _GRACE)
            if message is None:
                raise ProtocolError("probe", "ended while the case ran")
            result = self._checked(message, "result", CaseResult)
            assert isinstance(result, CaseResult)  # noqa: S101 - for the type checker
            self._same(request, result, message[2])
        except (OSError, TimeoutError, ProtocolError) as problem:
            self.alive = False
            output = self._connection.tail()
            self._connection.close()
            fault = Fault(
                "run", FaultKind.INFRASTRUCTURE, str(problem) or "the runtime gave no answer in its time", output=output
            )
            return CaseResult(request.id, request.nonce, time.monotonic() - start, "", fault=fault), ()
        return result, message[2]

    @staticmethod
    def _same(request: CaseRequest, result: CaseResult, frames: tuple[bytes, ...]) -> None:
        if (result.id, result.nonce) != (request.id, request.nonce):
            raise ProtocolError("probe", "answered for another case")
        if len(frames) != len(result.outputs):
            raise ProtocolError("probe", f"announced {len(result.outputs)} outputs and sent {len(frames)}")

    def close(self) -> None:
        """End the runtime's process."""
        self.alive = False
        self._connection.close()

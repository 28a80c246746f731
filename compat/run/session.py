"""The controller's end of a probe: sends cases, takes results, and believes none of them unchecked."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from compat.errors import ProtocolError, RuntimeSetupError
from compat.model import STANDARD, Case, Conditions, Fault, FaultKind, HealthEvent, Identity, Tier, plain
from compat.node.conditions import Watch
from compat.node.settings import read_settings
from compat.probe.protocol import ANSWER_LIMIT, CaseRequest, CaseResult, Hello, Message, Reader, Ready, pack
from compat.run.connection import Connection
from compat.run.kept import excess, kept_notes
from compat.run.runtime import RealisedRuntime

__all__ = ["Answer", "Session", "Work"]

_START = 120.0  # seconds for a runtime to start and import its libraries
_GRACE = 15.0  # seconds that a probe has beyond a case's own time to say that it hung
_MOST_LIBRARIES = 10_000  # files that a runtime may name in its life
_LONGEST_PATH = 4096  # characters: PATH_MAX

_FIELDS = frozenset(field.name for field in fields(CaseResult))
_ADAPTERS: dict[type, TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (CaseResult, Ready)}
_Kind = TypeVar("_Kind", CaseResult, Ready)


@dataclass(frozen=True)
class Work:
    """A case to run, with its files on this machine and its seconds."""

    case: Case
    content: Path
    artifact: Path | None
    timeout: float
    look: bool = False  # tell what is told once (CaseRequest)
    saved: Path | None = None  # the folder that it loads from, where it loads what was saved
    save: bool = False  # save what others will load, and nothing else


@dataclass(frozen=True)
class Answer:
    """What a probe said of a case, its arrays, and what the node was like meanwhile.

    ``earlier`` is what happened to its GPUs in an attempt that is not told otherwise.
    """

    result: CaseResult
    frames: tuple[bytes, ...] = ()
    watch: Watch | None = None
    earlier: tuple[HealthEvent, ...] = ()

    @property
    def conditions(self) -> Conditions:
        """What the node was like."""
        own = self.watch.conditions if self.watch else Conditions()
        return replace(own, events=(*self.earlier, *own.events))


class Session:
    """One started probe. After a RuntimeSetupError or a dead answer it is of no more use: ``alive`` is False."""

    def __init__(
        self, runtime: RealisedRuntime, imports: Sequence[str], devices: Sequence[str] = (), interpret: bool = False
    ) -> None:
        self._runtime = runtime
        self._interpret = interpret  # whether its cases are run by Triton's interpreter
        self.devices = tuple(devices)  # UUIDs of the GPUs that its cases may see
        self.imports = tuple(imports)  # what it imports before its cases
        try:
            self._connection: Connection = runtime.start(self.devices)
        except OSError as problem:  # the interpreter is not one that this machine can execute
            raise RuntimeSetupError(
                f"runtime {runtime.spec.name}", f"cannot be started: {problem}", "name an interpreter that runs here"
            ) from problem
        self._reader = Reader(self._connection.stdout)
        self._next = 0
        self.alive = True
        self.ready = self._hello(imports)
        self._reader.parser.line_limit = ANSWER_LIMIT
        self.notes = (*self._connection.unbounded, *kept_notes(self.ready.notes))

    @property
    def connection(self) -> Connection:
        """The streams of the process at the other end."""
        return self._connection

    def _hello(self, imports: Sequence[str]) -> Ready:
        until = time.monotonic() + _START
        connection = self._connection
        hello = Hello(
            tuple(imports),
            self._runtime.memory,
            self._runtime.libraries,
            connection.cgroup,
            self._interpret,
            connection.room,
        )
        try:
            self._connection.write(pack("hello", asdict(hello)), until)
            message = self._reader.read(until)
            ready = None if message is None else _checked(_body(message, "ready"), Ready)
        except ProtocolError as problem:
            raise self._dead(problem.problem) from problem
        except TimeoutError as problem:
            raise self._dead("did not start in its time") from problem
        except OSError as problem:  # nobody reads what we write
            raise self._dead("ended before it was ready") from problem
        if ready is None:
            raise self._dead("ended before it was ready")
        longest = max(map(len, (*ready.libraries, *ready.libraries.values())), default=0)
        if len(self._runtime.libraries) + len(ready.libraries) <= _MOST_LIBRARIES and longest <= _LONGEST_PATH:
            # A new dict each time: other lanes are reading the old one.
            self._runtime.libraries = {**self._runtime.libraries, **ready.libraries}
        return replace(ready, identity=self._seen_from_here(ready.identity))

    def _seen_from_here(self, identity: Identity) -> Identity:
        """The identity with what only the host can say: whatever the probe said of that is not believed."""
        return replace(
            identity,
            settings=read_settings(self.devices),
            image=self._connection.image,
            image_digests=self._connection.image_digests,
        )

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

    def run(
        self, case: Case, content: Path, artifact: Path | None, timeout: float
    ) -> tuple[CaseResult, tuple[bytes, ...]]:
        """Run one case in a process of its own: what became of it, and its arrays."""
        answer = self.run_group([Work(case, content, artifact, timeout)])[0]
        return answer.result, answer.frames

    def run_group(self, group: Sequence[Work]) -> list[Answer]:
        """Run cases in one process, in their order; the answers, of which only the last can be a fault.

        A fault ends the group: what comes after it has no answer. Whatever goes wrong on the way to a case is a fault
        of kind infrastructure, and ends the session.
        """
        requests = [self._request(work) for work in group]
        answers: list[Answer] = []
        start = time.monotonic()
        watch = None
        try:
            until = start + requests[0].timeout + _GRACE
            self._connection.write(pack("run", {"cases": [asdict(request) for request in requests]}), until)
            root = self._connection.pid if self.devices else None
            for request in requests:
                start = time.monotonic()
                with Watch(self.devices, root) as watch:
                    result, frames = self._answer(request, start + request.timeout + _GRACE)
                answers.append(Answer(result, frames, watch))
                if result.fault is not None:
                    break
        except (OSError, TimeoutError, ProtocolError) as problem:
            self.alive = False
            output = self._connection.tail()
            self._connection.close()
            detail = str(problem) or "the runtime gave no answer in its time"
            fault = Fault("run", FaultKind.INFRASTRUCTURE, detail, output=output)
            request = requests[len(answers)]
            lost = CaseResult(request.id, request.nonce, time.monotonic() - start, "", fault=fault)
            answers.append(Answer(lost, watch=watch))  # what it died of may have been its GPU
        return answers

    def _request(self, work: Work) -> CaseRequest:
        self._next += 1
        case = work.case
        return CaseRequest(
            id=self._next,
            nonce=secrets.token_hex(8),
            workload=case.workload,
            path=self._runtime.inside(work.content),
            tier=case.tier.value,
            params=case.params,
            seeds=case.seeds,
            timed="latency" in {metric.name for metric in case.metrics},
            extra_metrics=()
            if case.tier is Tier.AOT
            else tuple(plain(metric) for metric in case.metrics if metric.name not in STANDARD),
            artifact=None if work.artifact is None else self._runtime.inside(work.artifact),
            timeout=work.timeout,
            imports=case.imports,
            look=work.look,
            loads=None if case.loads is None else case.loads.value,
            saved=None if work.saved is None else self._runtime.inside(work.saved),
            save=work.save,
        )

    def _answer(self, request: CaseRequest, until: float) -> tuple[CaseResult, tuple[bytes, ...]]:
        message = self._reader.read(until)
        if message is None:
            raise ProtocolError("probe", "ended while the case ran")
        body, frames = _body(message, "result"), message[2]
        if type(body.get("id")) is not int or (body["id"], body.get("nonce")) != (request.id, request.nonce):
            raise ProtocolError("probe", "answered for another case")
        try:
            if not body.keys() <= _FIELDS:
                raise ProtocolError("probe", f"sent a CaseResult with {len(body.keys() - _FIELDS)} unknown fields")
            result = _checked(body, CaseResult)
            most = request.timeout + _GRACE
            if not 0 <= result.seconds <= most:
                raise ProtocolError("probe", f"sent a CaseResult whose seconds are not from 0 to {most:g}")
            too_much = excess(result, request.seeds + (request.saved is not None))
            if too_much:
                raise ProtocolError("probe", f"sent {too_much}")
            if len(frames) != len(result.outputs):
                raise ProtocolError("probe", f"announced {len(result.outputs)} outputs and sent {len(frames)}")
        except ProtocolError as problem:  # the message is whole: what it says is the case's own doing
            fault = Fault("report", FaultKind.OUTPUT, problem.problem)
            return CaseResult(request.id, request.nonce, 0.0, "", fault=fault), ()
        if result.fault is not None:
            result = replace(result, fault=_without_places(result.fault, request))
        return result, frames

    def close(self) -> None:
        """End the runtime's process."""
        self.alive = False
        self._connection.close()


def _without_places(fault: Fault, request: CaseRequest) -> Fault:
    """A fault that quotes the case's files by their names: where they lie here is nobody's business, and no cause."""
    names = {request.path: request.path.rpartition("/")[2]}
    if request.saved is not None:
        names |= {f"{request.saved}/": "", request.saved: "the folder of saved files"}
    detail, output = fault.detail, fault.output
    for path, name in names.items():
        detail, output = detail.replace(path, name), output.replace(path, name)
    return replace(fault, detail=detail, output=output)


def _body(message: Message, expected: str) -> dict[str, Any]:
    op, body, _ = message
    if op != expected:
        raise ProtocolError("probe", f"said {op!r} where {expected!r} was due")
    return body


def _checked(body: dict[str, Any], kind: type[_Kind]) -> _Kind:
    try:
        # As JSON and strictly: Python's types would let "nan" pass for a number and true for an integer.
        found: _Kind = _ADAPTERS[kind].validate_json(json.dumps(body), strict=True)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        said = f"sent a {kind.__name__} whose {place} is wrong: {first['msg']}"
        raise ProtocolError("probe", said) from problem
    return found

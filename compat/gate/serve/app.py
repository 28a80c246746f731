"""The application: a path for each of those who ask.

::

    GET  /v1/MATRIX/rings/RING             the answer as a document: Argo Rollouts reads a field of it
    POST /flagger/MATRIX/RING              200 for GO, 409 for all else: Flagger goes on, or waits
    POST /flagger-rollback/MATRIX/RING     200 for NO-GO, 409 for all else: there success means roll back
    GET  /metrics                          the same in numbers, for all rings
    GET  /healthz                          whether answers are to be had

``?plan=DIGEST`` asks for another plan than the matrix's newest, ``?enter=1`` only whether the ring may take the
upgrade. While the store cannot be read every gate is 503, and the numbers are that alone.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from compat.gate.metrics import CONTENT_TYPE, Gauge, answer_gauges, metrics_text
from compat.model import Decision

if TYPE_CHECKING:
    from starlette.requests import Request

    from compat.gate.serve import Answers, Told

__all__ = ["make_app"]

_PLAN = re.compile(r"[0-9a-f]{8,64}")
_NAME = 253  # characters of a name in Kubernetes
_HEADERS = {"cache-control": "no-store"}
_UNREADABLE, _UNKNOWN, _WRONG = 503, 404, 400


def make_app(answers: Answers) -> Starlette:
    """The application over ``answers``, without its guard."""
    paths = _Paths(answers)
    app = Starlette(
        routes=[
            Route("/v1/{matrix}/rings/{ring}", paths.ring, methods=["GET"]),
            Route("/flagger/{matrix}/{ring}", paths.flagger, methods=["POST"]),
            Route("/flagger-rollback/{matrix}/{ring}", paths.rollback, methods=["POST"]),
            Route("/metrics", paths.metrics, methods=["GET"]),
            Route("/healthz", paths.health, methods=["GET"]),
        ],
        exception_handlers={404: _nothing, 405: _nothing, 500: _failed},
    )
    app.router.redirect_slashes = False
    return app


async def _nothing(request: Request, problem: Exception) -> Response:  # noqa: ARG001 - Starlette gives both
    return _empty(_UNKNOWN)


async def _failed(request: Request, problem: Exception) -> Response:  # noqa: ARG001 - Starlette gives both
    return _empty(500)  # and it is raised again, to whoever says it


def _empty(status: int) -> Response:
    return Response(status_code=status, headers=_HEADERS)


class _Paths:
    """What each path answers, and how often it did."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._asked: Counter[tuple[str, int]] = Counter()  # by path and status

    async def ring(self, request: Request) -> Response:
        found = self._find(request)
        if isinstance(found, int):
            return self._done("ring", _empty(found))
        return self._done("ring", Response(found.body, media_type="application/json", headers=_HEADERS))

    async def flagger(self, request: Request) -> Response:
        return await self._hook("flagger", request, Decision.GO)

    async def rollback(self, request: Request) -> Response:
        return await self._hook("flagger-rollback", request, Decision.NO_GO)

    async def _hook(self, path: str, request: Request, success: Decision) -> Response:
        """A webhook: its answer is the status. A body that is none of Flagger's is no success either."""
        if not _is_payload(await request.body()):
            return self._done(path, _empty(_WRONG))
        found = self._find(request)
        if isinstance(found, int):
            return self._done(path, _empty(found))
        said = found.answer.decision
        text = json.dumps({"decision": said.value})
        status = 200 if said is success else 409
        return self._done(path, Response(text, status, headers=_HEADERS, media_type="application/json"))

    async def metrics(self, request: Request) -> Response:  # noqa: ARG002 - Starlette gives it
        readable = self._answers.fresh
        gauges = [
            Gauge("compat_store_readable", "Whether the store can be read.", (({}, float(readable)),)),
            Gauge(
                "compat_requests",
                "Requests with a right token since the start, by path and status.",
                tuple(({"path": path, "status": str(code)}, float(n)) for (path, code), n in self._asked.items()),
            ),
        ]
        if readable:
            gauges += [gauge for answer in self._answers.all() for gauge in answer_gauges(answer)]
        return Response(metrics_text(gauges), headers={**_HEADERS, "content-type": CONTENT_TYPE})

    async def health(self, request: Request) -> Response:  # noqa: ARG002 - Starlette gives it
        return _empty(200 if self._answers.fresh else _UNREADABLE)

    def _find(self, request: Request) -> Told | int:
        """The answer that is asked for, or the status of there being none."""
        if not self._answers.fresh:
            return _UNREADABLE
        query = request.query_params
        plan, enter = query.get("plan"), query.get("enter", "0")
        if enter not in ("0", "1") or (plan is not None and not _PLAN.fullmatch(plan)):
            return _WRONG
        if set(query) - {"plan", "enter"} or len(query.multi_items()) != len(query):
            return _WRONG
        names = request.path_params
        found = self._answers.find(names["matrix"], names["ring"], plan or "", enter == "1")
        return _UNKNOWN if found is None else found

    def _done(self, path: str, response: Response) -> Response:
        self._asked[path, response.status_code] += 1
        return response


def _is_payload(body: bytes) -> bool:
    """Whether a body is what Flagger sends: ``{name, namespace, phase, metadata}``, and whatever else it has by now."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(found, dict):
        return False
    names = [found.get(key) for key in ("name", "namespace", "phase")]
    if not all(isinstance(name, str) and 0 < len(name) <= _NAME for name in names):
        return False
    metadata = found.get("metadata")
    if metadata is None:
        return True
    return isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values())

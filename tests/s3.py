"""A server that speaks S3 (moto's), on this machine, with the failings of others where a test asks for them."""

from __future__ import annotations

import itertools
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["S3", "serve"]

_App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class S3:
    """The server, and what it does to requests. One is answered after the other, as S3's conditional writes are."""

    def __init__(self, app: _App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self.port = 0
        self.unconditional = False  # ignores If-None-Match, as some servers do
        self.unknowing = False  # answers it with 501, as others do
        self.forbidding = False  # answers everything with 403
        self.lost_answers = 0  # of the next writes: what was asked for is done, and 500 is the answer
        self.requests: list[tuple[str, str, str]] = []  # method, path, and the condition

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a client."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        }

    def bucket(self) -> str:
        """The address of a new bucket."""
        name = f"bucket-{self.port}-{next(self._numbers)}"
        made = urllib.request.Request(f"http://127.0.0.1:{self.port}/{name}", method="PUT")
        with urllib.request.urlopen(made, timeout=10) as answer:  # noqa: S310 - our own server
            assert answer.status == 200
        return f"s3://{name}"

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        with self._lock:
            method, condition = environ["REQUEST_METHOD"], environ.get("HTTP_IF_NONE_MATCH", "")
            self.requests.append((method, environ["PATH_INFO"], condition))
            if self.forbidding:
                return _refuse(start, "403 Forbidden", "AccessDenied")
            if condition and self.unknowing:
                return _refuse(start, "501 Not Implemented", "NotImplemented")
            if self.unconditional:
                environ.pop("HTTP_IF_NONE_MATCH", None)
            if condition and self.lost_answers:
                self.lost_answers -= 1
                list(self._app(environ, lambda *_: None))
                return _refuse(start, "500 Internal Server Error", "InternalError")
            return list(self._app(environ, start))


def _refuse(start: Callable[..., Any], status: str, code: str) -> list[bytes]:
    start(status, [("Content-Type", "application/xml")])
    return [f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()]


@contextmanager
def serve() -> Iterator[S3]:
    """The server, on a free port of loopback."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Silent(WSGIRequestHandler):
        def log(self, *_: object) -> None:
            """No line for every request."""

    s3 = S3(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, s3, threaded=True, request_handler=Silent)
    s3.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield s3
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()

"""A registry of container images on this machine, as far as an engine needs one to push an image and to pull it."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

__all__ = ["registry"]

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@contextlib.contextmanager
def registry() -> Iterator[str]:
    """The name of a registry, ``localhost:PORT``: an engine speaks plain HTTP with what is on its own machine."""
    server = _Registry(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Registry(ThreadingHTTPServer):
    """What the registry has."""

    kept: dict[str, tuple[bytes, str]]  # digest, or path with a tag -> data, content type
    uploads: dict[str, bytes]

    def server_activate(self) -> None:
        self.kept, self.uploads = {}, {}
        super().server_activate()


class _Handler(BaseHTTPRequestHandler):
    """The HTTP API V2: blobs and manifests by digest, manifests by tag too."""

    protocol_version = "HTTP/1.1"
    server: _Registry

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, code: int, data: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().strip(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _keep(self, data: bytes, kind: str) -> str:
        name = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.server.kept[name] = data, kind
        return name

    def do_GET(self) -> None:
        name = re.search(r"/(?:blobs|manifests)/(.+)$", self.path)
        found = (b"{}", "application/json") if self.path == "/v2/" else self.server.kept.get(name[1] if name else "")
        found = found or self.server.kept.get(self.path)
        if found is None:
            self._answer(404)
        else:
            data, kind = found
            self._answer(200, data, Content_Type=kind, Docker_Content_Digest=self._keep(data, kind))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self._body()
        place = f"{self.path.rstrip('/')}/{len(self.server.uploads)}"
        self.server.uploads[place] = b""
        self._answer(202, Location=place, Range="0-0")

    def do_PATCH(self) -> None:
        place = urlsplit(self.path).path
        self.server.uploads[place] += self._body()
        self._answer(202, Location=place, Range=f"0-{len(self.server.uploads[place]) - 1}")

    def do_PUT(self) -> None:
        place = urlsplit(self.path)
        if place.path in self.server.uploads:
            kept = self._keep(self.server.uploads[place.path] + self._body(), "application/octet-stream")
            assert parse_qs(place.query)["digest"] == [kept]
        else:
            data, kind = self._body(), self.headers.get("Content-Type", _MANIFEST)
            kept = self._keep(data, kind)
            self.server.kept[place.path] = data, kind
        self._answer(201, Location=place.path, Docker_Content_Digest=kept)

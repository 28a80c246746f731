"""``compat serve`` as a process of its own, on a free port of the loopback."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

__all__ = ["TOKEN", "Serving", "eventually", "serving"]

TOKEN = "a-token-of-32-characters-or-more-0"  # noqa: S105 - of the tests
_PATIENCE = 30.0  # seconds for a server to start


@dataclass
class Serving:
    """A server that answers: its address, its process, and a client with the right token."""

    url: str
    process: subprocess.Popen[str]
    client: httpx.Client
    errors: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def said(self) -> list[str]:
        """The lines on standard error."""
        return self.errors.read_text().splitlines()


@contextlib.contextmanager
def serving(store: str | Path, folder: Path, *words: str, token: str | None = TOKEN) -> Iterator[Serving]:
    """The server over a store; it is ended by a signal, and has to end well."""
    who = ("--token-file", "env:COMPAT_TEST_TOKEN") if token else ("--no-token",)
    errors = folder / "serve.err"
    with errors.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "compat", "serve", str(store), "--port", "0", *who, *words],
            env={**os.environ, "COMPAT_TEST_TOKEN": token or ""},
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
        )
    try:
        found = re.search(r"http://\S+", _first_line(process))
        assert found is not None, errors.read_text()
        headers = {"authorization": f"Bearer {token}"} if token else {}
        with httpx.Client(base_url=found[0], headers=headers, timeout=20) as client:
            yield Serving(found[0], process, client, errors)
        process.terminate()
        assert process.wait(timeout=_PATIENCE) == 0, errors.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline() if selector.select(_PATIENCE) else ""


def eventually(client: httpx.Client, path: str, status: int) -> httpx.Response:
    """The first answer with that status. It has to come; how soon is not the test's business."""
    until = time.monotonic() + _PATIENCE
    while (found := client.get(path)).status_code != status:
        assert time.monotonic() < until, (path, found.status_code)
        time.sleep(0.05)
    return found

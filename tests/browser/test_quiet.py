"""A report asks nobody for anything, and has nothing to complain of."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.reports import REPORTS

if TYPE_CHECKING:
    from tests.browser.conftest import Opener

pytestmark = pytest.mark.browser


class Listener(http.server.SimpleHTTPRequestHandler):
    """Answers from a folder, and keeps the paths that it was asked for."""

    def log_message(self, *_: object) -> None:
        self.server.asked.append(self.path)


@pytest.fixture
def server(reports: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Listener, directory=reports)) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", REPORTS)
def test_one_request_and_a_silent_console(opened: Opener, name: str) -> None:
    shown = opened(name)
    shown.unfold()
    shown.page.emulate_media(media="print")
    assert [url.rsplit("/", 1)[1] for url in shown.requests] == [f"{name}.html"]
    assert shown.said == []


def test_a_server_sees_one_request_too(opened: Opener, server: http.server.ThreadingHTTPServer) -> None:
    shown = opened("demo", offline=False)
    address = f"http://127.0.0.1:{server.server_address[1]}/demo.html"
    shown.page.goto(address)
    shown.unfold()
    shown.page.wait_for_load_state("networkidle")
    assert server.asked == ["/demo.html"]  # not even an icon
    assert shown.said == []


def test_what_is_not_ours_is_refused_and_said(opened: Opener) -> None:
    """The policy holds: this test would see it if something were asked for, or ran."""
    shown = opened("demo")
    shown.page.evaluate(
        """() => {
          const image = new Image(); image.src = "https://evil.example/x.png";
          const script = document.createElement("script"); script.textContent = "document.title = 'ran'";
          const frame = document.createElement("iframe"); frame.src = "data:text/html,x";
          document.body.append(image, script, frame);
        }"""
    )
    shown.page.wait_for_timeout(100)
    assert shown.page.title() != "ran"
    assert sum("Content Security Policy" in said for said in shown.said) == 3

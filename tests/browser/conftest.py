"""One browser for all tests here, the reports as files, and what a page said and asked for while it was open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from compat.report.formats.html import render_html
from tests.browser.reports import REPORTS
from tests.chromium import CHROMIUM, NO_CHROMIUM, started

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

_UNFOLD = "() => document.querySelectorAll('details').forEach((one) => { one.open = true; })"
_LAY_OUT = """() => document.querySelectorAll("body *").forEach((one) => {
  if (getComputedStyle(one).contentVisibility === "auto") one.style.contentVisibility = "visible";
})"""


@dataclass(frozen=True)
class Opened:
    """A page, the addresses it asked for, and all that was said: on the console, in an error or in a dialog.

    What the content security policy refuses is said on the console.
    """

    page: Page
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def lay_out(self) -> None:
        """Lay out what is out of sight, too: a browser that is spared it guesses its height."""
        self.page.evaluate(_LAY_OUT)

    def unfold(self) -> None:
        """Open everything that can be opened."""
        self.page.evaluate(_UNFOLD)


Opener = Callable[..., Opened]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    with started() as browser:
        yield browser


@pytest.fixture(scope="package")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    for name, make in REPORTS.items():
        (folder / f"{name}.html").write_text(render_html(make()), encoding="utf-8")
    return folder


@pytest.fixture
def opened(browser: Browser, reports: Path) -> Iterator[Opener]:
    """Opens a report by its name, or a file; ``options`` are those of a context of playwright."""
    contexts: list[BrowserContext] = []

    def open_(report: str | Path, fragment: str = "", width: int = 1280, **options: Any) -> Opened:
        context = browser.new_context(viewport={"width": width, "height": 900}, **{"offline": True, **options})
        context.set_default_timeout(10_000)  # ms
        contexts.append(context)
        shown = Opened(context.new_page())
        shown.page.on("request", lambda request: shown.requests.append(request.url))
        shown.page.on("console", lambda message: shown.said.append(message.text))
        shown.page.on("pageerror", lambda error: shown.said.append(str(error)))
        shown.page.on("dialog", lambda dialog: (shown.said.append(dialog.message), dialog.dismiss()))
        context.on("page", lambda other: shown.said.append(f"another page was opened: {other.url}"))
        path = reports / f"{report}.html" if isinstance(report, str) else report
        shown.page.goto(path.as_uri() + fragment)
        return shown

    yield open_
    for context in contexts:
        context.close()

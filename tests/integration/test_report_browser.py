"""The HTML report in a real browser: offline, in one request, with and without JavaScript."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from compat.report.formats.html import render_html
from tests.report import build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    Opener = Callable[..., tuple[Page, list[str], list[str]]]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    *("--no-sandbox", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# The contrast of every visible text with what lies behind it, by WCAG 2: the texts that have too little.
FAINT = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data; };
  const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => [r, g, b].map((v) => linear(v / 255))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => { for (let e = element; e; e = e.parentElement) {
    const color = rgba(getComputedStyle(e).backgroundColor);
    if (color[3] === 255) return color; } return [255, 255, 255]; };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || element.closest("svg, script, style, .hidden") || !element.checkVisibility()) continue;
    const [a, b] = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (!(ratio >= 4.5)) faint.push(`${element.className || element.tagName}: ${ratio.toFixed(2)}`);
  }
  return faint;
}"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome is on the path"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    for name in ("demo", "path", "go", "hold", "empty", "hostile"):
        (folder / f"{name}.html").write_text(render_html(getattr(build, name)()), encoding="utf-8")
    return folder


@pytest.fixture
def opened(browser: Browser, reports: Path) -> Iterator[Opener]:
    """Opens a report: the page, what it asked for, and what the console or an exception said."""
    contexts = []

    def open_(name: str, fragment: str = "", width: int = 1280, **options: object) -> tuple[Page, list[str], list[str]]:
        context = browser.new_context(offline=True, viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        requests: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.goto((reports / f"{name}.html").as_uri() + fragment)
        return page, requests, said

    yield open_
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", ["demo", "path", "go", "hold", "empty", "hostile"])
def test_one_request_and_a_silent_console(opened: Opener, name: str) -> None:
    page, requests, said = opened(name)
    page.evaluate("document.querySelectorAll('details').forEach((item) => (item.open = true))")
    assert [url.rsplit("/", 1)[1] for url in requests] == [f"{name}.html"]
    assert said == []


@pytest.mark.parametrize("javascript", [True, False])
def test_the_report_is_readable_and_a_deep_link_opens_its_item(opened: Opener, javascript: bool) -> None:
    item = build.demo().items[4]
    page, _, _ = opened("demo", f"#{item.anchor}", java_script_enabled=javascript)
    assert page.locator("h1").inner_text().endswith("NO-GO")
    assert page.locator(".reasons li").count() == 5
    target = page.locator(f"#{item.anchor}")
    target.locator("svg").first.wait_for(state="visible", timeout=5_000)
    shut = page.locator("details.case:not([open])").count()
    assert shut == len(build.demo().items) - 1
    top = target.bounding_box()
    assert top is not None
    assert 0 < top["y"] < 900


def test_a_reason_leads_to_its_item_and_a_click_opens_the_next(opened: Opener) -> None:
    page, _, _ = opened("demo", java_script_enabled=False)
    page.locator(".reasons a").first.click()
    assert page.locator("details.case[open] summary span").all_inner_texts() == [
        "operator:average_pool[ceil-include-pad] stack-2025-5e1c4a"
    ]
    page.locator("details.case summary").first.click()
    assert page.locator("details.case[open]").count() == 2


def test_one_button_opens_and_shuts_all_items_by_keyboard(opened: Opener) -> None:
    page, _, _ = opened("demo")
    button = page.get_by_role("button", name="Open all")
    button.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.case:not([open])").count() == 0
    page.get_by_role("button", name="Shut all").press("Enter")
    assert page.locator("details.case[open]").count() == 0


@pytest.mark.parametrize("name", ["demo", "path", "hold", "empty", "hostile"])
@pytest.mark.parametrize("width", [400, 1280, 2560])
def test_the_page_never_scrolls_sideways(opened: Opener, name: str, width: int) -> None:
    page, _, _ = opened(name, width=width)
    assert page.evaluate(OVERFLOW) <= 0
    page.evaluate("document.querySelectorAll('details').forEach((item) => (item.open = true))")
    assert page.evaluate(OVERFLOW) <= 0


def test_hostile_text_is_shown_and_nothing_of_it_runs(opened: Opener) -> None:
    page, requests, said = opened("hostile")
    page.evaluate("document.querySelectorAll('details').forEach((item) => (item.open = true))")
    assert page.title() != "ran"
    assert page.locator("script:not([type])").count() == 1
    assert page.locator("img, iframe, [onload], [onerror]").count() == 0
    assert "<script>document.title='ran'</script>" in page.locator("body").inner_text()
    assert len(requests) == 1
    assert said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["demo", "path", "hold", "go"])
def test_every_text_stands_out_from_what_is_behind_it(opened: Opener, scheme: str, name: str) -> None:
    page, _, _ = opened(name, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((item) => (item.open = true))")
    assert page.evaluate(FAINT) == []


def test_print_shows_what_is_shut(opened: Opener) -> None:
    page, _, _ = opened("demo", java_script_enabled=False)
    page.emulate_media(media="print")
    assert page.locator("details.case .fault pre").first.is_visible()
    assert page.locator("nav").first.is_hidden()

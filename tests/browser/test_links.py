"""Links lead to what they name, and a case has an address of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.reports import REPORTS
from tests.report import build

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Opener

pytestmark = pytest.mark.browser

# The links that lead nowhere, and those whose target stays hidden when they are followed.
_ASTRAY = """() => [...document.querySelectorAll("a")].filter((link) => {
  const name = decodeURIComponent(link.hash.slice(1));
  return !link.getAttribute("href").startsWith("#") || !name || !document.getElementById(name);
}).map((link) => link.outerHTML)"""
_IN_SIGHT = """(name) => {
  const box = document.getElementById(name).getBoundingClientRect();
  return box.y >= 0 && box.y < innerHeight;
}"""


def is_in_sight(page: Page, anchor: str) -> bool:
    """Whether what has that name begins on the screen, below what stays at the top."""
    page.wait_for_function(_IN_SIGHT, arg=anchor)
    return page.locator(f"#{anchor}").is_visible()


@pytest.mark.parametrize("name", REPORTS)
def test_every_link_stays_in_the_page_and_leads_to_what_is_there(opened: Opener, name: str) -> None:
    page = opened(name).page
    assert page.evaluate(_ASTRAY) == []
    assert page.get_by_role("link").count() > 3


def test_every_link_brings_its_target_into_sight(opened: Opener) -> None:
    page = opened("demo").page
    for name in sorted(set(page.locator("a").evaluate_all("(links) => links.map((link) => link.hash.slice(1))"))):
        page.evaluate("(name) => { location.hash = '#' + name; }", name)
        assert is_in_sight(page, name), name


@pytest.mark.parametrize("javascript", [True, False])
def test_a_deep_link_opens_its_case_and_no_other(opened: Opener, javascript: bool) -> None:
    for item in build.demo().items[2:5]:
        page = opened("demo", f"#{item.anchor}", java_script_enabled=javascript).page
        target = page.locator(f"#{item.anchor}")
        target.wait_for(state="visible", timeout=5_000)
        top = target.bounding_box()
        assert top is not None
        assert 0 < top["y"] < 900
        names = page.locator("details[open] > summary").all_inner_texts()
        assert len(names) == 1
        assert item.title in names[0]


def test_an_address_that_is_no_case_shows_the_report(opened: Opener) -> None:
    for fragment in ("#case-nothing", "#%E0%A4%A", "#<img src=x onerror=alert(1)>"):
        shown = opened("demo", fragment)
        assert shown.page.get_by_role("heading", level=1).is_visible()
        assert shown.page.locator("details[open]").count() == 0
        assert shown.said == []


@pytest.mark.parametrize("javascript", [True, False])
def test_a_reason_and_a_square_lead_to_their_case(opened: Opener, javascript: bool) -> None:
    page = opened("demo", java_script_enabled=javascript).page
    for region, name in (("reasons", "average_pool"), ("matrix", "numpy_promotion")):
        section = page.locator(f"section[aria-labelledby={region}]")
        row = section.get_by_role("row", name=name) if region == "matrix" else section.get_by_role("listitem")
        link = row.filter(has_text=name).get_by_role("link").first
        anchor = link.get_attribute("href").removeprefix("#")
        link.click()
        assert is_in_sight(page, anchor)
        summary = page.locator("details[open]", has=page.locator(f"#{anchor}")).locator("summary").first
        assert name in summary.inner_text()


def test_back_returns_to_where_one_was_and_forward_to_the_case(opened: Opener) -> None:
    page = opened("demo").page
    first, second = build.demo().items[0].anchor, build.demo().items[3].anchor
    page.evaluate("(name) => { location.hash = '#' + name; }", first)
    assert is_in_sight(page, first)
    page.evaluate("(name) => { location.hash = '#' + name; }", second)
    assert is_in_sight(page, second)
    page.go_back()
    assert page.url.endswith(f"#{first}")
    assert is_in_sight(page, first)
    page.go_back()
    assert "#" not in page.url
    assert page.get_by_role("heading", level=1).is_visible()
    page.go_forward()
    assert is_in_sight(page, first)

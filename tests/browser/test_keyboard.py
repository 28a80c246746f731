"""What a pointer can do, the keyboard can: it reaches each thing, one sees where it is, and nothing holds it fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.reports import ORDINARY

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Opener

pytestmark = pytest.mark.browser

# What has the focus: what it is, whether one sees that it has it, and whether something lies over it.
_FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body || one === document.documentElement) return null;
  window.visited ??= []; // in order
  const known = window.visited.indexOf(one);
  if (known < 0) window.visited.push(one);
  const style = getComputedStyle(one);
  const box = one.getClientRects()[0];
  const x = Math.min(Math.max(box.x + box.width / 2, 1), innerWidth - 1);
  const seen = [box.y + 2, box.y + box.height / 2, box.bottom - 2].some((y) => {
    const there = document.elementFromPoint(x, y);
    return there !== null && (one.contains(there) || there.contains(one));
  });
  return {
    number: known < 0 ? window.visited.length - 1 : known, again: known >= 0,
    name: (one.getAttribute("aria-label") || one.innerText || one.tagName).trim().slice(0, 60), tag: one.tagName,
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
    seen,
  };
}"""
# What a pointer could use and was not visited.
_LEFT_OUT = """() => [...document.querySelectorAll("a, button, summary, input, select, textarea, [tabindex='0']")]
  .filter((one) => one.checkVisibility() && !one.disabled && !(window.visited ?? []).includes(one))
  .map((one) => one.outerHTML.slice(0, 120))"""


def walk(page: Page, key: str = "Tab", most: int = 600) -> list[dict[str, Any]]:
    """Press a key until nothing has the focus, or something has it again: each thing that had it, in order."""
    met = []
    for _ in range(most):
        page.keyboard.press(key)
        found = page.evaluate(_FOCUSED)
        if found is None or found["again"]:
            return met
        met.append(found)
    raise AssertionError(f"{key} was pressed {most} times, and there was always something new")


@pytest.mark.parametrize("name", ["demo", "full"])
@pytest.mark.parametrize("javascript", [True, False])
def test_tab_reaches_everything_in_order_and_one_sees_where_one_is(opened: Opener, name: str, javascript: bool) -> None:
    page = opened(name, java_script_enabled=javascript).page
    met = walk(page)
    assert page.evaluate(_LEFT_OUT) == []
    assert sum(found["tag"] == "SUMMARY" for found in met) >= len(ORDINARY[name]().items)
    assert [found["name"] for found in met if not found["outlined"]] == []
    assert [found["name"] for found in met if not found["seen"]] == []
    assert page.locator("[tabindex]:not([tabindex='0'], [tabindex='-1'])").count() == 0  # in the order of reading


def test_shift_tab_goes_back_and_what_it_reaches_is_not_below_something(opened: Opener) -> None:
    page = opened("demo").page
    page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    met = walk(page, "Shift+Tab")
    assert page.evaluate(_LEFT_OUT) == []
    assert [found["name"] for found in met if not found["seen"]] == []


@pytest.mark.parametrize("javascript", [True, False])
def test_enter_and_space_open_a_case_and_shut_it(opened: Opener, javascript: bool) -> None:
    page = opened("demo", java_script_enabled=javascript).page
    case = page.locator("section[aria-labelledby=items] details").first
    summary = case.locator("summary").first
    summary.focus()
    for key in ("Enter", "Space"):
        assert case.get_attribute("open") is None
        page.keyboard.press(key)
        assert case.get_attribute("open") is not None
        page.keyboard.press(key)
    assert summary.evaluate("(one) => one === document.activeElement")


def test_what_is_in_an_open_case_is_reached_too(opened: Opener) -> None:
    shown = opened("full")
    shown.unfold()
    walk(shown.page)
    assert shown.page.evaluate(_LEFT_OUT) == []


@pytest.mark.parametrize("javascript", [True, False])
def test_the_first_tab_offers_to_skip_to_the_reasons(opened: Opener, javascript: bool) -> None:
    page = opened("demo", java_script_enabled=javascript).page
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip").first
    assert link.evaluate("(one) => one === document.activeElement")
    box = link.bounding_box()
    assert box["x"] >= 0
    assert box["y"] >= 0
    page.keyboard.press("Enter")
    assert page.url.endswith(link.get_attribute("href"))
    page.keyboard.press("Tab")
    reason = page.locator("section[aria-labelledby=reasons]").get_by_role("link").first
    assert reason.evaluate("(one) => one === document.activeElement")


def test_a_link_that_is_followed_by_keyboard_goes_on_from_its_target(opened: Opener) -> None:
    page = opened("demo").page
    link = page.locator("section[aria-labelledby=matrix]").get_by_role("link").first
    anchor = link.get_attribute("href").removeprefix("#")
    link.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    case = page.locator("details[open]", has=page.locator(f"#{anchor}"))
    assert case.evaluate("(one) => one.contains(document.activeElement)")


def test_one_button_opens_and_shuts_all_cases(opened: Opener) -> None:
    page = opened("demo").page
    cases = page.locator("section[aria-labelledby=items] details:not(details details)")
    button = page.get_by_role("button", name="Open all")
    button.focus()
    page.keyboard.press("Enter")
    assert cases.evaluate_all("(all) => all.every((one) => one.open)")
    assert cases.count() > 5
    page.get_by_role("button", name="Shut all").press("Enter")
    assert cases.evaluate_all("(all) => all.every((one) => !one.open)")


def test_a_table_that_is_wider_than_the_screen_scrolls_by_keyboard(opened: Opener) -> None:
    page = opened("path", width=400).page
    wide = page.evaluate(
        """() => { const found = [...document.querySelectorAll("[tabindex='0']")]
          .find((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth + 20 && one.tagName !== "PRE");
          if (found) found.focus(); return Boolean(found); }"""
    )
    assert wide
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.scrollLeft > 0", timeout=5_000)

"""Search and filters: what is asked for is shown and nothing else, and an address brings it back. Packed cases open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from compat.report.formats.html import render_html
from compat.report.view import View
from tests.report.large import Large

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.conftest import Opener

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def made() -> View:
    return Large(1_000).view()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, made: View) -> Path:
    file = tmp_path_factory.mktemp("large") / "large.html"
    file.write_text(render_html(made), encoding="utf-8")
    return file


def _shown(page: Page) -> Locator:
    return page.locator("details.case:visible")


def _search(page: Page, words: str) -> None:
    page.get_by_role("searchbox", name="Search cases").fill(words)


def test_every_word_has_to_be_in_the_line_or_in_the_values_of_the_axes(opened: Opener, large: Path, made: View) -> None:
    page = opened(large).page
    _search(page, "SOFTMAX 13.2 581.95.05")
    wanted = [
        item.title
        for item in made.items
        if "softmax" in item.title and {"13.2", "581.95.05"} <= {axis.candidate for axis in item.axes}
    ]
    assert len(wanted) > 3
    assert [line.split()[0] for line in _shown(page).locator("summary span").all_text_contents()] == wanted
    assert page.get_by_role("status").inner_text() == f"{len(wanted)} of 1,000 cases"


def test_filters_narrow_and_an_address_brings_it_back(opened: Opener, large: Path, made: View) -> None:
    page = opened(large).page
    page.get_by_label("status", exact=True).select_option("regress")
    page.get_by_label("workload", exact=True).select_option("kernel:matmul")
    _search(page, "latency")
    wanted = [
        item
        for item in made.items
        if item.status.value == "regress" and item.workload == "kernel:matmul" and "latency" in item.headline
    ]
    assert _shown(page).count() == len(wanted) > 1
    assert page.url.endswith("#find?q=latency&status=regress&workload=kernel%3Amatmul")
    again = opened(large, page.url.partition("#")[1] + page.url.partition("#")[2]).page
    assert _shown(again).count() == len(wanted)
    assert again.get_by_label("status", exact=True).locator("option:checked").inner_text() == "regress"


def test_what_nothing_has_shows_nothing_and_says_so_and_escape_shows_all(opened: Opener, large: Path) -> None:
    page = opened(large).page
    _search(page, "no such case")
    assert _shown(page).count() == 0
    assert page.get_by_role("status").inner_text() == "0 of 1,000 cases"
    page.keyboard.press("Escape")
    assert page.get_by_role("status").inner_text() == "1,000 cases"
    assert page.locator("details.case:not([hidden])").count() == 1_000


def test_a_slash_goes_to_the_search_and_is_a_letter_within_it(opened: Opener, large: Path) -> None:
    page = opened(large).page
    page.keyboard.press("/")
    page.keyboard.type("a/b")
    assert page.get_by_role("searchbox").input_value() == "a/b"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("nonsense=1", "1,000 cases"),  # there is no such filter
        ("status=%3Cb%3Ewonderful", "0 of 1,000 cases"),  # and no case with that
        ("tier=gpu", "1,000 cases"),  # all are of this tier
        ("tier=cpu", "0 of 1,000 cases"),
        ("axis.cuda=13.2&q=softmax", "36 of 1,000 cases"),
    ],
)
def test_an_address_asks_for_what_there_is_or_for_nothing(opened: Opener, large: Path, asked: str, answer: str) -> None:
    shown = opened(large, f"#find?{asked}")
    assert shown.page.get_by_role("status").inner_text() == answer
    assert shown.said == []


def test_an_open_case_is_found_as_a_packed_one_is(opened: Opener, large: Path, made: View) -> None:
    page = opened(large, f"#{made.items[700].anchor}").page
    page.locator(f"#{made.items[700].anchor}").get_by_text(made.items[700].repeat).wait_for(state="visible")
    _search(page, "length")
    assert page.get_by_role("status").inner_text() == "1,000 of 1,000 cases"
    _search(page, "load_time")  # of no line: pages are not searched, whether they are open or not
    assert page.get_by_role("status").inner_text() == "0 of 1,000 cases"


def test_a_packed_case_opens_with_its_page_by_a_click_and_by_its_address(
    opened: Opener, large: Path, made: View
) -> None:
    item = made.items[700]
    shown = opened(large, f"#{item.anchor}")
    body = shown.page.locator(f"#{item.anchor}")
    body.get_by_text(item.repeat).wait_for(state="visible")
    assert body.evaluate("(one) => one.getBoundingClientRect().top") < 900
    assert shown.page.locator("details[open] .comparisons tbody").count() == len(item.rows)
    next_one = made.items[701]
    shown.page.locator("details.case").nth(701).locator("summary").click()
    shown.page.locator(f"#{next_one.anchor}").get_by_text(next_one.repeat).wait_for(state="visible")
    assert shown.said == []
    assert len(shown.requests) == 1


def test_a_link_to_a_case_that_a_search_hides_shows_it(opened: Opener, large: Path, made: View) -> None:
    page = opened(large).page
    _search(page, "no such case")
    page.evaluate("(name) => { location.hash = name; }", made.items[900].anchor)
    page.locator(f"#{made.items[900].anchor}").get_by_text(made.items[900].repeat).wait_for(state="visible")
    assert page.get_by_role("searchbox").input_value() == ""


def test_without_a_script_a_packed_case_has_its_figures(opened: Opener, large: Path, made: View) -> None:
    item = made.items[700]
    page = opened(large, f"#{item.anchor}", java_script_enabled=False).page
    page.locator(f"#{item.anchor}").wait_for(state="visible")
    assert page.locator(f"#{item.anchor}").inner_text() == item.figures
    assert page.locator("form.find").is_hidden()
    said = page.locator("noscript p")
    assert "open with a script" in said.text_content()
    assert said.evaluate("(one) => one.getBoundingClientRect().height") > 10  # playwright takes noscript for hidden


def test_a_browser_that_cannot_unpack_shows_the_figures(opened: Opener, large: Path, made: View) -> None:
    page = opened(large).page
    page.evaluate("() => { delete window.DecompressionStream; }")
    page.locator("details.case").nth(700).locator("summary").click()
    page.locator(f"#{made.items[700].anchor}").wait_for(state="visible")
    assert page.locator(f"#{made.items[700].anchor}").inner_text() == made.items[700].figures


def test_one_button_opens_what_is_shown_and_there_is_none_for_a_thousand(opened: Opener, large: Path) -> None:
    page = opened(large).page
    assert page.get_by_role("button", name="Open all").is_hidden()
    _search(page, "softmax regress")
    shown = _shown(page).count()
    assert 1 < shown <= 200
    page.get_by_role("button", name="Open all").click()
    assert page.locator("details.case[open]").count() == shown

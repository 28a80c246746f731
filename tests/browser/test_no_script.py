"""A report is whole with JavaScript off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.reports import ORDINARY
from tests.report import build

if TYPE_CHECKING:
    from tests.browser.conftest import Opener

pytestmark = pytest.mark.browser


def words(text: str) -> str:
    """What is to be read, whatever is between the words."""
    return " ".join(text.split())


@pytest.mark.parametrize("name", ORDINARY)
def test_the_decision_and_its_reasons_are_to_be_read(opened: Opener, name: str) -> None:
    view = ORDINARY[name]()
    page = opened(name, java_script_enabled=False).page
    heading = page.get_by_role("heading", level=1)
    assert heading.inner_text().endswith(view.decision.value)
    assert heading.bounding_box()["y"] < 300
    text = words(page.locator("body").inner_text())
    assert words(view.sentence) in text
    for reason in view.reasons:
        assert words(reason.full) in text


@pytest.mark.parametrize("name", ["demo", "path", "full"])
def test_every_case_opens_by_a_click_and_says_why(opened: Opener, name: str) -> None:
    page = opened(name, java_script_enabled=False).page
    for item in ORDINARY[name]().items[:6]:
        target = page.locator(f"#{item.anchor}")
        case = page.locator("details", has=target).first
        case.locator("summary").first.click()
        assert target.is_visible()
        text = words(target.inner_text())
        for row in item.rows:
            assert words(row.reason) in text


def test_what_only_a_script_can_do_is_not_offered_without_one(opened: Opener) -> None:
    page = opened("demo", java_script_enabled=False).page
    assert [one.inner_text() for one in page.get_by_role("button").all() if one.is_visible()] == []
    assert [one for one in page.get_by_role("searchbox").all() if one.is_visible()] == []


def test_nothing_is_there_with_a_script_only(opened: Opener) -> None:
    """Every word of the page without JavaScript is there with it, and the other way round but for what it offers."""
    texts = []
    for on in (False, True):
        shown = opened("demo", java_script_enabled=on)
        shown.page.emulate_media(media="print")  # where all is open, and no button is
        texts.append(words(shown.page.locator("main").inner_text()))
    assert texts[0] == texts[1]
    assert len(texts[0]) > len(" ".join(build.verdict().reasons))

"""A status is told by its glyph and its word, and its colours keep apart for who sees them otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compat.model import Status
from compat.report.statuses import GLYPHS, WORDS
from tests.browser.looks import apart, picture

if TYPE_CHECKING:
    from tests.browser.conftest import Opener

pytestmark = pytest.mark.browser

# How Chromium shows a page to who lacks a kind of cone, or all of them.
SIGHTS = ("none", "deuteranopia", "protanopia", "tritanopia", "achromatopsia")


def test_every_glyph_and_every_word_is_of_one_status() -> None:
    assert len({GLYPHS[status] for status in Status}) == len(Status)
    assert len({WORDS[status] for status in Status}) == len(Status)


@pytest.mark.parametrize("status", Status)
def test_every_square_and_every_case_has_the_glyph_and_the_word(opened: Opener, status: Status) -> None:
    page = opened("statuses").page
    row = page.locator("section[aria-labelledby=matrix]").get_by_role("row", name=f"operator:{status.value}")
    squares = row.get_by_role("link").all()
    assert len(squares) == 2
    for square in squares:
        assert GLYPHS[status] in square.inner_text()
        assert WORDS[status] in f"{square.text_content()} {square.get_attribute('aria-label') or ''}"
    cases = page.locator("section[aria-labelledby=items] summary", has_text=f"operator:{status.value}[").all()
    assert len(cases) == 2
    for case in cases:
        assert GLYPHS[status] in case.inner_text()
        assert WORDS[status] in case.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_worse_stands_out_for_every_eye(opened: Opener, scheme: str) -> None:
    """The square that regressed against all the others, as each kind of eye sees them."""
    page = opened("statuses", color_scheme=scheme).page
    page.evaluate("() => document.getElementById('matrix').scrollIntoView()")
    session = page.context.new_cdp_session(page)
    for sight in SIGHTS:
        session.send("Emulation.setEmulatedVisionDeficiency", {"type": sight})
        image = picture(page)
        colours = {}
        for status in Status:
            row = page.locator("section[aria-labelledby=matrix]").get_by_role("row", name=f"operator:{status.value}")
            box = row.get_by_role("link").first.bounding_box()
            assert box is not None
            colours[status] = image.getpixel((int(box["x"] + 4), int(box["y"] + 4)))
        near = {
            status.value: round(apart(colour, colours[Status.REGRESS]))
            for status, colour in colours.items()
            if status is not Status.REGRESS and apart(colour, colours[Status.REGRESS]) < 25
        }
        assert near == {}, sight

"""Texts and lines stand out: light and dark, in the reader's own colours, and without motion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.looks import FAINT, FAINT_LINES, picture
from tests.browser.reports import ORDINARY

if TYPE_CHECKING:
    from tests.browser.conftest import Opener

pytestmark = pytest.mark.browser

SCHEMES = ("light", "dark")


@pytest.mark.parametrize("name", ORDINARY)
def test_every_text_and_line_stands_out_from_what_is_behind_it(opened: Opener, name: str) -> None:
    shown = opened(name)
    shown.unfold()
    for scheme in SCHEMES:
        shown.page.emulate_media(color_scheme=scheme)
        assert shown.page.evaluate(FAINT) == [], scheme
        assert shown.page.evaluate(FAINT_LINES) == [], scheme


def test_light_is_light_and_dark_is_dark(opened: Opener) -> None:
    shades = {}
    for scheme in SCHEMES:
        image = picture(opened("demo", color_scheme=scheme).page).convert("L")
        shades[scheme] = image.getpixel((image.width - 4, image.height - 4))
    assert shades["light"] > 230
    assert shades["dark"] < 50


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["demo", "statuses", "full"])
def test_in_forced_colors_all_of_it_is_there(opened: Opener, scheme: str, name: str) -> None:
    """The reader's own colours take the place of ours: what a colour said has to be said otherwise."""
    shown = opened(name, color_scheme=scheme, forced_colors="active")
    shown.unfold()
    assert shown.page.evaluate(FAINT) == []
    assert shown.page.evaluate(FAINT_LINES) == []


def test_nothing_moves_for_who_wants_no_motion(opened: Opener) -> None:
    shown = opened("demo", reduced_motion="reduce")
    moving = shown.page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((one) => {
          const style = getComputedStyle(one);
          const times = `${style.transitionDuration},${style.animationDuration}`.split(",");
          return times.some((time) => parseFloat(time) > 0) || style.scrollBehavior === "smooth";
        }).map((one) => one.tagName)"""
    )
    assert moving == []
    shown.unfold()
    assert shown.page.evaluate("() => document.getAnimations().length") == 0

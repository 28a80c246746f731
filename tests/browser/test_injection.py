"""What a runtime, a matrix or a node named is text: nothing of it runs, asks for anything or is an element."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from compat.escape import clean
from compat.report.formats import html
from tests.report.formats.test_html_hostile import NOT_SHOWN
from tests.report.hostile import PAYLOADS, PLACES, TEXT, Given, full, spoilt

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Opened, Opener

pytestmark = pytest.mark.browser

_TOGETHER = 10  # places of one page, each with a mark of its own; neighbours, which need each other, are apart
SHOWN = [place for place in PLACES if place not in NOT_SHOWN]
_PAGES = -(-len(SHOWN) // _TOGETHER)
# Which elements a page has, with the names of their attributes, and what of it would be somebody else's.
_SHAPE = """() => {
  const all = [...document.querySelectorAll("*")];
  const shapes = new Set(all.map((one) => `${one.tagName} ${[...one.attributes].map(({name}) => name).sort()}`));
  const links = all.flatMap((one) => [...one.attributes])
    .filter(({name, value}) => /href|src|action|^data$|^style$|^on/.test(name) && !value.startsWith("#"));
  return {shapes: [...shapes], links: links.map(({name, value}) => `${name}=${value}`), title: document.title};
}"""
# All that there is to be read, or to be heard by who cannot see.
_SAID = """() => document.body.innerText + [...document.querySelectorAll("[aria-label], [title]")]
  .map((one) => `${one.getAttribute("aria-label") ?? ""} ${one.getAttribute("title") ?? ""}`).join(" ")"""
_ALL_THERE = "() => !document.querySelector('details.case[open] > summary + p')"


@pytest.fixture(scope="module")
def given() -> Given:
    return full()


def words(text: str) -> str:
    return " ".join(text.split())


def mark(place: str) -> str:
    return f"«{place}» "


def spoil(given: Given, places: Iterable[str]) -> Given:
    for place in places:
        given = spoilt(given, place, lambda text, place=place: f"{text}{mark(place)}{TEXT}")
    return given


def shape_of(page: Page) -> dict[str, list[str]]:
    found: dict[str, list[str]] = page.evaluate(_SHAPE)
    return found


def told(place: str) -> str:
    """What is to be read of a place, as one reads it."""
    return words(clean(mark(place) + TEXT))


def opened_wide(shown: Opened, path: Path, kinds: set[str]) -> str:
    """All that a report says once everything in it is open; on the way, that nothing in it ran or is an element."""
    shown.page.goto(path.as_uri())
    shown.unfold()
    shown.page.wait_for_function(_ALL_THERE)
    shown.unfold()  # what came with the pages
    shape = shape_of(shown.page)
    assert shown.said == []
    assert shape["title"] != "ran"
    assert shape["links"] == []
    assert set(shape["shapes"]) <= kinds
    shown.lay_out()  # what is not, is no text
    return words(shown.page.evaluate(_SAID))


@pytest.mark.parametrize("packed", [False, True])
def test_nothing_runs_and_what_is_shown_is_text(
    opened: Opener, given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    """Every payload in every place; with ``packed`` the pages of all cases are what the script unpacks."""
    monkeypatch.setattr(html, "_OPEN_BYTES", 0 if packed else 1 << 30)
    path = tmp_path / "report.html"
    path.write_text(html.render_html(given.view()), encoding="utf-8")
    shown = opened(path)
    shown.unfold()
    shown.page.wait_for_function(_ALL_THERE)
    kinds = set(shape_of(shown.page)["shapes"])
    pages = [SHOWN[at::_PAGES] for at in range(_PAGES)]
    for places in pages:
        path.write_text(html.render_html(spoil(given, places).view()), encoding="utf-8")
        said = opened_wide(shown, path, kinds)
        # One may hide another, such as the name of what the other is of: then it has to be there alone.
        pages += [[place] for place in places if told(place) not in said and len(places) > 1]
        assert len(places) > 1 or told(places[0]) in said
    path.write_text(html.render_html(spoil(given, sorted(NOT_SHOWN)).view()), encoding="utf-8")
    said = opened_wide(shown, path, kinds)
    assert [place for place in NOT_SHOWN if told(place) in said] == []
    assert len(shown.requests) == 2 + len(pages)
    assert len(pages) < 1.5 * _PAGES


@pytest.mark.parametrize(
    "kind", ["script", "element", "handler", "attribute", "end of a style", "style", "link", "drawing"]
)
def test_what_would_run_is_seen_where_it_is_not_taken_as_text(opened: Opener, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "report.html"
    text = PAYLOADS[kind]
    path.write_text(f'<!doctype html><title>x</title><p title="{text}">{text}</p>', encoding="utf-8")
    shape = shape_of(opened(path).page)
    ours = {"HTML", "HEAD", "TITLE", "BODY", "P"}
    assert shape["title"] == "ran" or shape["links"] or {one.split()[0] for one in shape["shapes"]} > ours

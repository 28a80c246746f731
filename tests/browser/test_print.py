"""On paper: all that a report says, within the page, dark on white."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from compat.report.statuses import WORDS
from tests.browser.looks import FAINT
from tests.browser.reports import ORDINARY

if TYPE_CHECKING:
    import pypdfium2
    from playwright.sync_api import Page

    from tests.browser.conftest import Opener

pytestmark = pytest.mark.browser

PAPER = ("A4", "Letter")


@pytest.fixture
def printed(tmp_path: Path):
    """Prints a page: the document, as a program that shows PDF has it."""
    pdfium = pytest.importorskip("pypdfium2", reason="the package pypdfium2 is not installed")
    documents = []

    def print_(page: Page, **options: object) -> pypdfium2.PdfDocument:
        documents.append(pdfium.PdfDocument(page.pdf(**options)))
        return documents[-1]

    yield print_
    for document in documents:
        document.close()


def squeezed(text: str) -> str:
    """A text without what is between its letters: where a line ends on paper is the paper's affair."""
    return "".join(text.split()).replace("\ufffe", "").replace("\u00ad", "")


def text_of(document: pypdfium2.PdfDocument) -> str:
    return "\n".join(page.get_textpage().get_text_range() for page in document)


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("name", ["demo", "path", "hold", "statuses", "full"])
def test_the_paper_says_all_that_the_screen_says(opened: Opener, printed, name: str, javascript: bool) -> None:
    view = ORDINARY[name]()
    text = squeezed(text_of(printed(opened(name, java_script_enabled=javascript).page, format="A4")))
    assert squeezed(view.decision.value) in text
    assert squeezed(view.sentence) in text
    for reason in view.reasons:
        assert squeezed(reason.full) in text
    for item in view.items:
        assert squeezed(item.title) in text
        for row in item.rows:
            assert squeezed(WORDS[row.status]) in text
            assert squeezed(row.said) in text
        for fault in item.faults:
            assert squeezed(fault.output) in text
    for difference in view.differences:
        assert squeezed(difference.candidate) in text


@pytest.mark.parametrize("landscape", [False, True])
@pytest.mark.parametrize("paper", PAPER)
def test_no_letter_lies_beyond_the_edge_of_the_paper(opened: Opener, printed, paper: str, landscape: bool) -> None:
    for name in ("full", "hostile"):
        margin = dict.fromkeys(("top", "right", "bottom", "left"), "10mm")
        document = printed(opened(name).page, format=paper, landscape=landscape, margin=margin)
        for number, page in enumerate(document, 1):
            width, height = page.get_size()
            text = page.get_textpage()
            beyond = []
            for at in range(text.count_chars()):
                left, bottom, right, top = text.get_charbox(at)
                if left < -1 or bottom < -1 or right > width + 1 or top > height + 1:
                    beyond.append(text.get_text_range(at, 1))
            assert "".join(beyond).strip() == "", f"page {number} of {name}"


def test_a_dark_screen_prints_dark_on_white(opened: Opener, printed) -> None:
    shown = opened("demo", color_scheme="dark")
    shown.page.emulate_media(media="print", color_scheme="dark")
    assert shown.page.evaluate(FAINT) == []
    image = printed(shown.page, format="A4")[1].render(scale=1).to_pil().convert("L")
    light = sum(image.histogram()[200:]) / (image.width * image.height)
    assert 0.8 < light < 0.999


def test_what_only_a_screen_can_do_is_not_on_paper(opened: Opener, printed) -> None:
    text = text_of(printed(opened("demo").page))
    assert "Open all" not in text
    assert "Skip to" not in text
    assert "Search" not in text


def test_printing_leaves_the_page_as_it_was(opened: Opener, printed) -> None:
    page = opened("demo").page
    page.locator("summary").first.click()
    before = page.locator("details[open]").count()
    assert len(printed(page)) > 1
    assert page.locator("details[open]").count() == before


def test_colours_that_mean_something_are_printed(opened: Opener, printed) -> None:
    """The square that regressed is on paper what it is on the screen, also where backgrounds are not printed."""
    image = printed(opened("demo").page, format="A4", print_background=False)[0].render(scale=1).to_pil().convert("RGB")
    reds = sum(1 for red, green, blue in image.get_flattened_data() if red > 120 and green < 90 and blue < 60)
    assert reds > 2000

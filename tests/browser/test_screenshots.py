"""Pictures of the main views, into out/screenshots, to be looked at by whoever changes how the report looks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.looks import picture
from tests.report import build

if TYPE_CHECKING:
    import PIL.Image
    from playwright.sync_api import Browser, Page

    from tests.browser.conftest import Opener

pytestmark = pytest.mark.browser

FOLDER = Path(__file__).parents[2] / "out" / "screenshots"
HEIGHTS = {400: 850, 1280: 900, 2560: 1440}
REGRESSED = build.demo().items[0].anchor


def to(name: str) -> str:
    """The script that brings a section to the top."""
    return f"() => document.getElementById('{name}').closest('section').scrollIntoView()"


# Name -> the report, and what is done there; in order, in one page of each report.
VIEWS = {
    "top": ("demo", "() => scrollTo(0, 0)"),
    "matrix": ("demo", to("matrix")),
    "cases": ("demo", to("items")),
    "case": ("demo", f"() => {{ location.hash = '#{REGRESSED}'; }}"),
    "environment": ("demo", to("environment")),
    "top of all": ("full", "() => scrollTo(0, 0)"),
    "history": ("full", to("history")),
    "matrix of many": ("many", to("matrix")),
    "search": ("many", "() => { location.hash = '#find?q=softmax'; }"),
}


def save(image: PIL.Image.Image, name: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    image.save(FOLDER / f"{name.replace(' ', '-')}.png")


def is_blank(image: PIL.Image.Image) -> bool:
    """Whether nearly all of it is one colour."""
    return max(number for number, _ in image.getcolors(image.width * image.height)) > 0.995 * image.width * image.height


def settled(page: Page) -> None:
    """Two frames: what was scrolled to is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", HEIGHTS)
def test_of_the_screen(opened: Opener, width: int, scheme: str) -> None:
    shown: dict[str, Page] = {}
    for view, (report, script) in VIEWS.items():
        if report not in shown:
            shown[report] = opened(report, width=width, color_scheme=scheme).page
            shown[report].set_viewport_size({"width": width, "height": HEIGHTS[width]})
        page = shown[report]
        page.evaluate(script)
        settled(page)
        image = picture(page)
        save(image, f"{view} {width} {scheme}")
        assert image.size == (width, HEIGHTS[width])
        assert not is_blank(image), view


@pytest.mark.parametrize("report", ["demo", "full"])
def test_of_the_paper(opened: Opener, report: str) -> None:
    pdfium = pytest.importorskip("pypdfium2", reason="the package pypdfium2 is not installed")
    document = pdfium.PdfDocument(opened(report).page.pdf(format="A4"))
    for number, page in enumerate(document, 1):
        image = page.render(scale=1.5).to_pil().convert("RGB")
        save(image, f"print {report} {number}")
        assert image.size == pytest.approx((893, 1263), abs=2)  # 210 by 297 mm at 108 dots an inch
        assert not is_blank(image), number
    document.close()


def test_of_the_readme(browser: Browser, reports: Path, tmp_path: Path) -> None:
    """As the Makefile makes it: the top and the matrix."""
    import PIL.Image

    file = tmp_path / "docs" / "report.png"
    command = [sys.executable, "-m", "tests.picture", str(reports / "demo.html"), str(file)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    with PIL.Image.open(file) as image:
        assert image.width == 2 * 1280
        assert 1_500 < image.height < 2 * 2_400
        assert not is_blank(image.convert("RGB"))
    command[3] = str(tmp_path / "none.html")
    done = subprocess.run(command, check=False, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"picture: there is no {command[3]}: make demo writes it\n"


@pytest.mark.parametrize("sight", ["deuteranopia", "protanopia", "tritanopia", "achromatopsia"])
def test_as_other_eyes_see_it(opened: Opener, sight: str) -> None:
    page = opened("statuses").page
    page.context.new_cdp_session(page).send("Emulation.setEmulatedVisionDeficiency", {"type": sight})
    page.evaluate(to("matrix"))
    settled(page)
    image = picture(page)
    save(image, f"statuses {sight}")
    assert not is_blank(image)

"""Makes the README's picture from a report: ``python -m tests.picture REPORT.html PICTURE.png``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.browser import looks
from tests.chromium import CHROMIUM, NO_CHROMIUM, started

_WIDTH = 1280  # px
_MOST = 2400  # px of height: beyond it a picture is a scroll
_COLOURS = 64  # a report has few: a third of the bytes
_END = """() => {
  const matrix = document.getElementById("matrix").closest("section").getBoundingClientRect();
  return matrix.bottom + scrollY + 24;
}"""


def main(report: Path, picture: Path) -> None:
    """Photograph the report from its top to the end of the matrix, as a reader sees it first."""
    if CHROMIUM is None or not report.is_file():
        sys.exit(f"picture: {NO_CHROMIUM if CHROMIUM is None else f'there is no {report}: make demo writes it'}")
    with started() as chromium:
        context = chromium.new_context(
            offline=True, viewport={"width": _WIDTH, "height": 1000}, device_scale_factor=2, color_scheme="light"
        )
        page = context.new_page()
        page.goto(report.resolve().as_uri())
        height = min(page.evaluate(_END), _MOST)
        picture.parent.mkdir(parents=True, exist_ok=True)
        image = looks.picture(page, full_page=True, clip={"x": 0, "y": 0, "width": _WIDTH, "height": height})
    image.quantize(_COLOURS).save(picture, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m tests.picture REPORT.html PICTURE.png")
    main(Path(sys.argv[1]), Path(sys.argv[2]))

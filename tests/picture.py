"""Makes the README's picture from a report: ``python tests/picture.py REPORT.html PICTURE.png``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

# A headless browser that asks nobody for anything.
QUIET = ("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync")


def main(report: Path, picture: Path) -> None:
    """Photograph the top of the report, as a reader sees it first."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None or not report.is_file():
        sys.exit(f"picture: needs Chromium on the PATH and {report} (make demo writes it)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=list(QUIET))
        page = chromium.new_context(offline=True, viewport={"width": 1180, "height": 1240}).new_page()
        page.goto(report.resolve().as_uri())
        picture.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=picture)
        chromium.close()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: picture.py REPORT.html PICTURE.png")
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""What axe-core finds in reports: each of them, shut and open, light and dark, on a telephone and on a desk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from compat.report.formats.html import render_html
from tests.browser.audit import violations
from tests.browser.reports import REPORTS
from tests.chromium import CHROMIUM, NO_CHROMIUM, started

from .conftest import Record

_OPEN = """(open) => document.querySelectorAll("body *").forEach((one) => {
  if (one.matches("details")) one.open = open;
  if (getComputedStyle(one).contentVisibility === "auto") one.style.contentVisibility = "visible"; // out of sight, too
})"""


@pytest.mark.browser
@pytest.mark.figures("report.axe_serious")
def test_axe(tmp_path: Path, record: Record, note: Callable[[str], None]) -> None:
    pytest.importorskip("axe_playwright_python", reason="the package axe-playwright-python is not installed")
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    found: Counter[tuple[str, bool]] = Counter()
    looks = 0
    with started() as browser:
        page = browser.new_context(offline=True).new_page()
        for name, make in REPORTS.items():
            file = tmp_path / f"{name}.html"
            file.write_text(render_html(make()), encoding="utf-8")
            page.goto(file.as_uri())
            for width in (400, 1280):
                page.set_viewport_size({"width": width, "height": 900})
                for scheme in ("light", "dark"):
                    page.emulate_media(color_scheme=scheme)
                    for open_ in (False, True):
                        page.evaluate(_OPEN, open_)
                        found.update((one.rule, one.serious) for one in violations(page))
                        looks += 1
    record("report.axe_serious", sum(number for (_, serious), number in found.items() if serious))
    rules = ", ".join(f"{rule} {number}" for (rule, _), number in sorted(found.items())) or "nothing"
    note(f"axe-core in {looks} looks at {len(REPORTS)} reports: {rules}")

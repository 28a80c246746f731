"""The report of ten thousand cells, and of a hundred: written in how long, how large, and how soon a browser has it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chromium import CHROMIUM, NO_CHROMIUM, started

from .conftest import Record

CELLS, FEW = 10_000, 100
_LOADS = 5
_SEARCHES = ("softmax", "torch-2.14 regress", "13.7", "s", "batch-32 580.95.05", "nothing has this", "decoder", "")

# What is timed is what follows judging: the view of the verdict and the text of the report. A process of its own has
# nothing of pytest's in memory.
CODE = """
import json, resource, sys, time
from pathlib import Path
from compat.report.formats.html import render_html
from compat.report.view import view
from tests.report.large import Large

parts = Large(int(sys.argv[1])).parts()
begin = time.perf_counter()
made = view(*parts)
middle = time.perf_counter()
text = render_html(made)
end = time.perf_counter()
Path(sys.argv[2]).write_text(text, encoding="utf-8")
mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": end - begin, "view": middle - begin, "mib": mib}))
"""

# From the key press until the browser has drawn what came of it.
SEARCH = """async (words) => {
  const search = document.querySelector("input[type=search]");
  const drawn = () => new Promise((then) => requestAnimationFrame(() => setTimeout(then)));
  const took = [];
  for (const word of words) {
    await drawn();
    const begin = performance.now();
    search.value = word;
    search.dispatchEvent(new Event("input", { bubbles: true }));
    await drawn();
    took.push(performance.now() - begin);
  }
  return took;
}"""


def _written(cells: int, file: Path) -> dict[str, float]:
    words = [sys.executable, "-c", CODE, str(cells), str(file)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


@pytest.mark.figures("report.render_s_10k", "report.html_mib_10k", "report.html_kib_100")
def test_writing(tmp_path: Path, record: Record, note: Callable[[str], None]) -> None:
    large, small = tmp_path / "large.html", tmp_path / "small.html"
    found = _written(CELLS, large)
    _written(FEW, small)
    record("report.render_s_10k", found["seconds"])
    record("report.html_mib_10k", large.stat().st_size / 2**20)
    record("report.html_kib_100", small.stat().st_size / 2**10)
    note(
        f"{CELLS:,} cells: the view in {found['view']:.1f} s of {found['seconds']:.1f}, {found['mib']:.0f} MiB at most"
    )


@pytest.mark.browser
@pytest.mark.figures("report.dcl_s_10k", "report.search_ms_10k")
def test_reading(tmp_path: Path, record: Record, note: Callable[[str], None]) -> None:
    pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    file = tmp_path / "large.html"
    _written(CELLS, file)
    loads, searches = [], []
    with started() as browser:
        for _ in range(_LOADS):
            page = browser.new_context(offline=True, viewport={"width": 1280, "height": 900}).new_page()
            page.goto(file.as_uri())
            loads.append(page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"))
            page.wait_for_timeout(1000)
            searches += page.evaluate(SEARCH, list(_SEARCHES))
            page.context.close()
    record("report.dcl_s_10k", sorted(loads)[_LOADS // 2] / 1000)
    record("report.search_ms_10k", max(searches))
    note(
        f"{CELLS:,} cells in Chromium: DOMContentLoaded {', '.join(f'{one:.0f}' for one in loads)} ms; searches "
        f"{min(searches):.0f} to {max(searches):.0f} ms"
    )

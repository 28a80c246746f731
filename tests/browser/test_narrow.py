"""From a telephone to a wall: nothing scrolls sideways, no text is cut, and a finger hits what it aims at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.reports import REPORTS

if TYPE_CHECKING:
    from tests.browser.conftest import Opener

pytestmark = pytest.mark.browser

WIDTHS = (400, 1280, 2560)
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Each text that is to be seen, with its lines' boxes.
_TEXTS = """function* texts(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode, parent = text.parentElement;
    if (!text.data.trim() || !parent.checkVisibility()) continue;
    if (parent.closest("svg, script, style, .hidden, .skip")) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    yield [text.data.trim().slice(0, 60), parent, [...range.getClientRects()]];
  }
}
// A line that ends in an ellipsis says that there is more.
const ends = (style) => style.webkitLineClamp !== "none" || style.textOverflow === "ellipsis";
const flow = (style) => style.overflowX + style.overflowY;
"""
# Texts that reach beyond the screen, or beyond a box that cuts them and cannot be scrolled.
_CUT = f"""() => {{ {_TEXTS}
  const cut = new Set();
  const around = function* (one) {{ for (; one && one !== document.body; one = one.parentElement) yield one; }};
  for (const [words, parent, lines] of texts(document.body)) for (const line of lines) {{
    let free = true;
    for (const one of around(parent)) {{
      const style = getComputedStyle(one), box = one.getBoundingClientRect();
      if (ends(style) || /auto|scroll/.test(flow(style))) {{ free = false; break; }}
      if (!/hidden|clip/.test(flow(style))) continue;
      if (line.right > box.right + 1 || line.left < box.left - 1 || line.bottom > box.bottom + 1) cut.add(words);
    }}
    if (free && (line.right > innerWidth + 1 || line.left < -1)) cut.add(words);
  }}
  return [...cut];
}}"""
# Texts that lie over others.
_OVER = f"""() => {{ {_TEXTS}
  const boxes = [], over = [];
  for (const [words, parent, lines] of texts(document.querySelector("main"))) {{
    let end = parent; // what comes after an ellipsis is not drawn
    while (end && !ends(getComputedStyle(end))) end = end.parentElement;
    const drawn = end ? end.getBoundingClientRect() : {{right: Infinity, bottom: Infinity}};
    const holder = parent.closest("[role='region'], pre"); // what is scrolled out of it is not drawn either
    for (const {{left, right, top, bottom}} of lines) {{
      const box = {{left, right: Math.min(right, drawn.right), top, bottom}};
      if (box.right - box.left > 2 && bottom <= drawn.bottom + 1) boxes.push({{box, words, parent, holder}});
    }}
  }}
  boxes.sort((a, b) => a.box.top - b.box.top);
  boxes.forEach((a, at) => {{
    for (const b of boxes.slice(at + 1)) {{
      if (b.box.top > a.box.bottom - 4) break;
      if (a.parent === b.parent || a.holder !== b.holder) continue;
      const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      if (wide > 3) over.push(`${{a.words}} | ${{b.words}}`);
    }}
  }});
  return over;
}}"""


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_never_scrolls_sideways_and_no_text_is_cut_or_covered(opened: Opener, name: str) -> None:
    shown = opened(name)
    shown.lay_out()
    for unfold in (False, True):
        if unfold:
            shown.unfold()
        for width in WIDTHS:
            shown.page.set_viewport_size({"width": width, "height": 900})
            assert shown.page.evaluate(_OVERFLOW) <= 0, width
            assert shown.page.evaluate(_CUT) == [], width
            assert shown.page.evaluate(_OVER) == [], width


def test_at_twice_the_size_of_text_nothing_is_cut(opened: Opener) -> None:
    """WCAG 2, 1.4.4: as in a window of 640 px whose text is twice as large."""
    shown = opened("full", width=640)
    shown.page.evaluate("document.documentElement.style.fontSize = '200%'")
    shown.unfold()
    assert shown.page.evaluate(_OVERFLOW) <= 0
    assert shown.page.evaluate(_CUT) == []


def test_what_a_finger_aims_at_is_large_enough(opened: Opener) -> None:
    """24 px at least (WCAG 2.2, 2.5.8), but for links within a sentence."""
    page = opened("full", width=400, has_touch=True, is_mobile=True).page
    small = page.evaluate(
        """() => [...document.querySelectorAll("a, button, summary, input, select")]
          .filter((one) => one.checkVisibility() && !one.matches(".skip, p a, li a"))
          .map((one) => [one.getBoundingClientRect(), one])
          .filter(([box]) => box.width < 24 || box.height < 24)
          .map(([box, one]) => `${one.outerHTML.slice(0, 80)} ${box.width} x ${box.height}`)"""
    )
    assert small == []


def test_a_wide_screen_is_used(opened: Opener) -> None:
    for width, share in ((1280, 0.9), (2560, 0.6)):
        page = opened("demo", width=width).page
        box = page.locator("main").bounding_box()
        assert box["width"] >= share * width

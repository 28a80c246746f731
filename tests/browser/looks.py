"""What a page looks like, as numbers: how its texts stand out, and which colours it has."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import PIL.Image
    from playwright.sync_api import Page

__all__ = ["FAINT", "FAINT_LINES", "apart", "picture"]

_COLOURS = """
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (color) => [...color].slice(0, 3).map((v) => linear(v / 255))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color[3] === 255) return color;
    }
    return rgba("Canvas");
  };
  const contrast = (one, other) => {
    const [a, b] = [light(one), light(other)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
"""
# Every text that is to be seen and has less than 4.5 to 1 with what lies behind it (WCAG 2, 1.4.3).
FAINT = f"""() => {{ {_COLOURS}
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {{
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || element.closest("svg, script, style, .hidden") || !element.checkVisibility()) continue;
    const ratio = contrast(rgba(getComputedStyle(element).color), behind(element));
    if (!(ratio >= 4.5)) faint.push(`${{element.className || element.tagName}}: ${{ratio.toFixed(2)}}`);
  }}
  return faint;
}}"""
# Every line and dot of a drawing that carries a meaning and has less than 3 to 1 (WCAG 2, 1.4.11).
FAINT_LINES = f"""() => {{ {_COLOURS}
  const faint = new Set();
  for (const line of document.querySelectorAll("svg path, svg circle, svg polyline")) {{
    const style = getComputedStyle(line);
    if (!line.checkVisibility() || line.matches(".rule, [aria-hidden]")) continue;
    const drawn = style.stroke !== "none" ? style.stroke : style.fill;
    const ratio = drawn === "none" ? 21 : contrast(rgba(drawn), behind(line.closest("svg")));
    if (!(ratio >= 3)) faint.add(`${{line.getAttribute("class")}}: ${{ratio.toFixed(2)}}`);
  }}
  return [...faint];
}}"""


def picture(page: Page, **options: object) -> PIL.Image.Image:
    """A photograph of the page, in RGB."""
    import PIL.Image

    return PIL.Image.open(io.BytesIO(page.screenshot(**options))).convert("RGB")


def apart(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """How far two colours are from each other for the eye: CIE 1976 delta E, of which 2.3 can just be told.

    https://en.wikipedia.org/wiki/Color_difference#CIE76
    """
    return sum((a - b) ** 2 for a, b in zip(_lab(one), _lab(other), strict=True)) ** 0.5


def _lab(color: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in color))
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    a, b, c = (t ** (1 / 3) if t > 216 / 24389 else t * 841 / 108 + 4 / 29 for t in (x, y, z))
    return 116 * b - 16, 500 * (a - b), 200 * (b - c)

"""The HTML report: one file that needs no network and no script, from the templates in ``reports/``.

Everything is escaped by the template engine; the style sheet and the script are ours, and the content security policy
allows these two, by their digests, and nothing else. The file is bounded: the pages of the worst cases stand in it as
they are, those of the others are packed, as many as there is room for, and the figures of each case in its line.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from compat.paths import content_folder
from compat.report.facets import facets_json
from compat.report.formats import Format
from compat.report.packing import pack
from compat.report.spreads import QUANTILES
from compat.report.statuses import GLYPHS, TONES, WORDS
from compat.report.strokes import LEFT, RIGHT
from compat.report.text import clip, count, when
from compat.report.view import View

if TYPE_CHECKING:
    from jinja2 import Environment

    from compat.report.parts import ItemView

__all__ = ["FORMAT", "MOST_BYTES", "render_html"]

MOST_BYTES = 6_000_000  # of the whole: what opens at once, and can be mailed
_OPEN_BYTES = 220 << 10  # of the pages that stand in it as they are
_REASONS = 300  # that are listed; every one of a case is with the case, too
_SAID, _LITTLE = 240, 100  # characters of a reason in a line
_FIGURES = 1_000  # lines that have figures where not all pages fit
_PACKED = 30_000  # pages that are made: no more fit, however small they are
_ROWS = 1_000  # of a table of what surrounds the cases
_SENTENCE_BYTES = 4 << 10  # of what is said beside packs, and of their markup
_PACKS = "<!-- packs -->"


def render_html(view: View) -> str:
    """Write the report of ``view`` as one HTML document. The same view gives the same text."""
    from markupsafe import Markup

    environment = _environment()
    style, script = (_own(name) for name in ("report.css", "report.js"))
    page_of = environment.get_template("parts/case.html.j2").module.page_of  # type: ignore[attr-defined]
    opened = _opened(view.items, page_of)
    render = functools.partial(
        environment.get_template("report.html.j2").render,
        view=view,
        policy=f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'",
        # Our own files, marked as such; whatever else reaches the template is escaped.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        pages=[*opened, *[""] * (len(view.items) - len(opened))],
        most_reasons=_REASONS,
        facets=Markup(facets_json(view.items)),  # noqa: S704 - it has no character that HTML gives a meaning
    )
    pages = [page_of(item) for item in view.items[len(opened) :][:_PACKED]]
    for figures, said in ((len(view.items), _SAID), (_FIGURES, _SAID), (0, _LITTLE)):
        text = render(figures=figures, said=said)
        room = MOST_BYTES - len(text.encode()) - _SENTENCE_BYTES
        packs = pack(pages, len(opened), room)
        left = len(view.items) - len(opened) - sum(one.count for one in packs)
        if room >= 0 and (left == 0 or figures <= _FIGURES):
            break  # a page says more than a line of figures; but lines there are, whatever becomes of pages
    packed = environment.get_template("parts/packs.html.j2").render(packs=packs, left=left)
    return text.replace(_PACKS, packed, 1)  # the first such comment is ours: in text it would be escaped


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(content_folder("reports")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(
        glyphs=GLYPHS,
        tones=TONES,
        words=WORDS,
        clip=clip,
        most_rows=_ROWS,
        count=count,
        when=when,
        left=LEFT,
        right=RIGHT,
        quantiles=QUANTILES,
    )
    return environment


def _own(name: str) -> str:
    return (content_folder("reports") / name).read_text(encoding="utf-8")


def _opened(items: Sequence[ItemView], page_of: Callable[[ItemView], str]) -> list[str]:
    """The pages of the first items, as many as may stand in the report as they are."""
    pages: list[str] = []
    room = _OPEN_BYTES
    for item in items:
        page = page_of(item)
        room -= len(page.encode())
        if room < 0:
            break
        pages.append(page)
    return pages


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


FORMAT = Format("html", ".html", "one page that needs no network, for people", render_html, default=True)

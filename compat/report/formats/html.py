"""The HTML report: one file that needs no network and no script, from the templates in ``reports/``.

Everything is escaped by the template engine; the style sheet and the script are ours, and the content security policy
allows these two, by their digests, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib

from compat.paths import content_folder
from compat.report.formats import Format
from compat.report.plots import LEFT, RIGHT
from compat.report.statuses import GLYPHS, TONES, WORDS
from compat.report.text import count
from compat.report.view import View

__all__ = ["FORMAT", "render_html"]


def render_html(view: View) -> str:
    """Write the report of ``view`` as one HTML document. The same view gives the same text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    folder = content_folder("reports")
    style = (folder / "report.css").read_text(encoding="utf-8")
    script = (folder / "report.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("report.html.j2").render(
        view=view,
        policy=f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'",
        # Our own files, marked as such; whatever else reaches the template is escaped.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        glyphs=GLYPHS,
        tones=TONES,
        words=WORDS,
        count=count,
        left=LEFT,
        right=RIGHT,
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


FORMAT = Format("html", ".html", render_html)

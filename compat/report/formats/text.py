"""The report as plain text: what a terminal shows, as it is when piped."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from compat.report.formats import Format

if TYPE_CHECKING:
    from compat.report.view import View

__all__ = ["FORMAT"]


def _render(view: View) -> str:
    from rich.console import Console

    from compat.report.terminal import print_verdict

    page = io.StringIO()
    print_verdict(view, Console(file=page, force_terminal=False, color_system=None))
    return page.getvalue()


FORMAT = Format("text", ".txt", "what a terminal shows", _render, default=True)

"""The Markdown report for a comment of a pull request: shorter, for GitHub takes at most 65,536 characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.report.formats import Format
from compat.report.formats.markdown import render_markdown

if TYPE_CHECKING:
    from compat.report.view import View

__all__ = ["FORMAT"]

_CHARACTERS = 65_536  # of a comment's body; as bytes they are no more than so many characters


def _render(view: View) -> str:
    return render_markdown(view, _CHARACTERS)


FORMAT = Format(
    "comment", ".comment.md", "Markdown in at most 65,536 characters, for a pull request's comment", _render
)

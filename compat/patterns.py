"""How cases are selected by name: ``*`` and ``?`` are wild, everything else is itself, brackets too."""

from __future__ import annotations

import re

__all__ = ["name_pattern"]


def name_pattern(text: str) -> re.Pattern[str]:
    """A pattern whose ``fullmatch`` says whether a case's name is one that ``text`` means."""
    return re.compile("".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in text), re.DOTALL)

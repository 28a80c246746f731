"""Words for errors: where in a file, and what was probably meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["label_of", "some", "suggest"]

_SHOWN = 12


def label_of(path: Sequence[str | int]) -> str:
    """A place in a file as people write it: ``workloads[0].policy``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def suggest(word: str, known: Collection[str]) -> str:
    """A remedy for an unknown word: the known one that is close to it, or all there are (at most a line of them)."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"expected {some(names)}"


def some(names: Sequence[str]) -> str:
    """Names as a list in a sentence, at most a line of them."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"

"""Words for errors: where in a file, and what was probably meant."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["label_of", "number", "some", "suggest"]

_SHOWN = 12
_EXACT = 10**15
_LONGEST, _MOST = 80, 2000  # characters of a word, and words, that are compared: it grows with the square


def label_of(path: Sequence[str | int]) -> str:
    """A place in a file as people write it: ``workloads[0].policy``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def number(count: int) -> str:
    """A number of points, to the last digit as long as anybody reads them: products of axes have thousands."""
    return str(count) if count < _EXACT else f"about 10^{math.floor((count.bit_length() - 1) * math.log10(2))}"


def suggest(word: str, known: Collection[str]) -> str:
    """A remedy for an unknown word: the known one that is close to it, or all there are (at most a line of them)."""
    names = sorted(known)
    close = difflib.get_close_matches(word[:_LONGEST], [name for name in names if len(name) <= _LONGEST][:_MOST], n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"expected {some(names)}"


def some(names: Sequence[str]) -> str:
    """Names as a list in a sentence, at most a line of them."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"

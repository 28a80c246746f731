"""What does not fit into a report as it is: the pages of cases, compressed, for a script to unpack when one is opened.

A report of ten thousand cases would be ten times what a browser opens at once. A page is markup that its neighbours
have, too: deflated together they are a tenth.
"""

from __future__ import annotations

import base64
import itertools
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["SEPARATOR", "Pack", "pack"]

SEPARATOR = "\x1e"  # between pages; no text of a report has one, for control characters are made visible
_MARKUP = 80  # bytes around one
_TOGETHER = 100  # pages of a pack: one that is opened unpacks so many


@dataclass(frozen=True)
class Pack:
    """Pages of cases that follow each other, from ``first`` on, deflated (RFC 1951) and in base64."""

    first: int
    count: int
    data: str


def pack(pages: Iterable[str], first: int, room: int) -> list[Pack]:
    """Pack as many of ``pages``, the first of which is of case ``first``, as ``room`` bytes hold; no more are made."""
    packs: list[Pack] = []
    source = iter(pages)
    while together := list(itertools.islice(source, _TOGETHER)):
        made = Pack(first, len(together), _deflated(SEPARATOR.join(together)))
        room -= len(made.data) + _MARKUP
        if room < 0:
            break
        packs.append(made)
        first += made.count
    return packs


def _deflated(text: str) -> str:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return base64.b64encode(squeeze.compress(text.encode()) + squeeze.flush()).decode()

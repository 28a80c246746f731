"""A report as a script would have it: with the pages that are packed."""

from __future__ import annotations

import base64
import re
import zlib

__all__ = ["unpacked"]


def unpacked(text: str) -> str:
    """The pages that the HTML report ``text`` has packed, one after the other."""
    packs = re.findall(r'<script type="text/plain" class="pack" data-first="\d+">([A-Za-z0-9+/=]+)</script>', text)
    return "".join(zlib.decompress(base64.b64decode(data), -zlib.MAX_WBITS).decode() for data in packs)

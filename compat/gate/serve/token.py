"""Who may ask: the tokens of a file or a variable, and whether a request has one of them.

A token comes as ``Authorization: Bearer TOKEN``; or as the password of ``Authorization: Basic``, of any user, which is
how a client sends it that is configured by an URL alone (Flagger: its webhooks have no headers, and Go's client makes
that header from ``http://compat:TOKEN@host/``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from pathlib import Path

from compat.errors import UsageError

__all__ = ["Tokens", "read_tokens"]

_FEWEST, _MOST = 16, 512  # characters of a token
_LARGEST = 65_536  # bytes of a file of tokens
_REMEDY = "write one of 16 characters or more a line, such as: openssl rand -hex 32"


class Tokens:
    """The tokens that are accepted. How long a comparison takes says nothing about them."""

    def __init__(self, words: Sequence[str]) -> None:
        self._digests = tuple(hashlib.sha256(word.encode()).digest() for word in words)

    def accept(self, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        """Whether the request has one of them; several headers of that name are none."""
        given = [value for name, value in headers if name == b"authorization"]
        word = _word(given[0]) if len(given) == 1 else b""
        found = hashlib.sha256(word).digest()
        accepted = [hmac.compare_digest(found, one) for one in self._digests]  # each of them, whichever it is
        return any(accepted) and word != b""


def _word(header: bytes) -> bytes:
    scheme, _, rest = header.partition(b" ")
    if scheme.lower() == b"bearer":
        return rest.strip()
    if scheme.lower() != b"basic":
        return b""
    try:
        return base64.b64decode(rest.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def read_tokens(place: str) -> Tokens:
    """The tokens in a file, one a line, or in a variable (``env:NAME``). UsageError where there is none, or a weak one.

    Several are there while one takes another's place.
    """
    if place.startswith("env:"):
        name = place.removeprefix("env:")
        text = os.environ.get(name, "")
        where = f"variable {name}"
    else:
        where = place
        try:
            with Path(place).open(encoding="utf-8") as file:
                text = file.read(_LARGEST)
        except (OSError, UnicodeDecodeError) as problem:
            what = getattr(problem, "strerror", None) or "it is not text in UTF-8"
            raise UsageError(where, f"cannot be read: {what}", _REMEDY) from problem
    words = [line.strip() for line in text.splitlines() if line.strip()]
    if not words:
        raise UsageError(where, "has no token", _REMEDY)
    for number, word in enumerate(words, 1):  # a token is named by its line: it is in no message
        if not _FEWEST <= len(word) <= _MOST:
            raise UsageError(where, f"token {number} has {len(word)} characters", _REMEDY)
        if not word.isascii() or not word.isprintable() or " " in word:
            raise UsageError(where, f"token {number} has characters that a header cannot have", _REMEDY)
    return Tokens(words)

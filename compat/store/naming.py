"""What documents are called: by what they hold, so that a changed byte is found.

A plan, an identity or a blob has its digest as its name; what is written in a series has a number and the beginning of
its digest. A node and an entry of a log have neither, since there is to be one of them: beside each of these lies a
*sum*, an empty object that has the digest in its name. It is written first, so there is none without.
"""

from __future__ import annotations

from compat.model import digest

__all__ = ["SHORT", "blob_name", "is_named", "number_of", "stem", "sum_name"]

SHORT = 16  # hex digits of a digest in the name of what has a number too


def blob_name(name: str) -> str:
    """Where the bytes of that sha256 are."""
    return f"blobs/sha256/{name[:2]}/{name}"


def sum_name(name: str, own: str) -> str:
    """Where it is said that the document ``name`` has the digest ``own``."""
    return f"sums/{name}/{own}"


def stem(name: str) -> str:
    """The last part of a name, without ``.json``."""
    return name.rpartition("/")[2].removesuffix(".json")


def is_named(name: str, data: bytes) -> bool:
    """Whether a document's file has its digest as its name, or a number and the beginning of its digest."""
    own = digest(data)
    number, dash, short = stem(name).partition("-")
    return number == own if not dash else number.isdecimal() and short == own[:SHORT]


def number_of(name: str) -> int:
    """The number of a document in a series; -1 for what has none."""
    number = stem(name).partition("-")[0]
    return int(number) if number.isascii() and number.isdecimal() else -1

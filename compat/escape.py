"""Untrusted text made harmless: for a terminal or a log, and as Markdown.

What a runtime printed, or a matrix file named, is text and nothing else wherever it is shown: no escape sequence steers
a terminal, no bidirectional mark turns a line around, no lone surrogate breaks the encoding, nothing is a link, names
somebody, refers to an issue or becomes a picture.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clean", "clip", "escape", "escape_entry"]

_KEPT = frozenset("\n\t\u200c\u200d")  # format characters that scripts and emoji need
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LONGEST = 2_000  # characters of one text in Markdown
_ESCAPES = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_{}[]#|~$"}
    | {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "@": "@<!-- -->",  # no mention
        "\n": " ",
        "\t": " ",
    }
)
# What GitHub and GitLab look for in the text that is left, where an escape no longer counts ("Autolinked references and
# URLs" of docs.github.com, "GitLab-specific references" in GitLab's doc/user/markdown.md; read 2026-11). A commit's
# number stays whole, for digests look like it: it leads to a commit that the repository has, or nowhere.
_JOINED = re.compile(
    r"""(?ix)
    \b(?:https?|ftp|mailto|xmpp|www)(?=[:.])   # a link
    | (?:[\#!$]|&amp;|\bGH-)(?=\d)            # an issue, a merge request, a snippet, an epic
    | [%~](?=[\w"])                           # a milestone, a label
    | [\[*](?=[\w\\]+:)                       # [vulnerability:1], *iteration:1
    | :(?=[\w+\-\\]+:)(?!\d\d?:)              # an emoji; the minutes of 08:41:07 are none
    """
)
_LEAD = re.compile(r"[-+=]|\d+(?=[.)])")


def clean(text: str) -> str:
    r"""``text`` with control, format and surrogate characters made visible (``\x1b``); newline and tab stay."""
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n")
    return "".join(
        char.encode("unicode_escape", "backslashreplace").decode("ascii")
        if unicodedata.category(char) in _UNSAFE and char not in _KEPT
        else char
        for char in text
    )


def clip(text: str, limit: int) -> str:
    """At most ``limit`` characters of ``text``; what is left out is said."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"


def escape(text: str) -> str:
    """``text`` as Markdown that renders as that text, on one line: within a sentence, or as the cell of a table."""
    plain = clip(text, _LONGEST).translate(_ESCAPES).strip()
    return _JOINED.sub(r"\g<0><!-- -->", plain)


def escape_entry(text: str) -> str:
    """``text`` as an entry of a list: nothing at its beginning starts another list, or underlines a heading."""
    plain = escape(text)
    lead = _LEAD.match(plain)
    if lead is None:
        return plain
    return f"\\{plain}" if lead[0] in "-+=" else f"{lead[0]}\\{plain[lead.end() :]}"

"""A hostile text in one field of one noun: of everything that a runtime, a matrix or a node may have named.

A place is a field that holds text, ``Fault.detail``; of a table ``Identity.distributions.key`` and ``.value``; of what
is a row of its own ``Comparison.versions[0]``. ``full`` has text in every place, so that ``spoilt`` reaches each.
"""

from __future__ import annotations

import dataclasses
import enum
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from compat.model import Identity
from tests.report.full import Given, full
from tests.report.walk import walked

__all__ = ["PAYLOADS", "PLACES", "TEXT", "Given", "all_spoilt", "filled", "full", "spoilt"]

_RUN = "document.title='ran'"
# Each would do something where it is not taken as text. What runs says so in the title, or asks for a page.
PAYLOADS = {
    "script": f"<script>{_RUN}</script>",
    "element": "<b class=made-of-text>bold</b><iframe src=https://evil.example></iframe>",
    "handler": f'<img src=x onerror="{_RUN}">',
    "attribute": f'" onfocus="{_RUN}" autofocus \' onmouseover=\'{_RUN}\' x="',
    "end of a script": f"</script><!--<script>--><script>{_RUN}//]]></script>",
    "end of a style": "</style><style>body{display:none}@import 'https://evil.example/a.css';",
    "style": '" style="position:fixed;inset:0;background:url(https://evil.example/b)" x="',
    "address": "javascript:document.title='ran' data:text/html,<script>alert(1)</script>",
    "link": f'<a href="javascript:{_RUN}">link</a> [link](javascript:alert(1)) <https://evil.example>',
    "policy": '<meta http-equiv="refresh" content="0;url=https://evil.example"><base href="https://evil.example">',
    "drawing": f'<svg onload="{_RUN}"><script>{_RUN}</script><use href="#x"/></svg></title></svg>',
    "template": "{{7*7}} {% x %} {# y #} ${7*7} #{7*7} <%= 7*7 %>",
    "entity": "&lt;b&gt; &amp; &#60;script&#62;",
    "markdown": "`tick` **bold** | ~~~ @someone\n\n# heading\n- list",
    "markup": "[bold red]markup[/] [link=https://evil.example]x[/link]",
    "control": "\x1b[31mred\x1b]8;;https://evil.example\x07 \x00 \x08 \x7f \x9b1m",
    "direction": "\u202etxt.exe\u202c \u2066x\u2069 \u200f \u2028 \ufeff \ud800",
}
TEXT = " ".join(PAYLOADS.values())


def spoilt(given: Given, place: str, change: Callable[[str], str]) -> Given:
    """``given`` with every text in ``place`` changed, and nothing else."""
    return walked(given, "", lambda here, text: change(text) if here == place else text)


def all_spoilt(given: Given, change: Callable[[str, str], str]) -> Given:
    """``given`` with the text in every place changed to what ``change`` makes of the place and of it."""
    return walked(given, "", lambda here, text: change(here, text) if here in _EVERY else text)


def filled(given: Given) -> set[str]:
    """The places in which ``given`` has a text."""
    found: set[str] = set()
    walked(given, "", lambda here, text: found.add(here) or text)
    return found


def _places(kind: Any, place: str, seen: dict[Any, None], depth: int = 0) -> dict[str, None]:
    """The places in a type. Moments and days are looked at where a document is read: nothing else comes through."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind in (str, Any):
        return {place: None}
    if origin is Annotated or (isinstance(kind, type) and issubclass(kind, enum.Enum)):
        return {}
    if origin in (Union, types.UnionType):
        return {name: None for one in inner for name in _places(one, place, seen, depth)}
    if origin is Sequence or (origin is tuple and inner[1:] == (Ellipsis,)):
        return _places(inner[0], place, seen, depth + 1)
    if origin is tuple:
        parts = ((one, f"{place}[{number}]" if depth else place) for number, one in enumerate(inner))
        return {name: None for one, at in parts for name in _places(one, at, seen, depth + 1)}
    if origin in (dict, Mapping):
        names = {} if inner[1] is Identity else _places(inner[0], f"{place}.key", seen)
        return names | _places(inner[1], f"{place}.value", seen)
    if dataclasses.is_dataclass(kind) and kind not in seen:
        seen[kind] = None
        hints = get_type_hints(kind, include_extras=True)
        fields = [field.name for field in dataclasses.fields(kind)]
        return {name: None for field in fields for name in _places(hints[field], f"{kind.__name__}.{field}", seen)}
    return {}


PLACES = tuple(_places(Given, "", {}))
_EVERY = frozenset(PLACES)

"""A hostile text in one field of one noun: of everything that a runtime, a matrix or a node may have named.

A place is a field that holds text, ``Fault.detail``; of a table ``Identity.distributions.key`` and ``.value``; of what
is a row of its own ``Comparison.versions[0]``. ``full`` has text in every place, so that ``spoilt`` reaches each.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import operator
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from compat.model import Identity
from tests.report.full import Given, full

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
    return _walked(given, "", lambda here, text: change(text) if here == place else text)


def all_spoilt(given: Given, change: Callable[[str, str], str]) -> Given:
    """``given`` with the text in every place changed to what ``change`` makes of the place and of it."""
    return _walked(given, "", lambda here, text: change(here, text) if here in _EVERY else text)


def filled(given: Given) -> set[str]:
    """The places in which ``given`` has a text."""
    found: set[str] = set()
    _walked(given, "", lambda here, text: found.add(here) or text)
    return found


def _walked(value: Any, place: str, at: Callable[[str, str], str], depth: int = 0) -> Any:
    """``value`` with each text replaced by what ``at`` makes of its place and itself."""
    if type(value) is str:  # a member of an enumeration is a str too: nobody outside can choose another
        return at(place, value)
    if isinstance(value, tuple):
        walked = tuple(
            _walked(entry, f"{place}[{number}]" if depth else place, at, depth + 1)
            for number, entry in enumerate(value)
        )
        return walked if any(map(operator.is_not, walked, value)) else value
    if isinstance(value, Mapping):
        named = [
            (name if isinstance(entry, Identity) else _walked(name, f"{place}.key", at), entry)
            for name, entry in value.items()
        ]
        table = {name: _walked(entry, f"{place}.value", at) for name, entry in named}
        same = all(map(operator.is_, table, value)) and all(map(operator.is_, table.values(), value.values()))
        return value if same and len(table) == len(value) else table
    if dataclasses.is_dataclass(value):
        kind = type(value).__name__
        changed = {}
        for name in _names(type(value)):
            old = getattr(value, name)
            new = _walked(old, f"{kind}.{name}", at)
            if new is not old:
                changed[name] = new
        return dataclasses.replace(value, **changed) if changed else value
    return value


@functools.cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


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

"""A walk over the texts of nouns, which may change each of them."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any

from compat.model import Identity

__all__ = ["walked"]


def walked(value: Any, place: str, at: Callable[[str, str], str], depth: int = 0) -> Any:
    """``value`` with each text replaced by what ``at`` makes of its place and itself."""
    if type(value) is str:  # a member of an enumeration is a str too: nobody outside can choose another
        return at(place, value)
    if isinstance(value, tuple):
        entries = tuple(
            walked(entry, f"{place}[{number}]" if depth else place, at, depth + 1) for number, entry in enumerate(value)
        )
        return entries if any(map(operator.is_not, entries, value)) else value
    if isinstance(value, Mapping):
        named = [
            (name if isinstance(entry, Identity) else walked(name, f"{place}.key", at), entry)
            for name, entry in value.items()
        ]
        table = {name: walked(entry, f"{place}.value", at) for name, entry in named}
        same = all(map(operator.is_, table, value)) and all(map(operator.is_, table.values(), value.values()))
        return value if same and len(table) == len(value) else table
    if dataclasses.is_dataclass(value):
        kind = type(value).__name__
        changed = {}
        for name in _names(type(value)):
            old = getattr(value, name)
            new = walked(old, f"{kind}.{name}", at)
            if new is not old:
                changed[name] = new
        return dataclasses.replace(value, **changed) if changed else value
    return value


@functools.cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))

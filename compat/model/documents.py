"""Nouns as documents: plain values, one canonical text, and its digest."""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import json
from typing import Any

__all__ = [
    "canonical",
    "digest",
    "plain",
]


_PLAIN = frozenset({str, float, int, bool, type(None)})  # a ring has millions of them: asked first, by type


def plain(value: Any) -> Any:
    """A noun as what JSON has: objects, lists, strings, numbers, booleans and null."""
    kind: Any = type(value)
    if kind in _PLAIN:
        return value
    names = _fields(kind)
    if names is not None:
        there = {name: plain(getattr(value, name)) for name in names}
        for name, default in _later(kind):
            if getattr(value, name) == default:
                del there[name]
        return there
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


@functools.cache
def _fields(kind: Any) -> tuple[str, ...] | None:
    """The names of a dataclass's fields; None for another type."""
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


@functools.cache
def _later(kind: Any) -> tuple[tuple[str, Any], ...]:
    """The fields that a noun got when there were documents of it, with their defaults: left out where they are these.

    So a document that was written before keeps its digest, by which it is named. The field's metadata says ``later``.
    """
    return tuple(
        (field.name, field.default if field.default_factory is dataclasses.MISSING else field.default_factory())
        for field in dataclasses.fields(kind)
        if field.metadata.get("later")
    )


def canonical(value: Any) -> str:
    """The one JSON text of a noun: sorted keys, no spaces, no NaN (ValueError)."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: Any) -> str:
    """sha256 (64 hex digits) of bytes as they are, of text as UTF-8, of anything else as its canonical JSON."""
    if isinstance(value, str):
        value = value.encode()
    elif not isinstance(value, bytes):
        value = canonical(value).encode()
    return hashlib.sha256(value).hexdigest()

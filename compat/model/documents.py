"""Nouns as documents: plain values, one canonical text, and its digest."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
from typing import Any

__all__ = [
    "canonical",
    "digest",
    "plain",
]


def plain(value: Any) -> Any:
    """A noun as what JSON has: objects, lists, strings, numbers, booleans and null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


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

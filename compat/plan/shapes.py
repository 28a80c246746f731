"""Shapes of the values that content files declare."""

from __future__ import annotations

import math

__all__ = ["is_count", "is_json", "is_limit", "is_text_map"]


def is_count(value: object) -> bool:
    """A whole number above 0; True is none."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_limit(value: object) -> bool:
    """A finite number, 0 or more; True is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def is_text_map(value: object) -> bool:
    """A dict from text to text."""
    return isinstance(value, dict) and all(isinstance(k, str) and isinstance(v, str) for k, v in value.items())


def is_json(value: object) -> bool:
    """Only what JSON can say, and tuples, which it says as lists."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_json(item) for key, item in value.items())
    if isinstance(value, tuple | list):
        return all(map(is_json, value))
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))

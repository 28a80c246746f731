"""Words and numbers as a report prints them: untrusted text made harmless, quantities with their units.

What a runtime printed, or a matrix file named, reaches every format through ``clean``: no escape sequence steers a
terminal, no bidirectional mark turns a line around, no lone surrogate breaks the encoding. Escaping for HTML or
Markdown is the format's own business and comes on top.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import functools
import hashlib
import math
import operator
from typing import Any, TypeVar

from compat.errors import MomentError
from compat.escape import clean, clip
from compat.model.moments import moment

__all__ = [
    "MINUS",
    "NOTHING",
    "anchor",
    "clean",
    "cleaned",
    "clip",
    "count",
    "difference",
    "percent",
    "phases_in_words",
    "quantity",
    "when",
    "with_not_finite",
]

NOTHING = "\N{EN DASH}"  # what stands where there is no value
MINUS = "\N{MINUS SIGN}"  # as wide as the plus, and no formula in a spreadsheet
_TIME = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTES = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
_PHASES = ("rollback", "command", "install", "waiting", "node", "runtime", "first start", "sentinels")
# As a module that has postponed annotations names them.
_NUMBERS = {"int", "float", "bool", "int | None", "float | None"}
_PLURALS = {"instructions", "registers"}

T = TypeVar("T")


def cleaned(value: T) -> T:
    """Clean every string in a nest of dataclasses and tuples, and keep its shape."""
    return _cleaned(value)  # type: ignore[no-any-return] # the shape is kept, which types cannot say


def _cleaned(value: Any) -> Any:
    """What is clean stays the object that it is: of a large report's million values nearly all are."""
    kind: Any = type(value)
    if kind is str:  # an enumeration's member is a str too, and stays what it is
        return clean(value)
    if kind is tuple:
        items = [_cleaned(item) for item in value]
        return value if all(map(operator.is_, items, value)) else tuple(items)
    changed = {}
    for name in _fields(kind):
        old = getattr(value, name)
        new = _cleaned(old)
        if new is not old:
            changed[name] = new
    return dataclasses.replace(value, **changed) if changed else value


@functools.cache
def _fields(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass that may hold text; none of what is no dataclass."""
    if not dataclasses.is_dataclass(kind):
        return ()
    return tuple(field.name for field in dataclasses.fields(kind) if field.type not in _NUMBERS)


def anchor(prefix: str, key: str) -> str:
    """Make a name for a link: stable, unique per key (50 bits of its digest), short, of letters, digits and ``-``."""
    short = base64.b32encode(hashlib.sha256(key.encode("utf-8", "backslashreplace")).digest()[:7])[:10]
    return f"{prefix}-{short.decode().lower()}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun: ``1 reason``, ``3 reasons``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def phases_in_words(phases: dict[str, float]) -> str:
    """``command 12.1 s, first start 0.9 s``: in the order in which they are gone through, which no document keeps."""
    known = [name for name in _PHASES if name in phases]
    rest = [name for name in phases if name not in known]
    return ", ".join(f"{name} {phases[name]:.1f} s" for name in (*known, *rest))


def when(text: str) -> str:
    """A moment for people, ``2026-11-29 18:55 UTC``; what is none stays as it is."""
    try:
        return f"{moment(text).astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC"
    except MomentError:
        return text


def quantity(value: float | str | None, unit: str) -> str:
    """Write a value with its unit, four digits: seconds and bytes are scaled; what is not finite says so."""
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        return f"{value} (not finite)"
    scales = _TIME if unit == "s" else _BYTES if unit == "B" else ()
    for factor, name in scales:
        if abs(value) >= factor:
            return f"{_digits(value / factor)} {name}"
    if unit in _PLURALS and value == 1:
        unit = unit[:-1]
    return f"{_digits(value)} {unit}".rstrip()


def difference(known_good: float | str | None, candidate: float | str | None, unit: str) -> str:
    """Candidate minus known-good with its sign, or nothing where that has no meaning."""
    if isinstance(known_good, str) or isinstance(candidate, str) or known_good is None or candidate is None:
        return NOTHING
    change = candidate - known_good
    if not math.isfinite(change):
        return NOTHING
    return "no change" if change == 0 else _sign(change) + quantity(abs(change), unit)


def with_not_finite(words: str, number: int) -> str:
    """What is said of values, and how many beside them are not finite: ``8 B, 2 not finite``, or these alone."""
    if not number:
        return words
    return f"{number:,} not finite" if words == NOTHING else f"{words}, {number:,} not finite"


def percent(log_ratio: float) -> str:
    """Write a log ratio as a signed percentage: 0.0296 is ``+3.00 %``."""
    if math.isnan(log_ratio):
        return quantity(log_ratio, "")
    if not math.isfinite(log_ratio):
        return f"{_sign(log_ratio)}∞"
    try:
        value = math.expm1(log_ratio) * 100
    except OverflowError:
        return "+∞"
    return f"{_sign(value) if round(value, 2) else ''}{abs(value):,.{2 if abs(value) < 100 else 0}f} %"


def _sign(value: float) -> str:
    return MINUS if value < 0 else "+"


def _digits(value: float) -> str:
    if value == int(value) and abs(value) < 1e9:
        return f"{value:,.0f}".replace("-", MINUS)
    return f"{value:.4g}".replace("-", MINUS)

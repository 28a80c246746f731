"""Moments, days and spans as documents have them: text and numbers, which whoever reads a document may rely on.

The kinds of fields here are plain ``str`` and ``float``. Where a document is read each of them is looked at, once, and
a document with one that is none is refused; who makes a noun by hand is trusted.
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Annotated, Any

from compat.errors import MomentError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LONGEST", "Day", "DayOrNever", "Moment", "Seconds", "day", "moment", "zoned"]

LONGEST = 3650 * 86400.0  # seconds of a span: ten years. Added to any moment they are one that a calendar has

_FIRST, _LAST = 1970, 2999  # years of moments
_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}.*", re.DOTALL)  # so that it begins with its day


def moment(text: str) -> datetime.datetime:
    """The moment that a text says, with its time zone: UTC where it says none. MomentError for what is none."""
    found = _read(text)
    if found is None or not (_FIRST <= found.year <= _LAST):
        raise MomentError("", f"{_shown(text)} is no moment", f"one is 2026-11-29T12:00:00+00:00, {_FIRST} to {_LAST}")
    return found


def zoned(text: str) -> datetime.datetime | None:
    """The moment of a text that says its time zone; None for any other. For what is judged, and not relied on."""
    found = _read(text, None)
    return None if found is None or found.tzinfo is None else found


def day(text: str) -> datetime.date:
    """The day that a text says. MomentError for what is none."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise MomentError("", f"{_shown(text)} is no day", "one is 2026-11-29") from None


def _read(text: str, otherwise: datetime.tzinfo | None = datetime.timezone.utc) -> datetime.datetime | None:
    if not _FORM.fullmatch(text):
        return None
    try:
        found = datetime.datetime.fromisoformat(text)
        found = found if found.tzinfo is not None else found.replace(tzinfo=otherwise)
        found.astimezone(datetime.timezone.utc)  # in the first and the last hours of the calendar it is beyond it
    except (ValueError, OverflowError):
        return None
    return found


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 60 else f"{text[:60]}...")


def _span(seconds: float) -> float:
    if not (0 <= seconds <= LONGEST):
        raise MomentError("", f"{seconds} s is no span", f"one is 0 to {LONGEST:.0f} s")
    return seconds


class _Checked:
    """What is asked of a value once its type is right. Only who reads documents has pydantic: runtimes need not."""

    def __init__(self, check: Callable[[Any], Any]) -> None:
        self._check = check

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        from pydantic_core import core_schema

        def checked(value: Any) -> Any:
            self._check(value)
            return value

        return core_schema.no_info_after_validator_function(checked, handler(source))


def _day_or_never(text: str) -> None:
    if text:
        day(text)


Moment = Annotated[str, _Checked(moment)]
Day = Annotated[str, _Checked(day)]
DayOrNever = Annotated[str, _Checked(_day_or_never)]  # the last one on which something holds; empty: for ever
Seconds = Annotated[float, _Checked(_span)]

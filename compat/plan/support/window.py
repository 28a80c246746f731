"""The support window: until when somebody still mends what a stack has."""

from __future__ import annotations

import calendar
import datetime
from typing import TYPE_CHECKING

from compat.model import Window
from compat.plan.support.pins import as_version, minor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.version import Version

    from compat.plan.support.rows import Branch, PythonRow
    from compat.plan.support.tables import Tables

__all__ = ["window_of", "windows"]


def windows(values: Mapping[str, str], tables: Tables) -> tuple[Window, ...]:
    """The windows of a stack's values by axis: those of axes that have a table (``driver``, ``python``)."""
    found = (window_of(axis, value, tables) for axis, value in sorted(values.items()))
    return tuple(window for window in found if window is not None)


def window_of(axis: str, value: str, tables: Tables) -> Window | None:
    """Until when the value of an axis is supported; None for an axis that has no table.

    A value without a confirmed row has no known end, which is not the same as being supported.
    """
    version = as_version(value)
    if axis == "driver":
        return _window(axis, value, _branch(version, tables))
    if axis == "python":
        return _window(axis, value, _python(version, tables))
    return None


def _branch(version: Version | None, tables: Tables) -> Branch | None:
    return next((row for row in tables.branches if version is not None and row.branch == str(version.major)), None)


def _python(version: Version | None, tables: Tables) -> PythonRow | None:
    return next((row for row in tables.pythons if version is not None and row.python == str(minor(version))), None)


def _window(axis: str, value: str, row: Branch | PythonRow | None) -> Window:
    if row is None:
        return Window(axis, value, None, ended=False, source="the tables have no row for it")
    ended = getattr(row, "ended", False)
    if row.unconfirmed or row.eol is None:
        return Window(axis, value, None, ended=ended and not row.unconfirmed, source=row.cited)
    year, month = map(int, row.eol.split("-"))
    last = datetime.date(year, month, calendar.monthrange(year, month)[1])
    return Window(axis, value, last.isoformat(), ended=False, source=row.cited)

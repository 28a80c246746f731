"""Python and the wheels that there are for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.plan.support.subject import Opinion, Subject, torch_of

if TYPE_CHECKING:
    from compat.plan.support.tables import Tables

__all__ = ["python_range"]


def python_range(subject: Subject, tables: Tables) -> Opinion | None:
    """There has to be a wheel of the pinned torch for the base image's Python: for bases and releases we know."""
    row = torch_of(subject.runtime, tables)
    base = next((row for row in tables.bases if row.base == subject.runtime.base), None)
    if row is None or row.python is None or base is None or row.unconfirmed or base.unconfirmed:
        return None
    status = "ok" if base.python in row.python else "fail"
    reason = f"torch {row.torch} has wheels for Python {', '.join(row.python)}, and {base.base} has {base.python}"
    return Opinion(status, reason, (row, base))

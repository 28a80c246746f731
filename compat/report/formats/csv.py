"""The comparisons as CSV, for spreadsheets and notebooks: one row a comparison, nothing of it a formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.report.formats import Format
from compat.report.tables import comparison_table, to_csv

if TYPE_CHECKING:
    from compat.report.view import View

__all__ = ["FORMAT"]


def _render(view: View) -> str:
    return to_csv(comparison_table(view))


FORMAT = Format("csv", ".csv", "every comparison with its numbers, a row each", _render)

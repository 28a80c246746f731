"""The comparisons as Parquet, for data frames: what the CSV has, with types. Needs the extra ``parquet`` (pyarrow)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.report.formats import Format
from compat.report.tables import comparison_table, to_parquet

if TYPE_CHECKING:
    from compat.report.view import View

__all__ = ["FORMAT"]


def _render(view: View) -> bytes:
    return to_parquet(comparison_table(view))


FORMAT = Format("parquet", ".parquet", "the same with types, for data frames; needs gpu-compat[parquet]", _render)

"""Tables for people who look further: a row a comparison of a verdict; of evidence a row a measurement, or a pair.

Text is cleaned before it is in a table: a column of pandas takes no lone surrogate where pyarrow is installed.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from compat.errors import UsageError
from compat.judge.evidence import by_item
from compat.report.measured import median_of
from compat.report.plots import pairs_of
from compat.report.statuses import ARMS
from compat.report.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from compat.model import Evidence
    from compat.report.view import View

__all__ = ["comparison_table", "evidence_table", "show", "to_csv", "to_parquet"]

_COLUMNS = (
    *("item", "arm", "node", "gpu", "phase", "pair", "generation", "round"),
    *("metric", "unit", "median", "samples", "fault"),
)
_PAIRS = (
    *("item", "metric", "unit", "node", "gpu", "round", "generation", "pair"),
    *("known_good", "candidate", "change"),
)
_NUMBERS = frozenset(
    ("required", "known_good", "candidate", "effect", "interval_low", "interval_high", "limit", "pairs")
)
_PARQUET = "pip install 'gpu-compat[parquet]'"
# Where a sheet may take text for a formula: at the beginning of a field, and after what separates fields or rows for a
# sheet that is set to other separators than ours, to which our quotes are none. Some read the wide forms as well.
_SIGN = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_FIRST = re.compile(rf"[\t\r\n]|[\s\"]*{_SIGN}")
_INSIDE = re.compile(rf"([;\t\n][\s\"]*)(?={_SIGN})")


def evidence_table(evidence: Iterable[Evidence]) -> pd.DataFrame:
    """One row per measurement per run, in the metric's unit; a run that measured nothing has a row with its fault.

    ``samples`` is their number. A median over samples that are not all finite is NaN.
    """
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    for record in evidence:
        gpu, phase = clean(" ".join(record.devices)), record.phase.value if record.phase else ""
        item, node = clean(record.item), clean(record.node)
        run = (item, ARMS[record.arm], node, gpu, phase, record.pair, record.generation, record.round)
        fault = clean(record.fault.signature) if record.fault else None
        rows += [
            (*run, clean(each.metric), clean(each.unit), median_of(each), len(each.samples), fault)
            for each in record.measurements
        ] or [(*run, None, None, None, 0, fault)]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def show(evidence: Iterable[Evidence]) -> pd.DataFrame:
    """One row per pair. ``change`` is candidate / known_good - 1, whichever way the metric is better."""
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    for item, records in sorted(by_item(evidence).items()):
        units = {each.metric: each.unit for record in records for each in record.measurements}
        rows += [
            (clean(item), clean(metric), clean(unit), clean(pair.node), clean(pair.gpu), *astuple(pair)[2:])
            for metric, unit in sorted(units.items())
            for pair in pairs_of(records, metric)
        ]
    table = pd.DataFrame(rows, columns=list(_PAIRS[:-1])).astype({"known_good": float, "candidate": float})
    return table.assign(change=table["candidate"] / table["known_good"] - 1)


def comparison_table(view: View) -> pd.DataFrame:
    """One row per comparison of the verdict, in its order, with the numbers as they were judged.

    ``effect`` and ``interval`` are oriented log ratios of sampled metrics: above 0 is worse. What an arm has that is no
    number (``exception at stage run``) is in ``known_good_text`` and ``candidate_text``. The last columns are the axes,
    ``known_good.AXIS`` and ``candidate.AXIS``. Numbers that there are not, or that are not finite, may be NaN.
    """
    import pandas as pd

    found = view.verdict.comparisons
    axes = {item.key: {change.what: change for change in item.axes} for item in view.items}
    changes = [axes.get(clean(one.item), {}) for one in found]
    table: dict[str, Any] = {
        "item": [clean(one.item) for one in found],
        "cell": [clean(one.cell) for one in found],
        "workload": [clean(one.workload) for one in found],
        "case": [clean(one.case) for one in found],
        "tier": [one.tier.value for one in found],
        "metric": [clean(one.metric) for one in found],
        "unit": [clean(one.unit) for one in found],
        "kind": [one.kind.value if one.kind else None for one in found],
        "status": [one.status.value for one in found],
        "required": [one.required for one in found],
    }
    for arm, values in (("known_good", [c.known_good for c in found]), ("candidate", [c.candidate for c in found])):
        table[arm] = _floats(None if isinstance(value, str) else value for value in values)
        table[f"{arm}_text"] = [clean(value) if isinstance(value, str) else None for value in values]
    table |= {
        "effect": _floats(one.effect for one in found),
        "interval_low": _floats(one.interval[0] if one.interval else None for one in found),
        "interval_high": _floats(one.interval[1] if one.interval else None for one in found),
        "limit": _floats(one.limit for one in found),
        "pairs": [one.pairs for one in found],
        "reason": [clean(one.reason) for one in found],
        "waived": [one.waived.value if one.waived else None for one in found],
    }
    for axis in dict.fromkeys(axis for row in changes for axis in row):
        sides = [row.get(axis) for row in changes]
        table[f"known_good.{axis}"] = [side and side.known_good for side in sides]
        table[f"candidate.{axis}"] = [side and side.candidate for side in sides]
    text = [name for name, values in table.items() if name not in _NUMBERS]
    return pd.DataFrame(table).astype(dict.fromkeys(text, object))


def _floats(values: Iterable[float | None]) -> list[float]:
    return [math.nan if value is None else float(value) for value in values]


def to_parquet(table: pd.DataFrame) -> bytes:
    """``table`` as Parquet. UsageError where pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401 - pandas imports it by itself, and says less well that it is missing
    except ImportError:
        raise UsageError("parquet", "needs pyarrow, which is not installed", _PARQUET) from None
    file = io.BytesIO()
    table.to_parquet(file, engine="pyarrow", index=False)
    return file.getvalue()


def to_csv(table: pd.DataFrame) -> str:
    """``table`` as CSV that a spreadsheet reads as data: what would begin a formula gets an apostrophe first.

    All text is quoted, and what a sheet would take for a formula that separates columns by semicolons is marked too.
    """
    safe = table.map(_data).rename(columns=_data)
    return safe.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)


def _data(value: object) -> object:
    if not isinstance(value, str):
        return value
    # Of what is not clean yet the first character counts: a tab or a carriage return in front is a mark of its own.
    marked = _INSIDE.sub(r"\1'", clean(value))
    return f"'{marked}" if _FIRST.match(value) else marked

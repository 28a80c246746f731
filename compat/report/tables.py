"""Evidence as tables, for people who look further: one row a measurement, or one row a pair of an item."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from compat.errors import UsageError
from compat.judge.evidence import by_item
from compat.patterns import name_pattern
from compat.report.measured import median_of
from compat.report.plots import pairs_of
from compat.report.statuses import ARMS
from compat.report.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from compat.judge.evidence import ByItem
    from compat.model import Evidence

__all__ = ["evidence_table", "matching", "show", "to_csv"]

_COLUMNS = (
    *("item", "arm", "node", "gpu", "phase", "pair", "generation", "round"),
    *("metric", "unit", "median", "samples", "fault"),
)
_PAIRS = (
    *("item", "metric", "unit", "node", "gpu", "round", "generation", "pair"),
    *("known_good", "candidate", "change"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def evidence_table(evidence: Iterable[Evidence]) -> pd.DataFrame:
    """One row per measurement per run, in the metric's unit; a run that measured nothing has a row with its fault.

    ``samples`` is their number. A median over samples that are not all finite is NaN.
    """
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    for record in evidence:
        gpu, phase = " ".join(record.devices), record.phase.value if record.phase else ""
        run = (record.item, ARMS[record.arm], record.node, gpu, phase, record.pair, record.generation, record.round)
        fault = record.fault.signature if record.fault else None
        rows += [
            (*run, each.metric, each.unit, median_of(each), len(each.samples), fault) for each in record.measurements
        ] or [(*run, None, None, None, 0, fault)]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def matching(evidence: ByItem | Iterable[Evidence], pattern: str) -> list[Evidence]:
    """The evidence of the items whose key matches ``pattern`` (``compat.patterns``). UsageError if there is none."""
    wild = name_pattern(pattern)
    records = by_item(evidence)
    found = [record for key in records if wild.fullmatch(key) for record in records[key]]
    if not found:
        some = ", ".join(sorted(records)[:3]) or "none: there is no evidence"
        raise UsageError("show", f"no evidence is of an item like {pattern!r}", f"there are, for example: {some}")
    return found


def show(evidence: ByItem | Iterable[Evidence], pattern: str) -> pd.DataFrame:
    """One row per pair of the items whose key matches ``pattern`` (``compat.patterns``).

    ``change`` is candidate / known_good - 1, whichever way the metric is better. UsageError if no item matches.
    """
    import pandas as pd

    found: dict[str, list[Evidence]] = {}
    for record in matching(evidence, pattern):
        found.setdefault(record.item, []).append(record)
    rows: list[tuple[Any, ...]] = []
    for item, records in sorted(found.items()):
        units = {each.metric: each.unit for record in records for each in record.measurements}
        rows += [
            (item, metric, unit, *astuple(pair))
            for metric, unit in sorted(units.items())
            for pair in pairs_of(records, metric)
        ]
    table = pd.DataFrame(rows, columns=list(_PAIRS[:-1])).astype({"known_good": float, "candidate": float})
    return table.assign(change=table["candidate"] / table["known_good"] - 1)


def to_csv(table: pd.DataFrame) -> str:
    """``table`` as CSV that a spreadsheet reads as data: text that would begin a formula gets an apostrophe first."""
    safe = table.map(_data).rename(columns=_data)
    return safe.to_csv(index=False, lineterminator="\n")


def _data(value: object) -> object:
    if not isinstance(value, str):
        return value
    # The mark is looked for before control characters are made visible: a tab or a newline in front is one too.
    return f"'{clean(value)}" if value.startswith(_FORMULA) else clean(value)

"""The pairs of an item as numbers, for who wants more than a dot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.judge.ratios import log_ratio
from compat.report.case_parts import PairTable
from compat.report.measured import in_head
from compat.report.text import NOTHING, percent, quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from compat.report.parts import Pair, Series

__all__ = ["MOST", "pair_table"]

MOST = 60  # rows; of more, ``compat show --pairs`` prints them


def pair_table(series: Sequence[Series], hosts: Mapping[str, str]) -> PairTable | None:
    """A row per pair with both arms of each metric that is not the same throughout; None where there are too many.

    Where they ran is said if it was not one place. ``hosts`` are the names of nodes, by id.
    """
    varied = [one for one in series if _varies(one)]
    places = sorted({_place(pair) for one in varied for pair in one.pairs})
    if not places or len(places) > MOST:
        return None
    several = len({place[:2] for place in places}) > 1
    columns = [{_place(pair): pair for pair in one.pairs} for one in varied]
    rows = []
    for node, gpu, round_, generation, number in places:
        row = [str(number), str(round_), str(generation)]
        if several:
            row.append(f"{hosts.get(node, node)} {gpu}".rstrip())
        for one, column in zip(varied, columns, strict=True):
            pair = column.get((node, gpu, round_, generation, number))
            good, new = (None, None) if pair is None else (pair.known_good, pair.candidate)
            _, unit = in_head(one.metric, one.unit)
            row += [quantity(good, unit), quantity(new, unit), _change(good, new)]
        rows.append(tuple(row))
    heads = [
        name for one in varied for name in (f"{in_head(one.metric, one.unit)[0]}: known-good", "candidate", "change")
    ]
    return PairTable(("Pair", "Round", "Generation", *(("Node",) if several else ()), *heads), tuple(rows))


def _place(pair: Pair) -> tuple[str, str, int, int, int]:
    return pair.node, pair.gpu, pair.round, pair.generation, pair.pair


def _varies(series: Series) -> bool:
    values = {value for pair in series.pairs for value in (pair.known_good, pair.candidate)}
    return len(values) > 1


def _change(good: float | None, new: float | None) -> str:
    ratio = log_ratio(good, new)
    return NOTHING if ratio is None else percent(ratio)

"""The pairs of an item as numbers, for who wants more than a dot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from compat.report.case_parts import PairTable
from compat.report.text import NOTHING, quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from compat.report.parts import Pair, Series

__all__ = ["MOST", "pair_table"]

MOST = 60  # rows; of more, ``compat show`` prints them


def pair_table(series: Sequence[Series], hosts: Mapping[str, str]) -> PairTable | None:
    """A row per pair with both arms of each metric that is not the same throughout; None where there are too many."""
    varied = [one for one in series if _varies(one)]
    places = sorted({_place(pair) for one in varied for pair in one.pairs})
    if not places or len(places) > MOST:
        return None
    columns = [{_place(pair): pair for pair in one.pairs} for one in varied]
    rows = []
    for node, gpu, round_, generation, number in places:
        row = [str(number), f"{round_}", f"{generation}", f"{hosts.get(node, node)} {gpu}".rstrip()]
        for one, column in zip(varied, columns, strict=True):
            pair = column.get((node, gpu, round_, generation, number))
            good, new = (None, None) if pair is None else (pair.known_good, pair.candidate)
            row += [quantity(good, one.unit), quantity(new, one.unit), _change(good, new)]
        rows.append(tuple(row))
    heads = [name for one in varied for name in (f"{one.metric}, known-good", "candidate", "change")]
    return PairTable(("Pair", "Round", "Generation", "Node", *heads), tuple(rows))


def _place(pair: Pair) -> tuple[str, str, int, int, int]:
    return pair.node, pair.gpu, pair.round, pair.generation, pair.pair


def _varies(series: Series) -> bool:
    values = {value for pair in series.pairs for value in (pair.known_good, pair.candidate)}
    return len(values) > 1


def _change(good: float | None, new: float | None) -> str:
    if good is None or new is None or not (math.isfinite(good) and math.isfinite(new)) or not good > 0:
        return NOTHING
    return f"{100 * (new / good - 1):+.2f} %".replace("-", "\N{MINUS SIGN}")

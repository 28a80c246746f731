"""How the sentinels went from verdict to verdict: the effect of each metric with its interval, as small plots.

An effect is candidate against known-good, measured in pairs, so that it can be set beside an earlier one. Absolute
values of two sessions cannot: clocks, temperatures and neighbours differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compat.report.items import item_anchor
from compat.report.text import count, percent, when

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from compat.report.past import Effect, Past

__all__ = ["HEIGHT", "WIDTH", "Trend", "trends"]

WIDTH, HEIGHT = 240.0, 56.0  # of a plot
_EDGE = 8.0
_MOST = 40  # plots
_NAMED = 5  # sentinels without an effect


@dataclass(frozen=True)
class Trend:
    """One metric of one sentinel, the oldest verdict first. The marks are data of SVG paths, in the plot's units.

    ``line`` joins the effects of neighbouring verdicts: where one has none, or could not be read, there is a gap.
    """

    item: str
    anchor: str  # empty where the report does not have the item
    metric: str
    said: str  # the newest effect, in words
    label: str  # all of them, in words
    dots: str
    line: str
    intervals: str
    zero: float
    margin: float | None
    first: str
    last: str
    beyond: bool  # whether the newest is over its margin, or the newest verdict has none


def trends(
    verdicts: Sequence[Past], sentinels: Sequence[str], known: AbstractSet[str] = frozenset()
) -> tuple[tuple[Trend, ...], str]:
    """The trends over ``verdicts``, the oldest first, and what is said of them.

    First come those that the newest verdict has no effect of, for nobody knows how these are; then those nearest to
    their margin. A sentinel of which no verdict has an effect is named.

    ``known`` are the items that the report has, to which a trend leads.
    """
    if not sentinels:
        return (), "No case of this ring stands for the plan."
    if len(verdicts) < 2:
        return (), "There is one verdict of this ring: a trend takes two."
    found: dict[tuple[str, str], list[Effect | None]] = {}
    for place, verdict in enumerate(verdicts):
        for effect in verdict.effects:
            found.setdefault((effect.item, effect.metric), [None] * len(verdicts))[place] = effect
    order = {item: place for place, item in enumerate(sentinels)}
    ranked = sorted(found, key=lambda key: (-_near(found[key]), order.get(key[0], len(order)), key))
    drawn = tuple(
        _trend(*key, found[key], verdicts, item_anchor(key[0]) if key[0] in known else "") for key in ranked[:_MOST]
    )
    if not drawn:
        return (), "No verdict has an effect of a case that stands for this plan."
    drawable = {item for item, _ in found}
    bare = [item for item in order if item not in drawable]
    left = len(ranked) - len(drawn)
    said = f"{count(len(sentinels), 'case')} for the whole plan, in {count(len(verdicts), 'verdict')} of this ring: the"
    said += " effect of the candidate against known-good, + is worse. Those without one in the newest verdict come"
    said += " first, then those nearest to their margin" + (f"; {count(left, 'trend')} are not shown." if left else ".")
    if bare:
        more = f" and {len(bare) - _NAMED:,} more" if len(bare) > _NAMED else ""
        said += f" No verdict has an effect of {', '.join(bare[:_NAMED])}{more}."
    return drawn, said


def _near(effects: Sequence[Effect | None]) -> float:
    """How much of its margin the newest effect takes; of one without a margin nobody can say.

    An effect that is not of the newest verdict says nothing of now: that is worse than any.
    """
    newest = effects[-1]
    if newest is None:
        return math.inf
    return newest.effect / newest.limit if newest.limit else 0.0


def _trend(item: str, metric: str, effects: Sequence[Effect | None], verdicts: Sequence[Past], anchor: str) -> Trend:
    dates = [when(verdict.judged_at) for verdict in verdicts]
    there = [(place, one) for place, one in enumerate(effects) if one is not None]
    last = there[-1][1]
    margin = last.limit
    said = _words(last)
    if effects[-1] is None:
        said = f"none in the newest verdict; the last one, {dates[there[-1][0]]}, was {said}"
    values = [0.0, *(one.effect for _, one in there), *([margin] if margin is not None else [])]
    values += [end for _, one in there for end in one.interval or () if math.isfinite(end)]
    low, high = min(values), max(values)
    step = (WIDTH - 2 * _EDGE) / max(len(effects) - 1, 1)

    def at(place: int) -> float:
        return round(_EDGE + place * step, 1)

    def level(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low) if high > low else 0.5
        return round(HEIGHT - _EDGE - share * (HEIGHT - 2 * _EDGE), 1)

    line, before = "", -2
    for place, one in there:
        joined = place == before + 1 and not verdicts[place].gap
        line += f"{'L' if joined else 'M'}{at(place):g} {level(one.effect):g}"
        before = place
    missing = len(effects) - len(there)
    of = f"in {len(there)} of {count(len(effects), 'verdict')}" if missing else f"in {count(len(effects), 'verdict')}"
    return Trend(
        item=item,
        anchor=anchor,
        metric=metric,
        said=said + (f", margin {percent(margin)}" if margin is not None else "") + f"; {of}",
        label="; ".join(
            f"{dates[place]}: {'none' if one is None else _words(one)}" for place, one in enumerate(effects)
        ),
        dots="".join(f"M{at(place):g} {level(one.effect):g}h0" for place, one in there),
        line=line,
        intervals="".join(
            f"M{at(place):g} {level(one.interval[0]):g}V{level(one.interval[1]):g}"
            for place, one in there
            if one.interval is not None
        ),
        zero=level(0.0),
        margin=None if margin is None else level(margin),
        first=dates[0],
        last=dates[-1],
        beyond=effects[-1] is None or (margin is not None and last.effect > margin),
    )


def _words(one: Effect) -> str:
    interval = "" if one.interval is None else f" ({percent(one.interval[0])} to {percent(one.interval[1])})"
    return f"{percent(one.effect)}{interval}"

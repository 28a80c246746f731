"""The five measures of an upgrade: pass rate, regressions, version skew, rollback time, support window.

Each is a value for a tile, and a sentence with its numbers. What is not known says so and never has the tone of good:
neither where nothing passed, nor where something that the ring needs was not even planned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compat.model import FINE, Rehearsal, Status, Verdict
from compat.model.moments import moment
from compat.plan.way_back import is_whole
from compat.report.statuses import WORDS, WORST_FIRST
from compat.report.text import count, when

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from compat.model import Plan, Stack
    from compat.report.parts import Missing
    from compat.report.surroundings import RollbackView, WindowView

__all__ = ["Measure", "measures"]

_DAY = 86400.0


@dataclass(frozen=True)
class Measure:
    """One of the five. ``number`` is what ``value`` says in words, in ``unit``; None where it is not known.

    A number is of the verdict, and stays as it is; a value and a tone are of when the view was made. ``key`` names it
    in documents; ``tone`` is good, bad, hold or info, as a status has it.
    """

    key: str
    name: str
    value: str
    said: str
    tone: str
    number: float | None
    unit: str  # ratio, comparisons, skews, seconds, days


def measures(
    verdict: Verdict,
    plan: Plan,
    windows: Sequence[WindowView],
    rollback: RollbackView | None,
    rehearsals: Sequence[Rehearsal],
    hostnames: Mapping[str, str],
    missing: Sequence[Missing],
    now: str,
) -> tuple[Measure, ...]:
    """The five, in this order. ``rehearsals`` are all ways back of the plan; ``hostnames`` are by node id.

    ``missing`` is what was not covered: of what is in the way of GO there is no comparison that could be counted.
    ``now`` (ISO 8601) is what the age of a way back and the rest of a support window are counted to.
    """
    blocking = [entry for entry in missing if entry.blocking]
    return (
        _pass_rate(verdict, blocking),
        _regressions(verdict, blocking),
        _skew(verdict),
        _rollback(verdict, plan, rollback, rehearsals, hostnames, now),
        _support(windows, verdict.candidate),
    )


def _pass_rate(verdict: Verdict, blocking: Sequence[Missing]) -> Measure:
    """Of the required comparisons those with the status pass. It is cut, not rounded: 100 % is all of them."""
    key, name, unit = "pass_rate", "Upgrade pass rate", "ratio"
    required = [found.status for found in verdict.comparisons if found.required]
    if not required:
        return Measure(key, name, "none", f"No required comparison was made{_blocked(blocking)}.", "hold", None, unit)
    passed = required.count(Status.PASS)
    ratio = passed / len(required)
    value = "100 %" if passed == len(required) else f"{math.floor(1000 * ratio) / 10:.1f} %"
    said = f"{passed:,} of {count(len(required), 'required comparison')} passed"
    rest = [
        (status, number) for status in WORST_FIRST if status is not Status.PASS and (number := required.count(status))
    ]
    if rest:
        said += f"; of the others {', '.join(f'{number:,} {WORDS[status]}' for status, number in rest)}"
    fine = passed > 0 and FINE.issuperset(required) and not blocking
    tone = "bad" if Status.REGRESS in required else "good" if fine else "hold"
    return Measure(key, name, value, f"{said}{_blocked(blocking)}.", tone, ratio, unit)


def _blocked(blocking: Sequence[Missing]) -> str:
    """What is in the way of GO and has no comparison, as the end of a sentence."""
    if not blocking:
        return ""
    more = f", and {len(blocking) - 1:,} more" if len(blocking) > 1 else ""
    return f"; not covered, and in the way of GO: {blocking[0].what} ({blocking[0].reason}){more}"


def _regressions(verdict: Verdict, blocking: Sequence[Missing]) -> Measure:
    """Required comparisons that are shown to be worse. What is open may be one, so none of them is not yet good.

    Nor is it where no comparison passed, or something has none: then nobody looked.
    """
    key, name, unit = "regressions", "Regressions", "comparisons"
    required = [found for found in verdict.comparisons if found.required]
    if not required:
        said = f"No required comparison was made{_blocked(blocking)}."
        return Measure(key, name, "not known", said, "hold", None, unit)
    worse = [found for found in required if found.status is Status.REGRESS]
    items = len({found.item for found in worse})
    said = f"{count(len(worse), 'required comparison')} of {count(items, 'case')} shown to be worse"
    if not worse:
        said = f"None of {count(len(required), 'required comparison')} is shown to be worse"
    unsettled = sum(found.status not in FINE and found.status is not Status.REGRESS for found in required)
    untold = sum(found.status is Status.UNCOVERED for found in required)
    accepted = sum(found.waived is Status.REGRESS for found in required)
    aside = sum(found.status is Status.REGRESS and not found.required for found in verdict.comparisons)
    more = [
        (unsettled, f"{unsettled:,} not settled, and may be worse"),
        (untold, f"{untold:,} cannot be told apart here"),
        (accepted, f"{accepted:,} more accepted by a waiver"),
        (aside, f"{aside:,} more shown only, not judged for the ring"),
    ]
    said = "; ".join([said, *(text for number, text in more if number)]) + _blocked(blocking)
    looked = any(found.status is Status.PASS for found in required) and not blocking
    tone = "bad" if worse else "good" if looked and not unsettled else "hold"
    return Measure(key, name, f"{len(worse):,}", f"{said}.", tone, float(len(worse)), unit)


def _skew(verdict: Verdict) -> Measure:
    key, name, unit = "version_skew", "Version skew", "skews"
    new = [found for found in verdict.skew if found.new]
    old = len(verdict.skew) - len(new)
    also = f"{old:,} in the known-good, too" if old else ""
    if new:
        said = "; ".join(filter(None, [f"The candidate alone has {new[0].in_words}", _more(len(new) - 1), also]))
        return Measure(key, name, f"{len(new):,} new", f"{said}.", "hold", float(len(new)), unit)
    if old:
        first = verdict.skew[0].in_words
        return Measure(key, name, "0 new", f"None that the candidate alone has; {also}: {first}.", "info", 0.0, unit)
    if not verdict.nodes:
        said = "Nothing was read from inside a runtime or a node, so nobody knows."
        return Measure(key, name, "not read", said, "hold", None, unit)
    said = f"No parts of different versions were seen on {count(len(verdict.nodes), 'node')}."
    return Measure(key, name, "none", said, "good", 0.0, unit)


def _more(number: int) -> str:
    return f"and {number:,} more" if number > 0 else ""


def _rollback(
    verdict: Verdict,
    plan: Plan,
    rollback: RollbackView | None,
    rehearsals: Sequence[Rehearsal],
    hostnames: Mapping[str, str],
    now: str,
) -> Measure:
    key, name, unit = "rollback_seconds", "Rollback time", "seconds"
    if not rehearsals:
        return Measure(key, name, "not rehearsed", "No way back was tried yet.", "hold", None, unit)
    bad = _failed(rehearsals)
    last = ""
    if bad is not None:
        why = f": {bad.findings[0]}" if bad.findings else ""
        last = f"the way back on node {hostnames.get(bad.node, bad.node)}, {when(bad.at)}, was not good{why}"
        if any(one.good and one.node == bad.node and moment(one.at) > moment(bad.at) for one in rehearsals):
            last += "; what was good there since was not the whole way"
    if rollback is None:
        value, tone = ("not rehearsed", "hold") if bad is None else ("not good", "bad")
        said = last or "the ways back that were good left out cases"
        return Measure(key, name, value, f"{said[0].upper()}{said[1:]}.", tone, None, unit)
    how = "gone in earnest" if rollback.real else "rehearsed"
    host = hostnames.get(rollback.node, rollback.node)
    said = f"Good after {rollback.seconds:.1f} s, {how} on node {host} of ring {rollback.ring}, {when(rollback.at)}"
    said += f"; {last}" if last else ""
    asked = next((ring.rehearsal for ring in plan.rings if ring.name == verdict.ring), None)
    old = (moment(now) - moment(rollback.at)).total_seconds() if asked is not None else 0.0
    if old < 0:
        said += "; that is still to come: the clock of this machine, or of that one, is wrong"
    elif asked is not None and old > asked:
        said += f"; that is {old / _DAY:.0f} days ago, the ring asks for one in the last {asked / _DAY:g}"
    tone = "bad" if bad is not None else "hold" if asked is not None and not 0 <= old <= asked else "good"
    return Measure(key, name, _seconds(rollback.seconds), f"{said}.", tone, rollback.seconds, unit)


def _failed(rehearsals: Sequence[Rehearsal]) -> Rehearsal | None:
    """The newest way back that was not good, and that no good one on its node has made up for since.

    Only a whole one does. A look that found a node back after it had gone back in earnest does for one in earnest: of
    the way that was rehearsed it says nothing.
    """
    still: dict[tuple[str, bool], Rehearsal] = {}  # node, and whether it was gone in earnest
    for one in sorted(rehearsals, key=lambda one: (moment(one.at), not one.good)):
        if not one.good:
            still[one.node, one.real] = one
            continue
        if is_whole(one):
            still.pop((one.node, False), None)
        if is_whole(one) or (one.real and one.pattern == "*"):
            still.pop((one.node, True), None)
    return max(still.values(), key=lambda one: moment(one.at), default=None)


def _seconds(seconds: float) -> str:
    """``9.8 s``, ``41 s``, ``3.5 min``, ``2.1 h``: three digits at most."""
    for size, unit in ((7200.0, "h"), (120.0, "min")):
        if seconds >= size:
            return f"{seconds / (3600.0 if unit == 'h' else 60.0):.1f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def _support(windows: Sequence[WindowView], candidate: Stack) -> Measure:
    """Of the candidate the part whose support ends first; a part of which nobody knows may end before it."""
    key, name, unit = "support_days", "Support window", "days"
    own = [window for window in windows if "candidate" in window.arms]
    known = [window for window in own if window.days_now is not None or window.over_now]
    unknown = [f"{window.axis} {window.value}" for window in own if window not in known]
    untold = sorted(candidate.keys() - {window.axis for window in own})
    doubts = [
        *([f"the end of {', '.join(unknown)} is not known"] if unknown else []),
        *([f"the tables say nothing of {', '.join(untold)}"] if untold else []),
    ]
    if not known:
        said = "; ".join(doubts) or "the tables say nothing of it"
        return Measure(key, name, "not known", f"{said[0].upper()}{said[1:]}.", "hold", None, unit)
    first = min(known, key=lambda window: -math.inf if window.days_now is None else window.days_now)
    days, then = first.days_now, _days_then(own)
    value = "over" if days is None else count(days, "day") if days >= 0 else f"over for {count(-days, 'day')}"
    aged = [f"{then:,} left on the day of the verdict"] if then is not None and then != days else []
    said = "; ".join([f"{first.axis} {first.value} ({first.arms}): {first.said}", *aged, *doubts])
    tone = "bad" if any(window.over_now for window in own) else "hold" if doubts else "good"
    return Measure(key, name, value, f"{said}.", tone, None if then is None else float(then), unit)


def _days_then(own: Sequence[WindowView]) -> int | None:
    """The days that were left on the day of the verdict; None where it was over already, or nobody knows."""
    known = [window.days_left for window in own if window.days_left is not None or window.over]
    left = [days for days in known if days is not None]
    return min(left) if left and len(left) == len(known) else None

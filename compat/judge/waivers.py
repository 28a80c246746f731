"""Waivers: what somebody accepted, why and until when. They act on what was found, never on what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from compat.judge.text import grown, percent, plural
from compat.model import FINE, Comparison, Kind, Status, Waiver, WaiverUse
from compat.model.moments import day
from compat.patterns import name_pattern

__all__ = ["known_slowdown", "waive"]

# What was seen and judged. What is missing or is not what was asked for was not seen: nobody can accept it.
_WAIVABLE = frozenset(
    {Status.REGRESS, Status.PREEXISTING, Status.FLAKY, Status.INCONCLUSIVE, Status.UNDECLARED},
)


def waive(
    comparisons: Sequence[Comparison], waivers: Sequence[Waiver], today: str
) -> tuple[tuple[Comparison, ...], tuple[WaiverUse, ...]]:
    """``comparisons`` with those accepted that a waiver covers on the day ``today`` (ISO 8601), and each one's use.

    Where several cover one, the first acts. ValueError for a day that is none.
    """
    now = day(today[:10])
    found = list(comparisons)
    uses = []
    for waiver in waivers:
        matching = [place for place, c in enumerate(found) if _matches(waiver, c)]
        wanted = [place for place in matching if found[place].status in _WAIVABLE]
        covered = [place for place in wanted if _covers(waiver, found[place])]
        past = now > day(waiver.expires)
        if not past:
            for place in covered:
                found[place] = _accepted(found[place], waiver)
        uses.append(_use(waiver, past, [found[place] for place in matching], len(wanted), len(covered)))
    return tuple(found), tuple(uses)


def known_slowdown(comparison: Comparison, uses: Sequence[WaiverUse]) -> float:
    """How much slower (relative) the candidate is known to be: by what was shown, or as much as somebody accepted.

    0 where no slowdown was shown or accepted: of what passed, was undecided or is uncovered nobody knows one.
    """
    seen = _worsening(comparison)
    if seen is None or comparison.status not in (Status.REGRESS, Status.WAIVED):
        return 0.0
    acting = [
        use.waiver.at_most
        for use in uses
        if use.state == "in force" and _matches(use.waiver, comparison) and _covers(use.waiver, comparison)
    ]
    return max(0.0, seen, *(most for most in acting[:1] if most is not None))


def _matches(waiver: Waiver, comparison: Comparison) -> bool:
    names = (
        (waiver.cell, comparison.cell),
        (waiver.case, f"{comparison.workload}[{comparison.case}]"),
        (waiver.metric, comparison.metric),
    )
    return all(name_pattern(pattern).fullmatch(name) for pattern, name in names)


def _covers(waiver: Waiver, comparison: Comparison) -> bool:
    """Whether it is no worse than what was accepted. What cannot be told is not covered."""
    if waiver.at_most is None:
        return True
    worse = _worsening(comparison)
    return worse is not None and worse <= waiver.at_most


def _worsening(comparison: Comparison) -> float | None:
    """How much worse it may be, relative: the upper end of the interval where there is one."""
    if comparison.kind is Kind.SAMPLED:
        return None if comparison.interval is None else grown(comparison.interval[1])
    good, new = comparison.known_good, comparison.candidate
    if comparison.kind is None or not isinstance(good, float) or not isinstance(new, float) or not good:
        return None
    return abs(new - good) / abs(good)


def _accepted(comparison: Comparison, waiver: Waiver) -> Comparison:
    said = f"{comparison.reason}; accepted by {waiver.owner} until {waiver.expires}: {waiver.reason}"
    return replace(comparison, status=Status.WAIVED, reason=said, waived=comparison.status)


def _use(waiver: Waiver, past: bool, matching: Sequence[Comparison], wanted: int, covered: int) -> WaiverUse:
    if not matching:
        return WaiverUse(waiver, "unmatched", 0, "no comparison has such a cell, case and metric: it may be misspelt")
    if past and wanted:
        return WaiverUse(
            waiver, "expired", 0, f"expired on {waiver.expires}: it accepted {plural(covered, 'comparison')}"
        )
    if past:
        return WaiverUse(waiver, "expired", 0, f"expired on {waiver.expires}: remove it")
    beyond = wanted - covered
    said = f"; {plural(beyond, 'comparison')} beyond {percent(waiver.at_most)}" if beyond and waiver.at_most else ""
    if covered:
        return WaiverUse(waiver, "in force", covered, f"accepts {plural(covered, 'comparison')}{said}")
    unseen = [c for c in matching if c.status not in FINE]
    if beyond:
        return WaiverUse(waiver, "not covering", 0, f"accepts nothing{said}")
    if unseen:
        return WaiverUse(waiver, "not covering", 0, f"what is {unseen[0].status.value} cannot be accepted")
    return WaiverUse(waiver, "not needed", 0, f"{plural(len(matching), 'comparison')} fine without it")

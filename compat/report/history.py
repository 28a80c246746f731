"""Rings and history, made for a view: where the upgrade stands, what was said of it before, and how its sentinels went.

Nothing is judged here. Where the store has nothing, or could not be read, that is said in a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compat.model import Decision, Rehearsal, Verdict, Watch
from compat.model.moments import moment
from compat.report.items import item_anchor
from compat.report.statuses import WORDS, WORST_FIRST
from compat.report.text import count, phases_in_words, when
from compat.report.trends import Trend, trends

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from compat.gate.standing import Stand
    from compat.report.past import Changed, History, Past
    from compat.report.rings_text import Overview

__all__ = ["BackView", "HistoryView", "LookView", "Named", "PastView", "RingPast", "RingView", "history_view"]

TONES = {Decision.GO: "good", Decision.NO_GO: "bad", Decision.HOLD: "hold"}

_REASONS = 5  # of a ring that are shown
_NODES = 12  # of a ring that are named
_LOOKS = 20  # looks at nodes that are shown, those with findings first
_FINDINGS = 5  # of a look, or of a way back


@dataclass(frozen=True)
class RingView:
    """What a ring's gate says: ``state`` in a word, ``lines`` in sentences, ``why`` it is not GO."""

    ring: str
    state: str
    tone: str
    lines: tuple[str, ...]
    why: tuple[str, ...]
    this: bool  # whether the report is of this ring


@dataclass(frozen=True)
class BackView:
    """A way back that was tried, or gone in earnest."""

    state: str
    tone: str
    took: str  # seconds to good, by phase
    place: str
    findings: tuple[str, ...]


@dataclass(frozen=True)
class LookView:
    """A look at a node while the upgrade soaked there; without findings all was well."""

    place: str
    said: str
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Named:
    """An item; ``anchor`` is empty where this report does not have it."""

    key: str
    anchor: str


@dataclass(frozen=True)
class PastView:
    """A verdict of the ring, with what changed from the one before it."""

    decision: Decision
    tone: str
    judged_at: str
    counts: str
    digest: str
    judge: str
    said: str
    failed: tuple[Named, ...]
    fixed: tuple[Named, ...]
    this: bool  # whether it is the one that is shown


@dataclass(frozen=True)
class RingPast:
    """A ring's verdicts, the newest first, and what was left out."""

    ring: str
    rows: tuple[PastView, ...]
    more: str


@dataclass(frozen=True)
class HistoryView:
    """Rings and history. ``said`` has what is to be known of all of it, such as what could not be read."""

    at: str
    upgrade: str
    said: tuple[str, ...]
    rings: tuple[RingView, ...]
    promoted: tuple[str, ...]
    leases: tuple[str, ...]
    backs: tuple[BackView, ...]
    looks: tuple[LookView, ...]
    looks_said: str
    verdicts: tuple[RingPast, ...]
    trends: tuple[Trend, ...]
    trends_said: str


def history_view(
    verdict: Verdict, history: History | None, rehearsals: Sequence[Rehearsal], hostnames: Mapping[str, str]
) -> HistoryView:
    """Make it of what was read of the store; None: nothing was read."""
    backs = tuple(_back(one, hostnames) for one in sorted(rehearsals, key=lambda one: moment(one.at), reverse=True))
    if history is None:
        said = ("The store was not asked for the rings and for earlier verdicts.",)
        return HistoryView("", "", said, (), (), (), backs, (), "", (), (), "")
    overview = history.overview
    known = {found.item for found in verdict.comparisons}
    looks = sorted(history.watches, key=lambda one: moment(one.at), reverse=True)
    looks.sort(key=lambda one: not one.findings)
    own = tuple(reversed(history.verdicts.get(verdict.ring, ())))
    left_out = bool(history.problems) or any((*history.more.values(), *history.torn.values(), *history.unread.values()))
    first = sum(map(len, history.verdicts.values())) == 1 and not left_out and not history.newer
    drawn, drawn_said = ((), "") if first else trends(own, history.sentinels, known)
    alone = ["This is the first verdict of this upgrade in the store: there is no history yet."] if first else []
    return HistoryView(
        at=when(history.at),
        upgrade=overview.upgrade if overview is not None else "",
        said=(*_newer(history.newer), *alone, *(f"{one[:1].upper()}{one[1:]}." for one in history.problems)),
        rings=() if overview is None else tuple(_ring(one, overview, verdict) for one in overview.stands),
        promoted=() if overview is None else tuple(_promoted(overview)),
        leases=() if overview is None else tuple(_leases(overview)),
        backs=backs,
        looks=tuple(_look(one, hostnames) for one in looks[:_LOOKS]),
        looks_said=_looks_said(looks),
        verdicts=tuple(
            RingPast(ring, _rows(found, history, known, whole=not left_out), _left(history, ring))
            for ring, found in history.verdicts.items()
            if found and not first
        ),
        trends=drawn,
        trends_said=drawn_said,
    )


def _newer(plans: Sequence[str]) -> Iterator[str]:
    if plans:
        have = "has" if len(plans) == 1 else "have"
        said = f"{count(len(plans), 'newer plan')} of this upgrade {have} verdicts, which are not shown here"
        yield f"{said}: the newest is plan {plans[0][:12]}."


def _ring(stand: Stand, overview: Overview, shown: Verdict) -> RingView:
    judged = stand.verdict
    this = stand.ring == shown.ring
    if judged is None:
        said = "it may take the upgrade now" if not stand.before else "it may not take the upgrade yet"
        return RingView(stand.ring, "not judged yet", "info", (said,), stand.before[:_REASONS], this)
    lines = []
    if stand.since:
        own = "" if stand.decision is Decision.GO else "its own verdict is "
        lines.append(f"{own}GO since {when(stand.since)}")
    if stand.soaked != stand.since:
        lines.append(f"its soak ends at {when(stand.soaked)}")
    names = [overview.host(node) for node in judged.nodes]
    more = f" and {len(names) - _NODES:,} more" if len(names) > _NODES else ""
    lines.append(f"measured on {count(len(names), 'node')}" + (f": {', '.join(names[:_NODES])}{more}" if names else ""))
    lines.append(f"verdict {stand.digest[:12]} of {when(judged.judged_at)}")
    why = () if stand.decision is Decision.GO else stand.reasons
    if this and why:  # what the verdict says itself is said above
        own_reasons = set(shown.reasons)
        rest = tuple(reason for reason in why if reason not in own_reasons)
        why = (*rest, "for the reasons of its verdict, above") if len(rest) < len(why) else rest
    left = (f"and {count(len(why) - _REASONS, 'more reason')}",) if len(why) > _REASONS else ()
    return RingView(
        stand.ring, stand.decision.value, TONES[stand.decision], tuple(lines), (*why[:_REASONS], *left), this
    )


def _promoted(overview: Overview) -> Iterator[str]:
    for entry in overview.promoted:
        by_override = f", by override: {entry.reason}" if entry.override else ""
        until = f", until {entry.expires}" if entry.expires else ""
        place = f"baseline {entry.baseline}, entry {entry.number}, since {when(entry.at)} by {entry.by}"
        yield f"The candidate is known-good in {place}, from ring {entry.ring}{until}{by_override}"


def _leases(overview: Overview) -> Iterator[str]:
    for lease in overview.held.values():
        whose = "this upgrade" if lease.upgrade == overview.upgrade else f"another upgrade: {lease.upgrade},"
        yield f"{overview.host(lease.node)} belongs to {whose} since {when(lease.at)} (by {lease.by})"


def _back(one: Rehearsal, hostnames: Mapping[str, str]) -> BackView:
    how = "gone in earnest" if one.real else "rehearsed"
    place = f"{how} on node {hostnames.get(one.node, one.node)} of ring {one.ring}, {when(one.at)}, by {one.by}"
    narrowed = f", cases narrowed to {one.pattern}: no gate counts it" if one.pattern != "*" and not one.real else ""
    phases = f" ({phases_in_words(one.phases)})" if one.phases else ""
    return BackView(
        "good" if one.good else "not good",
        "good" if one.good else "bad",
        f"{one.seconds:.1f} s{phases}",
        f"{place}, {count(len(one.cases), 'case')}{narrowed}",
        _few(one.findings),
    )


def _look(one: Watch, hostnames: Mapping[str, str]) -> LookView:
    place = f"{hostnames.get(one.node, one.node)} of ring {one.ring}, {when(one.at)}"
    narrowed = f", narrowed to {one.pattern}" if one.pattern != "*" else ""
    return LookView(place, f"{count(len(one.cases), 'case')} in {one.seconds:.0f} s{narrowed}", _few(one.findings))


def _looks_said(looks: Sequence[Watch]) -> str:
    if not looks:
        return "No node was looked at while the upgrade soaked."
    found = sum(bool(one.findings) for one in looks)
    said = f"{count(len(looks), 'look')} at {count(len({one.node for one in looks}), 'node')}"
    said += f", {found:,} with findings" if found else ", none with a finding"
    return said + (f"; {len(looks) - _LOOKS:,} are not shown." if len(looks) > _LOOKS else ".")


def _few(findings: Sequence[str]) -> tuple[str, ...]:
    left = len(findings) - _FINDINGS
    return (*findings[:_FINDINGS], *([f"and {left:,} more"] if left > 0 else []))


def _left(history: History, ring: str) -> str:
    """What of a ring's verdicts is not shown."""
    more, torn, unread = (found.get(ring, 0) for found in (history.more, history.torn, history.unread))
    parts = [
        count(more, "older verdict") if more else "",
        f"{count(torn, 'verdict')} that could not be read" if torn else "",
        f"those of {count(unread, 'earlier plan')}, which may be of other upgrades" if unread else "",
    ]
    said = ", and ".join(part for part in parts if part)
    return f"Not shown: {said}" if said else ""


def _rows(found: Sequence[Past], history: History, known: set[str], *, whole: bool) -> tuple[PastView, ...]:
    return tuple(_past(one, history.digest, known, oldest=whole and one is found[-1]) for one in found)


def _past(one: Past, shown: str, known: set[str], *, oldest: bool) -> PastView:
    counts = [f"{number:,} {WORDS[status]}" for status in WORST_FIRST if (number := one.counts.get(status))]
    return PastView(
        decision=one.decision,
        tone=TONES[one.decision],
        judged_at=when(one.judged_at),
        counts=", ".join(counts) or "nothing that is required was compared",
        digest=one.digest,
        judge=one.judge or "not named",
        said=_since(one, oldest=oldest),
        failed=_named(one.changed.failed_names if one.changed else (), known),
        fixed=_named(one.changed.fixed_names if one.changed else (), known),
        this=one.digest == shown,
    )


def _named(keys: Iterable[str], known: set[str]) -> tuple[Named, ...]:
    return tuple(Named(key, item_anchor(key) if key in known else "") for key in keys)


def _since(one: Past, *, oldest: bool) -> str:
    """What changed since the one before it."""
    if one.changed is not None:
        return _changed(one.changed)
    if one.gap:
        return "the one before was not read: what changed is not known"
    return "the first one in this store" if oldest else "nothing before it was read"


def _changed(found: Changed) -> str:
    parts = [
        f"{count(found.failed, 'case')} newly not fine" if found.failed else "",
        f"{count(found.fixed, 'case')} fine again" if found.fixed else "",
        f"{found.gone:,} that were not fine are not compared any more" if found.gone else "",
    ]
    said = ", ".join(part for part in parts if part) or "the same cases are fine"
    others = [
        "another plan of this upgrade" if found.other_plan else "",
        "another judge" if found.other_judge else "",
    ]
    other = " and ".join(part for part in others if part)
    return said + (f"; the one before is of {other}" if other else "")

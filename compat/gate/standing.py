"""Where an upgrade stands: what each ring's gate says, from stored documents alone. Nothing is run or judged here.

A ring may take the upgrade once the ring before it is GO, its soak is over and was watched to the end, and whatever
else its matrix asks for is there. It has passed once its own verdict is GO, too. Everything is derived, so there is
no server whose state could be lost; and everything that is missing, old or of another judge is HOLD.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from compat.model import Decision, Plan, Rehearsal, Ring, Verdict, Watch
from compat.model.moments import moment

__all__ = ["Stand", "Stored", "held", "standing"]

_DAY, _HOUR, _MINUTE = 86400.0, 3600.0, 60.0
_CLOCKS = 60.0  # seconds that the clocks of two machines may differ
_ALL = "*"  # the pattern of a look, or of a rehearsal, that was not narrowed


@dataclass(frozen=True)
class Stored:
    """What a store says of one plan's upgrade. Verdicts are in the order in which they were written.

    ``signed`` has what came of checking signatures. With ``sealed`` a ring's own verdict has to be signed, too, not
    only that of a ring before it which has to be attested. ``hostnames`` are for people, by node id.
    """

    verdicts: Sequence[tuple[str, Verdict]]  # each with its digest
    watches: Sequence[Watch] = ()
    rehearsals: Sequence[Rehearsal] = ()
    signed: Mapping[str, tuple[str, ...]] | None = (
        None  # verdict -> what is wrong with its signature: nothing, if empty
    )
    hostnames: Mapping[str, str] | None = None
    sealed: bool = False


@dataclass(frozen=True)
class Stand:
    """What the gate of a ring says now.

    ``before`` has why the ring may not take the upgrade yet; none: it may. ``verdict`` is the ring's newest. ``since``
    is when it became GO, and has been since; ``soaked`` when its soak is over. They are empty where it is not GO.
    """

    ring: str
    decision: Decision
    reasons: tuple[str, ...]
    before: tuple[str, ...] = ()
    verdict: Verdict | None = None
    digest: str = ""  # of the verdict
    since: str = ""
    soaked: str = ""

    @property
    def entered(self) -> Decision:
        """Whether the ring may take the upgrade, before anything was measured in it."""
        return Decision.HOLD if self.before else Decision.GO


def standing(plan: Plan, stored: Stored, now: datetime.datetime) -> tuple[Stand, ...]:
    """What the gate of each ring says ``now`` (with a time zone), in the order of the matrix."""
    found: dict[str, Stand] = {}
    for ring in plan.rings:
        before: tuple[str, ...] = ()
        if ring.after is not None:
            earlier = found.get(ring.after)
            before = (f"ring {ring.after}, which comes before it, comes after it in the matrix",)
            if earlier is not None:
                before = _before(plan.ring(ring.after), earlier, stored, now)
        stand = _stand(ring, before, stored, now)
        earlier = found.get(ring.after or "")
        if stand.verdict and earlier and earlier.verdict and stand.verdict.judge != earlier.verdict.judge:
            said = f"ring {ring.after} was judged by another judge than ring {ring.name}: ask its gate again"
            stand = held(stand, (said,))
        found[ring.name] = stand
    return tuple(found.values())


def held(stand: Stand, reasons: tuple[str, ...]) -> Stand:
    """The same stand where there is something else besides: GO is HOLD then, and NO-GO stays what it is."""
    if not reasons:
        return stand
    before = (*stand.before, *reasons)
    if stand.decision is Decision.GO:  # its own reason is that all is fine
        return replace(stand, decision=Decision.HOLD, reasons=reasons, before=before)
    return replace(stand, reasons=(*stand.reasons, *reasons), before=before)


def _stand(ring: Ring, before: tuple[str, ...], stored: Stored, now: datetime.datetime) -> Stand:
    own = [(name, verdict) for name, verdict in stored.verdicts if verdict.ring == ring.name]
    if not own:
        return Stand(ring.name, Decision.HOLD, (*before, f"ring {ring.name} was not judged yet"), before)
    name, verdict = own[-1]
    since = _since(ring, own, stored)
    ahead = _ahead(verdict, now)
    if verdict.decision is not Decision.GO:
        reasons = (*verdict.reasons, *(why for why in before if why not in verdict.reasons))
        return Stand(ring.name, verdict.decision, reasons, before, verdict, name)
    soaked = moment(since) + datetime.timedelta(seconds=ring.soak)
    gone = _rolled_back(ring, verdict, stored)
    reasons = (*before, *ahead, *gone, *(_signature(ring, name, stored) if stored.sealed else ()))
    decision = Decision.HOLD if reasons else Decision.GO
    soak_end = soaked.isoformat(timespec="seconds")
    return Stand(ring.name, decision, reasons or verdict.reasons, before, verdict, name, since, soak_end)


def _since(ring: Ring, own: Sequence[tuple[str, Verdict]], stored: Stored) -> str:
    """When the ring became GO: the first verdict of the GOs that its line ends with, of one judge.

    What a look found on a node is closed only by a GO over more runs of that node than there were then; the soak begins
    there. A clock that was set back shortens no soak: no verdict is earlier than those before it.
    """
    since, judge, latest = "", "", ""
    closing = {number for watch in _findings(ring, stored) if (number := _closed_by(watch, own)) is not None}
    for number, (_, verdict) in enumerate(own):
        if not latest or moment(verdict.judged_at) > moment(latest):
            latest = verdict.judged_at
        if verdict.decision is not Decision.GO:
            since = ""
        elif not since or verdict.judge != judge or number in closing:
            since, judge = latest, verdict.judge
    return since


def _closed_by(watch: Watch, own: Sequence[tuple[str, Verdict]]) -> int | None:
    """Which verdict closes what a look has found: the first GO for which its node was measured again; None if none."""
    for number, (_, verdict) in enumerate(own):
        if verdict.decision is Decision.GO and verdict.records.get(watch.node, 0) > watch.records:
            return number
    return None


def _before(ring: Ring, stand: Stand, stored: Stored, now: datetime.datetime) -> tuple[str, ...]:
    """Why the ring after ``ring`` may not take the upgrade yet."""
    place = f"ring {ring.name}, which comes before it,"
    if stand.verdict is None:
        return (f"{place} was not judged yet",)
    if stand.decision is not Decision.GO:
        first = f": {stand.reasons[0]}" if stand.reasons else ""
        return (f"{place} is {stand.decision.value}{first}",)
    found = []
    if ring.valid is not None:
        fresh = _fresh(ring, stand.verdict, stored)
        if (now - moment(fresh)).total_seconds() > ring.valid:
            found.append(f"{place} is GO by evidence of {fresh}, which is valid for {_span(ring.valid)}: measure again")
    found += _soak(ring, stand, stored, now)
    if ring.rehearsal is not None:
        found += _rehearsal(ring, ring.rehearsal, stand.verdict, stored, now)
    if ring.attested:
        found += _signature(ring, stand.digest, stored)
    return tuple(found)


def _fresh(ring: Ring, verdict: Verdict, stored: Stored) -> str:
    """When the evidence that a verdict of the ring rests on was judged first."""
    same = [one.judged_at for _, one in stored.verdicts if (one.ring, one.evidence) == (ring.name, verdict.evidence)]
    return min(same, key=moment, default=verdict.judged_at)


def _soak(ring: Ring, stand: Stand, stored: Stored, now: datetime.datetime) -> list[str]:
    """What is open of the ring's soak: time, and a look at each of its nodes that found nothing, at its end."""
    if stand.verdict is None:
        return []
    own = [(name, verdict) for name, verdict in stored.verdicts if verdict.ring == ring.name]
    watches = _watches(ring, stored)
    found = [
        f"{_host(stored, watch.node)} at {watch.at}, while ring {ring.name} soaks: {watch.findings[0]}"
        for watch in _findings(ring, stored)
        if _closed_by(watch, own) is None
    ]
    found += [
        f"a look at {_host(stored, watch.node)} is of {watch.at}, which is still to come: a clock is wrong"
        for watch in watches
        if (moment(watch.at) - now).total_seconds() > _CLOCKS
    ]
    if ring.soak <= 0:
        return found
    end = moment(stand.since) + datetime.timedelta(seconds=ring.soak)
    if now < end:
        left = _span((end - now).total_seconds())
        return [*found, f"ring {ring.name} soaks for {_span(ring.soak)} since {stand.since}: {left} are left"]
    for node in stand.verdict.nodes:
        if not any(watch.node == node and moment(watch.at) >= end and watch.pattern == _ALL for watch in watches):
            who = _host(stored, node)
            found.append(f"nobody has looked at {who} since the soak of ring {ring.name} ended: run compat soak there")
    return found


def _findings(ring: Ring, stored: Stored) -> list[Watch]:
    """The looks at the ring's nodes that found something."""
    return [watch for watch in _watches(ring, stored) if watch.findings]


def _rolled_back(ring: Ring, verdict: Verdict, stored: Stored) -> list[str]:
    """Nodes of the ring that were rolled back in earnest since it was measured: the upgrade is not there any more."""
    since = moment(_fresh(ring, verdict, stored))
    return [
        f"{_host(stored, one.node)} was rolled back at {one.at}: measure ring {ring.name} again"
        for one in stored.rehearsals
        if one.real and one.node in verdict.nodes and moment(one.at) >= since
    ]


def _rehearsal(ring: Ring, age: float, verdict: Verdict, stored: Stored, now: datetime.datetime) -> list[str]:
    """Whether the way back was tried on a node of the ring, not too long ago, and was good."""
    own = [r for r in stored.rehearsals if r.node in verdict.nodes and not r.real and r.pattern == _ALL]
    newest = {one.node: one for one in sorted(own, key=lambda one: moment(one.at))}
    bad = [one for one in newest.values() if not one.good]
    good = [r for r in newest.values() if r.good and 0 <= (now - moment(r.at)).total_seconds() <= age]
    if good and not bad:
        return []
    said = "none was made"
    if newest:
        last = max(bad or newest.values(), key=lambda one: moment(one.at))
        said = f"the last one, at {last.at}, was {'good' if last.good else f'not good: {_first(last.findings)}'}"
    return [f"no rollback was rehearsed on a node of ring {ring.name} in the last {_span(age)}: {said}"]


def _signature(ring: Ring, name: str, stored: Stored) -> list[str]:
    wrong = (stored.signed or {}).get(name)
    if wrong is None:
        return [
            f"the verdict of ring {ring.name} has no signature that could be checked: compat attest, and --trust KEY"
        ]
    return [f"the signature of ring {ring.name}: {why}" for why in wrong]


def _ahead(verdict: Verdict, now: datetime.datetime) -> list[str]:
    if moment(verdict.judged_at) <= now:
        return []
    said = f"its verdict is of {verdict.judged_at}, which is still to come"
    return [f"{said}: the clock of this machine, or of that one, is wrong"]


def _watches(ring: Ring, stored: Stored) -> list[Watch]:
    return [watch for watch in stored.watches if watch.ring == ring.name]


def _host(stored: Stored, node: str) -> str:
    return f"node {(stored.hostnames or {}).get(node, node)}"


def _first(findings: Sequence[str]) -> str:
    return findings[0] if findings else "it does not say why"


def _span(seconds: float) -> str:
    """``3 d 4 h``, ``5 min``: a time for people, of at most two units."""
    parts = []
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1.0, "s")):
        number, seconds = divmod(seconds, size)
        if number >= 1:
            parts.append(f"{number:.0f} {unit}")
    return " ".join(parts[:2]) or "0 s"

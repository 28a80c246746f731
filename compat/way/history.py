"""What a store says of an upgrade besides the newest verdict: where its rings stand, and what was said of it before.

A store may be large. Verdicts are read one after the other, the newest first, and of each only what is shown is kept;
once ``_BUDGET`` bytes of them were read the rest is left out, and that is said. What cannot be read is said, too.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from compat.errors import CompatError
from compat.model import Status, Verdict
from compat.report.past import History, Line, Past, changed, failing, past
from compat.way.past_verdicts import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from compat.model import Plan, Rehearsal, Watch
    from compat.report.rings_text import Overview
    from compat.store import Store

__all__ = ["read_history"]

_MOST = 20  # verdicts of a ring that are shown
_BUDGET = 512 * 2**20  # bytes of verdicts that are read: some four seconds

_Names = dict[str, dict[str, list[str]]]  # of verdicts by plan and ring, in the order written
_Value = TypeVar("_Value")


def read_history(store: Store, plan: Plan, verdict: Verdict, own: str, rehearsals: Sequence[Rehearsal]) -> History:
    """The history of ``verdict``, whose digest is ``own``, and of its plan. What cannot be read is no error."""
    problems: list[str] = []
    watches: list[Watch] = _attempt(problems, "the looks at its nodes", lambda: store.watches(verdict.plan), [])
    names: _Names = _attempt(problems, "earlier verdicts", lambda: _names(store), {})
    earlier: list[str] = _attempt(problems, "earlier plans", lambda: _earlier(store, verdict.plan), [])
    sentinels = frozenset(_sentinels(plan, verdict.ring, watches))
    reader = Reader(store, problems, _BUDGET)
    # The ring that is shown first: what is read of it is not left out for the others.
    rings = sorted((ring.name for ring in plan.rings), key=lambda name: name != verdict.ring)
    series = {ring: _Series(sentinels if ring == verdict.ring else frozenset()) for ring in rings}
    for ring, found in series.items():
        found.own(reader, names.get(verdict.plan, {}).get(ring, []))
    for ring, found in series.items():
        found.before(reader, [(one, names[one][ring]) for one in earlier if names.get(one, {}).get(ring)], verdict)
    now = datetime.datetime.now(datetime.UTC)
    stands: Overview | None = None
    if all(found.whole for found in series.values()):
        stored = [one for found in series.values() for one in reversed(found.stored)]
        stands = _attempt(
            problems,
            "where its rings stand",
            lambda: _overview(store, plan, stored, watches, rehearsals, now),
            None,
        )
    else:
        problems.append("where its rings stand cannot be said: not all verdicts of this plan were read")
    if reader.refused:
        problems.append(f"{_BUDGET >> 20} MiB of verdicts were read, and older ones left out")
    return History(
        at=now.isoformat(timespec="seconds"),
        digest=own,
        overview=stands,
        verdicts={ring: tuple(found.kept) for ring, found in series.items()},
        more={ring: found.more for ring, found in series.items()},
        torn={ring: found.torn for ring, found in series.items()},
        unread={ring: found.unread for ring, found in series.items()},
        watches=watches,
        sentinels=[item.key for item in plan.items if item.key in sentinels],
        problems=problems,
    )


def _attempt(problems: list[str], what: str, read: Callable[[], _Value], otherwise: _Value) -> _Value:
    """What ``read`` gives; where it cannot, ``otherwise``, and a problem."""
    try:
        return read()
    except CompatError as problem:
        problems.append(f"{what} could not be read: {problem}")
        return otherwise


def _names(store: Store) -> _Names:
    found: _Names = defaultdict(lambda: defaultdict(list))
    for name in store.objects.names("verdicts"):
        parts = name.split("/")
        if len(parts) > 3 and name.endswith(".json"):  # one of before there were rings is of none
            found[parts[1]]["/".join(parts[2:-1])].append(name)
    return found


def _earlier(store: Store, plan: str) -> list[str]:
    """The digests of the plans before this one, the newest first."""
    digests = store.plan_digests()
    return list(reversed(digests[: digests.index(plan)])) if plan in digests else []


def _sentinels(plan: Plan, ring: str, watches: Sequence[Watch]) -> Iterator[str]:
    """The cases that stand for the plan: those that were looked at while it soaked, or the first of each workload.

    What the matrix itself calls a sentinel is shown beside them.
    """
    from compat.plan.sentinels import sentinels

    looked = {key for watch in watches if watch.ring == ring for key in watch.cases}
    yield from looked or (item.key for item in sentinels(plan, ring, {}))
    yield from (item.key for item in plan.items if item.sentinel)


def _overview(
    store: Store,
    plan: Plan,
    verdicts: Sequence[tuple[str, Verdict]],
    watches: Sequence[Watch],
    rehearsals: Sequence[Rehearsal],
    now: datetime.datetime,
) -> Overview:
    from compat.gate.standing import Stored, standing
    from compat.way.rings import overview

    stored = Stored(verdicts, watches, rehearsals, hostnames=store.hostnames())
    return overview(store, plan, standing(plan, stored, now))


@dataclass
class _Series:
    """The verdicts of a ring, as they are read: the newest first."""

    sentinels: frozenset[str]  # whose effects are kept
    kept: list[Past] = field(default_factory=list)
    more: int = 0  # that are not shown
    torn: int = 0  # that could not be read
    unread: int = 0  # earlier plans that were not looked at, and may be of this upgrade
    stored: list[tuple[str, Verdict]] = field(default_factory=list)  # of the plan, all of them, without comparisons
    whole: bool = True  # whether all of the plan were read
    skipped: bool = False  # whether a plan was passed over since the one that was read last
    items: Mapping[str, Status] = field(default_factory=dict)  # of the one that was read last

    def own(self, reader: Reader, names: Sequence[str]) -> None:
        """Read all of the plan's: whether a ring is GO, and since when, rests on every one of them."""
        for name in reversed(names):
            found = reader.read(name)
            if found is None:
                self.whole = False
                self._lost(reader)
            else:
                self.stored.append(found[:2])
                self._add(*found)

    def before(self, reader: Reader, plans: Sequence[tuple[str, Sequence[str]]], verdict: Verdict) -> None:
        """Read those of earlier plans of the same upgrade, the newest first, until there are enough."""
        for plan, names in plans:
            other = None if self._full() else reader.of_another(plan, names[-1], verdict)
            if other is None:
                self.unread += 1
                self.skipped = True
            if other is not False:
                continue
            for number, name in enumerate(reversed(names)):
                if self._full():
                    self.more += len(names) - number
                    break
                found = reader.read(name)
                if found is None:
                    self._lost(reader)
                else:
                    self._add(*found)

    def _lost(self, reader: Reader) -> None:
        """Of one that was not read nobody knows what it said: the last of those that are here has none before it."""
        if reader.refused:
            self.more += 1
            return
        self.torn += 1
        self._gap()

    def _gap(self) -> None:
        if self.kept and self.kept[-1].changed is None:
            self.kept[-1] = replace(self.kept[-1], gap=True)
        self.skipped = False

    def _full(self) -> bool:
        """Whether there are enough, and of the oldest of them it is known what it changed."""
        return len(self.kept) >= _MOST and (self.kept[-1].changed is not None or self.kept[-1].gap)

    def _add(self, name: str, verdict: Verdict, lines: Sequence[Line]) -> None:
        """Take one that was written before all those that are here: it says what the last of them changed."""
        if self._full():
            self.more += 1
            return
        if self.skipped:
            self._gap()
        found, items = past(verdict, lines, name, self.sentinels), failing(lines)
        if self.kept and not self.kept[-1].gap:
            self.kept[-1] = replace(self.kept[-1], changed=changed(self.kept[-1], self.items, found, items))
        if len(self.kept) < _MOST:
            self.kept.append(found)
        else:
            self.more += 1
        self.items = items

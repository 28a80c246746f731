"""What a store says of an upgrade besides the newest verdict: where its rings stand, and what was said of it before.

A store may be large. Verdicts are read one after the other, the newest first, and of each only what is shown is kept;
once ``_BUDGET`` bytes of them were read the rest is left out, and that is said. What cannot be read is said, too.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

from compat.errors import CompatError
from compat.report.past import History
from compat.way.past_verdicts import Reader
from compat.way.series import Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from compat.model import Plan, Rehearsal, Verdict, Watch
    from compat.report.rings_text import Overview
    from compat.store import Store

__all__ = ["read_history"]

_BUDGET = 512 * 2**20  # bytes of verdicts that are read: some four seconds

_NONE: tuple[list[str], list[str]] = ([], [])
_Names = dict[str, dict[str, list[str]]]  # of verdicts by plan and ring, in the order written
_Value = TypeVar("_Value")


def read_history(store: Store, plan: Plan, verdict: Verdict, own: str, rehearsals: Sequence[Rehearsal]) -> History:
    """The history of ``verdict``, whose digest is ``own``, and of its plan. What cannot be read is no error."""
    problems: list[str] = []
    watches: list[Watch] = _attempt(problems, "the looks at its nodes", lambda: store.watches(verdict.plan), [])
    names: _Names = _attempt(problems, "earlier verdicts", lambda: _names(store), {})
    earlier, later = _attempt(problems, "other plans", lambda: _other_plans(store, verdict.plan), _NONE)
    sentinels = frozenset(_sentinels(plan, verdict.ring, watches))
    reader = Reader(store, problems, _BUDGET)
    # The ring that is shown first: what is read of it is not left out for the others.
    rings = sorted((ring.name for ring in plan.rings), key=lambda name: name != verdict.ring)
    series = {ring: Series(sentinels if ring == verdict.ring else frozenset()) for ring in rings}
    for ring, found in series.items():
        found.own(reader, names.get(verdict.plan, {}).get(ring, []))
    for ring, found in series.items():
        found.before(reader, [(one, names[one][ring]) for one in earlier if names.get(one, {}).get(ring)], verdict)
    newer = _of_upgrade(reader, [(one, names[one]) for one in later if names.get(one)], verdict, problems)
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
        newer=newer,
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


def _other_plans(store: Store, plan: str) -> tuple[list[str], list[str]]:
    """The digests of the plans before this one, and of those after it: of each the newest first."""
    digests = store.plan_digests()
    if plan not in digests:
        return _NONE
    place = digests.index(plan)
    return list(reversed(digests[:place])), list(reversed(digests[place + 1 :]))


def _of_upgrade(
    reader: Reader, plans: Sequence[tuple[str, dict[str, list[str]]]], verdict: Verdict, problems: list[str]
) -> list[str]:
    """Those of ``plans`` that are of the same upgrade as ``verdict``; of which nobody knows it is a problem."""
    found, unknown = [], 0
    for plan, rings in plans:
        newest_first = list(reversed(rings.get(verdict.ring) or next(iter(rings.values()))))
        other = reader.of_another(plan, newest_first, verdict)
        unknown += other is None
        if other is False:
            found.append(plan)
    if unknown:
        said = "a newer plan" if unknown == 1 else f"{unknown} newer plans"
        problems.append(f"{said} with verdicts could not be looked at, which may be of this upgrade")
    return found


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

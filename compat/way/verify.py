"""After a rollback in earnest: whether this node is back to the known-good stack, in a few minutes."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from compat.errors import RuntimeSetupError, UsageError
from compat.model import SCHEMA_VERSION, Arm, Rehearsal
from compat.way.back import known_good_sentinels
from compat.way.here import Here, find_here, held
from compat.way.options import Options
from compat.way.sentinels import look, prepare_sentinels

if TYPE_CHECKING:
    from compat.run.measure import Progress
    from compat.store import Store

__all__ = ["Verifying", "verify"]

_BEGUN = 0.8  # of the time, in which cases are begun
_CASE = 0.2  # of the time, that one case may take: so all of it ends in time
_MOST = 100  # findings that a document keeps
_ALL = "*"  # the pattern that narrows nothing


@dataclass(frozen=True)
class Verifying:
    """What a user may choose. ``since`` is when the rollback was begun (ISO 8601, with a time zone)."""

    by: str
    since: str | None = None
    timeout: float = 300.0  # seconds
    pattern: str = _ALL


def verify(
    store: Store,
    options: Options,
    chosen: Verifying,
    say: Callable[[str], None],
    report: Callable[[Progress], None],
    plan: str | None = None,
) -> Rehearsal:
    """Look whether this node is back, keep it in ``store``, and give what was kept: ``good`` says whether it is.

    What the node is, what the arm is, faults, outputs, exact and bounded metrics and large slowdowns are compared with
    what the known-good arm was and did on it. Speed that stays undecided is no finding; what there was no time for is,
    and so is that the cases were narrowed.
    """
    begin = time.monotonic()
    begun = _since(chosen.since)
    here = find_here(store, options.ring, plan)
    items = known_good_sentinels(store, here, chosen.pattern)
    phases = {} if begun is None else {"rollback": begun}
    most = chosen.timeout * _CASE
    asked = tuple((replace(item, timeout=min(item.timeout, most)), (Arm.KNOWN_GOOD,)) for item in items)
    found = _node(here)
    phases["node"] = time.monotonic() - begin
    ran: tuple[str, ...] = ()
    if here.same_gpus:
        try:
            with held(store, here, options, say):
                mark = time.monotonic()
                made = prepare_sentinels(here, asked, options, say)
                phases["runtime"] = time.monotonic() - mark
                mark = time.monotonic()
                until = begin + chosen.timeout * _BEGUN
                looked = look(store, here, asked, made, options, until, say, report)
                phases["sentinels"] = time.monotonic() - mark
                found += looked.findings
                ran = looked.ran
        except RuntimeSetupError as problem:
            found.append(f"the known-good runtime cannot be had: {problem}")
    else:
        found.append("no case was run: its GPUs are not those that it was measured on")
    if chosen.pattern != _ALL:
        found.append(f"the cases were narrowed to {chosen.pattern!r}: without --case it says whether the node is back")
    rehearsal = Rehearsal(
        schema_version=SCHEMA_VERSION,
        plan=here.digest,
        ring=here.ring.name,
        node=here.before.id,
        at=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        by=chosen.by,
        real=True,
        good=not found,
        phases={name: round(seconds, 3) for name, seconds in phases.items()},
        cases=ran,
        findings=tuple(dict.fromkeys(found))[:_MOST],
        pattern=chosen.pattern,
    )
    store.put_rehearsal(rehearsal)
    _let_go(store, here, rehearsal, say)
    return rehearsal


def _let_go(store: Store, here: Here, found: Rehearsal, say: Callable[[str], None]) -> None:
    """Once a node is back the upgrade has it no more, and another one may take it."""
    from compat.way.leases import holder, release, upgrade_of

    lease = holder(store, here.before.id)
    if found.good and lease is not None and lease.upgrade == upgrade_of(here.plan):
        release(store, here.before.id)
        say(f"node {here.before.hostname} belongs to this upgrade no more")


def _since(text: str | None) -> float | None:
    """Seconds since a moment; UsageError for what is no moment of the past with a time zone."""
    if text is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
        seconds = (datetime.datetime.now(datetime.UTC) - moment).total_seconds()
    except (ValueError, TypeError):
        seconds = -1.0
    if seconds < 0:
        problem = f"{text!r} is no moment of the past with a time zone"
        raise UsageError("since", problem, "write for example 2027-01-31T14:05:00+00:00, as date -Is does")
    return seconds


def _node(here: Here) -> list[str]:
    """What of the node is not as its document says, which is of before the upgrade; and its driver."""
    from compat.judge.as_before import changed_node

    found = changed_node(here.before, here.node, upgraded=False)
    driver = here.plan.known_good.get("driver")
    if driver not in (None, here.node.driver):
        found.append(f"this node has driver {here.node.driver}, the known-good stack has {driver}")
    return found

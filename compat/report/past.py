"""What a store says of an upgrade besides the verdict that is shown: nouns that a view is made of, read elsewhere.

Of each earlier verdict there is only what is shown of it: a verdict of 10,000 items is tens of megabytes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from compat.model import FINE, Decision, Kind, Status, Verdict, Watch
from compat.report.rings_text import Overview
from compat.report.statuses import worst

__all__ = ["Changed", "Effect", "History", "Line", "Past", "changed", "failing", "past"]

_NAMED = 10  # items of a change that are named


@dataclass(frozen=True, slots=True)
class Line:
    """What is looked at of a comparison of an earlier verdict, under the names that it has there."""

    item: str
    metric: str
    status: Status
    required: bool
    kind: Kind | None
    effect: float | None
    interval: tuple[float, float] | None
    limit: float | None


@dataclass(frozen=True)
class Effect:
    """A judged effect of a sentinel in one verdict: candidate against known-good, paired. Log ratios; + is worse."""

    item: str
    metric: str
    effect: float
    interval: tuple[float, float] | None
    limit: float | None


@dataclass(frozen=True)
class Changed:
    """What is another in a verdict than in the one before it: items that fail newly, that are fixed, and that left.

    Of each kind the first few are named. ``before`` says which verdict that was.
    """

    before: str  # digest
    other_plan: bool
    other_judge: bool
    failed: int = 0
    failed_names: tuple[str, ...] = ()
    fixed: int = 0
    fixed_names: tuple[str, ...] = ()
    gone: int = 0  # failed before, and are not compared any more


@dataclass(frozen=True)
class Past:
    """A stored verdict of the upgrade: this one, or an earlier one. ``counts`` are of required comparisons."""

    digest: str
    plan: str
    judge: str
    decision: Decision
    judged_at: str
    counts: dict[Status, int]
    effects: tuple[Effect, ...] = ()
    changed: Changed | None = None  # None: there is none before it, or it was not read
    gap: bool = False  # whether the one before it was not read, so that nobody knows what changed


@dataclass(frozen=True)
class History:
    """Where the upgrade stands at ``at`` (ISO 8601), and what was said of it before.

    ``overview`` is None where it could not be read. ``verdicts`` are by ring, the newest first; ``more`` says how many
    older ones of a ring were left out, ``torn`` how many could not be read, ``unread`` how many earlier plans with
    verdicts of it nobody looked at, of this upgrade or of another. ``sentinels`` are the items whose trend is shown.
    ``newer`` are the digests of later plans of this upgrade with verdicts, the newest first. ``problems`` says, in
    sentences, what could not be read.
    """

    at: str
    digest: str = ""  # of the verdict that is shown
    overview: Overview | None = None
    verdicts: Mapping[str, Sequence[Past]] = field(default_factory=dict)
    more: Mapping[str, int] = field(default_factory=dict)
    torn: Mapping[str, int] = field(default_factory=dict)
    unread: Mapping[str, int] = field(default_factory=dict)
    newer: Sequence[str] = ()
    watches: Sequence[Watch] = ()
    sentinels: Sequence[str] = ()
    problems: Sequence[str] = ()


def past(verdict: Verdict, lines: Sequence[Line], name: str, sentinels: frozenset[str] = frozenset()) -> Past:
    """What is shown of the verdict with the digest ``name``, whose comparisons are ``lines``."""
    counts = dict(Counter(line.status for line in lines if line.required))
    shown = _effects((line for line in lines if line.item in sentinels) if sentinels else ())
    return Past(name, verdict.plan, verdict.judge, verdict.decision, verdict.judged_at, counts, shown)


def _effects(lines: Iterable[Line]) -> tuple[Effect, ...]:
    """The judged effects; of several of one metric the worst."""
    kept: dict[tuple[str, str], Effect] = {}
    for line in lines:
        if line.kind is not Kind.SAMPLED or line.effect is None or not math.isfinite(line.effect):
            continue
        key = line.item, line.metric
        if key not in kept or kept[key].effect < line.effect:
            interval = line.interval if line.interval and not any(map(math.isnan, line.interval)) else None
            limit = line.limit if line.limit is not None and math.isfinite(line.limit) else None
            kept[key] = Effect(*key, line.effect, interval, limit)
    return tuple(kept.values())


def failing(lines: Iterable[Line]) -> dict[str, Status]:
    """The worst status of each item that is required, by its key."""
    found: dict[str, Status] = {}
    for line in lines:
        if line.required:
            known = found.get(line.item, line.status)
            found[line.item] = line.status if known is line.status else worst([known, line.status])
    return found


def changed(new: Past, items: Mapping[str, Status], old: Past, before: Mapping[str, Status]) -> Changed:
    """What changed from ``old``, whose items were ``before``, to ``new``; what is not fine fails, worst first."""
    failed = [key for key, status in items.items() if status not in FINE and before.get(key, Status.PASS) in FINE]
    fixed = [key for key, status in before.items() if status not in FINE and items.get(key, status) in FINE]
    gone = sum(status not in FINE and key not in items for key, status in before.items())
    failed.sort(key=lambda key: (items[key] is not Status.REGRESS, key))
    fixed.sort()
    return Changed(
        before=old.digest,
        other_plan=old.plan != new.plan,
        other_judge=old.judge != new.judge,
        failed=len(failed),
        failed_names=tuple(failed[:_NAMED]),
        fixed=len(fixed),
        fixed_names=tuple(fixed[:_NAMED]),
        gone=gone,
    )

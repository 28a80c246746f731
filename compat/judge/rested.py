"""Which of the records that there are now a verdict rested on: evidence is only ever added, and a verdict stays.

A verdict names a digest over the records of its ring, and how many of each node there were. Records of a node are in
the order written, so those are the first ones. Verdicts of older versions do not say how many; for them it is tried
out, within bounds, and what is found is as sure: the digest is the same or it is not.
"""

from __future__ import annotations

import datetime
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from compat.judge.ring import in_ring
from compat.model import Evidence, Node, Plan, Verdict, digest

__all__ = ["ended_by", "rested_on", "ring_records"]

_MOST = 5_000_000  # names that are put into digests, for a verdict that does not say how many
_SECOND = datetime.timedelta(seconds=1)  # moments of verdicts are whole seconds


def rested_on(
    verdict: Verdict, plan: Plan, evidence: Sequence[Evidence], nodes: Mapping[str, Node]
) -> dict[str, Evidence] | None:
    """The records of the verdict's ring that it rests on, by digest; None where they cannot be found.

    ``evidence`` is all of the plan's, that of each node in the order written; ``nodes`` are by id.
    """
    ours = ring_records(plan, verdict.ring, evidence, nodes)
    for names in _candidates(verdict, ours):
        if digest(sorted(names)) == verdict.evidence:
            return {name: ours[name] for name in names}
    return None


def ring_records(plan: Plan, ring: str, evidence: Sequence[Evidence], nodes: Mapping[str, Node]) -> dict[str, Evidence]:
    """The records of a ring's items and nodes, by digest, in the order given."""
    asked = plan.ring(ring)
    items = {item.key for item in plan.for_ring(ring)}
    return {digest(e): e for e in evidence if e.item in items and in_ring(nodes.get(e.node), asked, plan)}


def ended_by(record: Evidence, judged_at: str) -> bool:
    """Whether a run was over when a verdict was reached, by the clocks of its node and of the judge."""
    judged = _judged(judged_at)
    return _end(record, judged) <= judged + _SECOND


def _candidates(verdict: Verdict, ours: Mapping[str, Evidence]) -> Iterator[list[str]]:
    """Sets of records that it may have been, the likeliest first."""
    if verdict.records:
        taken = Counter[str]()
        names = []
        for name, record in ours.items():
            if taken[record.node] < verdict.records.get(record.node, 0):
                taken[record.node] += 1
                names.append(name)
        yield names
        return
    tried = 0
    for names in _older(verdict, ours):
        tried += len(names) + 1
        if tried > _MOST:
            return
        yield names


def _older(verdict: Verdict, ours: Mapping[str, Evidence]) -> Iterator[list[str]]:
    yield list(ours)
    yield []
    judged = _judged(verdict.judged_at)
    ends = {name: _end(record, judged) for name, record in ours.items()}
    yield [name for name, end in ends.items() if end <= judged + _SECOND]
    # One clock for all nodes, or nearly: what was there at some moment before, or soon after.
    in_time = sorted(ours, key=lambda name: ends[name])
    for count in range(len(in_time) - 1, -1, -1):
        yield in_time[:count]
    # Nodes that wrote apart from each other: so many of one, and so many of another.
    by_node: dict[str, list[str]] = {}
    for name, record in ours.items():
        by_node.setdefault(record.node, []).append(name)
    for counts in itertools.product(*(range(len(own), -1, -1) for own in by_node.values())):
        yield [name for own, count in zip(by_node.values(), counts, strict=True) for name in own[:count]]


def _judged(text: str) -> datetime.datetime:
    judged = datetime.datetime.fromisoformat(text)
    return judged if judged.tzinfo else judged.replace(tzinfo=datetime.UTC)


def _end(record: Evidence, otherwise: datetime.datetime) -> datetime.datetime:
    """When a run ended; ``otherwise`` for one that does not say."""
    try:
        began = datetime.datetime.fromisoformat(record.started)
        return began + datetime.timedelta(seconds=record.seconds) if began.tzinfo else otherwise
    except (ValueError, OverflowError):
        return otherwise

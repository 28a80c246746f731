"""Which of the records that there are now a verdict rested on: evidence is only ever added, and a verdict stays.

A verdict names a digest over the records of its ring, and how many of each node there were. Records of a node are in
the order written, so those are the first ones. Verdicts of older versions do not say how many; for them it is tried
out, within bounds, and what is found is as sure: the digest is the same or it is not.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from compat.judge.ring import in_ring
from compat.model import Arm, Evidence, Node, Plan, Verdict, digest
from compat.model.moments import moment, zoned

__all__ = ["Ran", "ended_by", "rested_on", "ring_records"]

_MOST = 5_000_000  # names that are put into digests, for a verdict that does not say how many
_SECOND = 1.0  # moments of verdicts are whole seconds


@dataclass(frozen=True, slots=True)
class Ran:
    """What has to be known of a run to find it again: there may be a million, and the rest stays where it is."""

    own: str  # digest of the record
    number: int  # of its document, in its node's series
    item: str
    node: str
    arm: Arm
    runtime: str
    identity: str
    ended: float | None  # seconds since 1970, by the node's clock; None where the record does not say

    @classmethod
    def of(cls, record: Evidence, own: str, number: int) -> Ran:
        """What is kept of a record."""
        words = (sys.intern(word) for word in (record.item, record.node, record.runtime, record.identity))
        item, node, runtime, identity = words
        return cls(own, number, item, node, record.arm, runtime, identity, _end(record))


def rested_on(
    verdict: Verdict, plan: Plan, evidence: Iterable[Ran], nodes: Mapping[str, Node]
) -> dict[str, Ran] | None:
    """The records of the verdict's ring that it rests on, by digest; None where they cannot be found.

    ``evidence`` is all of the plan's, that of each node in the order written; ``nodes`` are by id.
    """
    ours = ring_records(plan, verdict.ring, evidence, nodes)
    for names in _candidates(verdict, ours):
        if digest(sorted(names)) == verdict.evidence:
            return {name: ours[name] for name in names}
    return None


def ring_records(plan: Plan, ring: str, evidence: Iterable[Ran], nodes: Mapping[str, Node]) -> dict[str, Ran]:
    """The records of a ring's items and nodes, by digest, in the order given."""
    asked = plan.ring(ring)
    items = {item.key for item in plan.for_ring(ring)}
    here: dict[str, bool] = {}
    found: dict[str, Ran] = {}
    for ran in evidence:
        if ran.node not in here:
            here[ran.node] = in_ring(nodes.get(ran.node), asked, plan)
        if here[ran.node] and ran.item in items:
            found.setdefault(ran.own, ran)
    return found


def ended_by(ran: Ran, judged_at: str) -> bool:
    """Whether a run was over when a verdict was reached, by the clocks of its node and of the judge."""
    return ran.ended is None or ran.ended <= _judged(judged_at) + _SECOND


def _candidates(verdict: Verdict, ours: Mapping[str, Ran]) -> Iterator[list[str]]:
    """Sets of records that it may have been, the likeliest first."""
    if verdict.records:
        taken = Counter[str]()
        names = []
        for name, ran in ours.items():
            if taken[ran.node] < verdict.records.get(ran.node, 0):
                taken[ran.node] += 1
                names.append(name)
        yield names
        return
    tried = 0
    for names in _older(verdict, ours):
        tried += len(names) + 1
        if tried > _MOST:
            return
        yield names


def _older(verdict: Verdict, ours: Mapping[str, Ran]) -> Iterator[list[str]]:
    yield list(ours)
    yield []
    yield [name for name, ran in ours.items() if ended_by(ran, verdict.judged_at)]
    # One clock for all nodes, or nearly: what was there at some moment before, or soon after.
    judged = _judged(verdict.judged_at)
    in_time = sorted(ours, key=lambda name: judged if (ended := ours[name].ended) is None else ended)
    for count in range(len(in_time) - 1, -1, -1):
        yield in_time[:count]
    # Nodes that wrote apart from each other: so many of one, and so many of another.
    by_node: dict[str, list[str]] = {}
    for name, ran in ours.items():
        by_node.setdefault(ran.node, []).append(name)
    for counts in itertools.product(*(range(len(own), -1, -1) for own in by_node.values())):
        yield [name for own, count in zip(by_node.values(), counts, strict=True) for name in own[:count]]


def _judged(text: str) -> float:
    return moment(text).timestamp()


def _end(record: Evidence) -> float | None:
    """When a run ended; None for one that does not say."""
    began = zoned(record.started)
    return None if began is None else began.timestamp() + record.seconds

"""Reads the evidence of a ring's items, one item after the other: what is judged of one alone is judged here.

A ring may have a million records. Those of one item are held while it is read; what stays of them are outcomes, floats
and traces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from compat.judge.admit import contradictions, defects, strayed
from compat.judge.designs import InPhases, examine_in_phases
from compat.judge.items import Examined, examine
from compat.judge.phased import misplaced
from compat.judge.plausible import copies, disorder, implausible
from compat.judge.traces import Trace, traces
from compat.model import Evidence, Identity, Item, Node, Plan, Ring, digest

__all__ = ["Read", "Reader"]

_SHOWN = 3  # defects of one item that its reason lists


@dataclass(frozen=True)
class Read:
    """What stays of an item."""

    refused: str  # why its evidence is not what was asked for; empty if it is
    traces: tuple[Trace, ...]  # of what was admitted
    examined: tuple[Examined, ...] = ()  # where it runs in pairs
    phased: InPhases | None = None


@dataclass(frozen=True)
class Reader:
    """The evidence of a ring. ``read`` gives an item's, on the ring's nodes, each record once."""

    plan: Plan
    ring: Ring
    read: Callable[[str], Sequence[Evidence]]
    identities: Mapping[str, Identity]
    nodes: Mapping[str, Node]
    blob: Callable[[str], bytes]

    @cached_property
    def controls(self) -> frozenset[str]:
        """The nodes of the control group."""
        return frozenset(name for name, node in self.nodes.items() if self.ring.is_control(node))

    @cached_property
    def _plan_digest(self) -> str:
        return digest(self.plan)

    def judge(self, item: Item) -> Read:
        """Read one item, and judge of it what can be judged of it alone."""
        admitted, refused = self.admitted(item)
        left = traces(admitted)
        if refused:
            return Read(refused, left)
        if item.cell.phased:
            phased = examine_in_phases(item, admitted, self.plan, self.ring, self.nodes, self.blob)
            return Read("", left, phased=phased)
        return Read("", left, examine(item, admitted, self.plan, self.blob))

    def admitted(self, item: Item) -> tuple[list[Evidence], str]:
        """The evidence of an item that counts, and why other evidence of it is not what was asked for."""
        # What a control node ran counts where an item runs in phases.
        evidence = [e for e in self.read(item.key) if item.cell.phased or e.node not in self.controls]
        admitted = []
        wrong = contradictions(evidence) + strayed(evidence) + disorder(evidence) + copies(item, evidence)
        for record in evidence:
            why = self._amiss(record, item)
            if not why:
                admitted.append(record)
            wrong += [f"pair {record.pair} on {record.node} ({record.arm.value}): {said}" for said in why]
        if not wrong:
            return admitted, ""
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        return admitted, f"evidence that is not what was asked for: {'; '.join(wrong[:_SHOWN])}{more}"

    def _amiss(self, record: Evidence, item: Item) -> list[str]:
        node, identity = self.nodes.get(record.node), self.identities.get(record.identity)
        return [
            *defects(record, item, self.plan, self._plan_digest, self.identities, self.nodes),
            *misplaced(record, item, self.ring, node),
            *implausible(record, node, identity),
        ]

"""Where an upgrade stands, as text and as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compat.gate.standing import Stand
from compat.model import Decision, Lease, Node, Promotion
from compat.report.text import clean

__all__ = ["Overview", "rings_document", "rings_text"]

_MOST = 5  # reasons of a ring


@dataclass(frozen=True)
class Overview:
    """An upgrade in words, what its rings' gates say, whose its nodes are, by id, and what was promoted of it."""

    upgrade: str
    stands: Sequence[Stand]
    nodes: Mapping[str, Node]
    held: Mapping[str, Lease]
    promoted: Sequence[Promotion]

    def host(self, node: str) -> str:
        """A node's name for people."""
        return self.nodes[node].hostname if node in self.nodes else node


def rings_text(found: Overview) -> str:
    """Ring by ring: what its gate says, why, since when, on which nodes."""
    return clean("\n".join(_lines(found)))


def _lines(found: Overview) -> Iterator[str]:
    yield found.upgrade
    for stand in found.stands:
        yield from _ring(stand, found)
    for entry in found.promoted:
        by_override = f", BY OVERRIDE ({entry.reason})" if entry.override else ""
        what = f"known-good in baseline {entry.baseline}, entry {entry.number}, since {entry.at} by {entry.by}"
        yield f"  {what}, from ring {entry.ring}{by_override}"
    for lease in found.held.values():
        whose = "this upgrade" if lease.upgrade == found.upgrade else lease.upgrade
        yield f"  node {found.host(lease.node)} belongs to {whose} since {lease.at}"


def _ring(stand: Stand, found: Overview) -> Iterator[str]:
    judged = stand.verdict
    state = stand.decision.value if judged else "not judged yet"
    go = stand.decision is Decision.GO
    own = f"; its own verdict is GO since {stand.since}" if stand.since and not go else ""
    yield f"  ring {stand.ring}: {state}" + (f" since {stand.since}" if go else own)
    if judged is None:
        yield "    may take the upgrade now" if not stand.before else "    may not take the upgrade yet:"
        yield from (f"      {why}" for why in stand.before[:_MOST])
        return
    names = [found.host(name) for name in judged.nodes]
    yield f"    nodes: {', '.join(names) or 'none'}; verdict {stand.digest[:12]} of {judged.judged_at}"
    if stand.decision is not Decision.GO:
        yield from (f"    {why}" for why in stand.reasons[:_MOST])
        if len(stand.reasons) > _MOST:
            yield f"    and {len(stand.reasons) - _MOST} more"
    elif stand.soaked != stand.since:
        yield f"    its soak ends at {stand.soaked}"


def rings_document(found: Overview) -> dict[str, Any]:
    """The same for programs."""
    return {
        "upgrade": found.upgrade,
        "rings": [
            {
                "ring": stand.ring,
                "decision": stand.decision.value,
                "judged": stand.verdict is not None,
                "reasons": list(stand.reasons),
                "may_enter": not stand.before,
                "before": list(stand.before),
                "since": stand.since or None,
                "soak_ends": stand.soaked or None,
                "verdict": stand.digest or None,
                "nodes": list(stand.verdict.nodes) if stand.verdict else [],
            }
            for stand in found.stands
        ],
        "promoted": [
            {"baseline": entry.baseline, "entry": entry.number, "ring": entry.ring, "override": entry.override}
            for entry in found.promoted
        ],
        "leases": {
            node: {"upgrade": lease.upgrade, "since": lease.at, "by": lease.by} for node, lease in found.held.items()
        },
        "hostnames": {name: node.hostname for name, node in found.nodes.items()},
    }

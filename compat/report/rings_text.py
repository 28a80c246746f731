"""Where an upgrade stands, as text and as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compat.gate.standing import Stand
from compat.model import Decision, Lease, Node
from compat.report.text import clean

__all__ = ["rings_document", "rings_text"]

_MOST = 5  # reasons of a ring


def rings_text(upgrade: str, stands: Sequence[Stand], nodes: Mapping[str, Node], held: Mapping[str, Lease]) -> str:
    """Ring by ring: what its gate says, why, since when, on which nodes."""
    return clean("\n".join(_lines(upgrade, stands, nodes, held)))


def _lines(
    upgrade: str, stands: Sequence[Stand], nodes: Mapping[str, Node], held: Mapping[str, Lease]
) -> Iterator[str]:
    yield upgrade
    for stand in stands:
        judged = stand.verdict
        state = stand.decision.value if judged else "not judged yet"
        yield f"  ring {stand.ring}: {state}" + (f" since {stand.since}" if stand.since else "")
        if judged is None:
            yield "    may take the upgrade now" if not stand.before else "    may not take the upgrade yet:"
            yield from (f"      {why}" for why in stand.before[:_MOST])
            continue
        names = [nodes[name].hostname if name in nodes else name for name in judged.nodes]
        yield f"    nodes: {', '.join(names) or 'none'}; verdict {stand.digest[:12]} of {judged.judged_at}"
        if stand.decision is not Decision.GO:
            yield from (f"    {why}" for why in stand.reasons[:_MOST])
            if len(stand.reasons) > _MOST:
                yield f"    and {len(stand.reasons) - _MOST} more"
        elif stand.soaked != stand.since:
            yield f"    its soak ends at {stand.soaked}"
    for lease in held.values():
        host = nodes[lease.node].hostname if lease.node in nodes else lease.node
        whose = "this upgrade" if lease.upgrade == upgrade else lease.upgrade
        yield f"  node {host} belongs to {whose} since {lease.at}"


def rings_document(
    upgrade: str, stands: Sequence[Stand], nodes: Mapping[str, Node], held: Mapping[str, Lease]
) -> dict[str, Any]:
    """The same for programs."""
    return {
        "upgrade": upgrade,
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
            for stand in stands
        ],
        "leases": {node: {"upgrade": lease.upgrade, "since": lease.at, "by": lease.by} for node, lease in held.items()},
        "hostnames": {name: node.hostname for name, node in nodes.items()},
    }

"""Where an upgrade stands."""

from __future__ import annotations

from typing import Annotated

import typer

from compat.commands.words import JsonOption, Plan, Signatures, Store, Trust, counted
from compat.model import digest

__all__ = ["rings"]


def rings(
    store: Store,
    plan: Plan = None,
    release: Annotated[
        str | None, typer.Option("--release", metavar="NODE", help="Let a node go, whichever upgrade has it.")
    ] = None,
    json: JsonOption = False,
    trust: Trust = None,
    signatures: Signatures = 1,
) -> None:
    """Print where an upgrade stands, ring by ring, by the verdicts in the store: nothing is judged or run."""
    from compat.report.rings_text import Overview, rings_document, rings_text
    from compat.way import Trust as Trusted
    from compat.way import open_store, stored_standing
    from compat.way.leases import holder, upgrade_of
    from compat.way.leases import release as let_go

    counted(trust, signatures)
    opened = open_store(store)
    if release is not None:
        gone = let_go(opened, release)
        typer.echo(f"node {release} belonged to {gone.upgrade} since {gone.at}, and belongs to none now")
        return
    chosen = opened.plan(plan)
    nodes = opened.nodes()
    held = {node.id: lease for node in nodes.values() if (lease := holder(opened, node.id)) is not None}
    promoted = [entry for name in opened.baselines() for entry in opened.baseline(name).entries()]
    own = [entry for entry in promoted if entry.action == "promote" and entry.plan == digest(chosen)]
    stands = stored_standing(opened, chosen, Trusted.of(trust, signatures))
    found = Overview(upgrade_of(chosen), stands, nodes, held, own)
    if json:
        import json as json_

        typer.echo(json_.dumps(rings_document(found), indent=2, sort_keys=True))
    else:
        typer.echo(rings_text(found))

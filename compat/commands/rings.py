"""Where an upgrade stands."""

from __future__ import annotations

from typing import Annotated

import typer

from compat.commands.words import JsonOption, Plan, Signatures, Store, Trust, counted

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
    from compat.report.rings_text import rings_document, rings_text
    from compat.way import Trust as Trusted
    from compat.way import open_store, stored_standing
    from compat.way.leases import release as let_go
    from compat.way.rings import overview

    counted(trust, signatures)
    opened = open_store(store)
    if release is not None:
        gone = let_go(opened, release)
        typer.echo(f"node {release} belonged to {gone.upgrade} since {gone.at}, and belongs to none now")
        return
    chosen = opened.plan(plan)
    found = overview(opened, chosen, stored_standing(opened, chosen, Trusted.of(trust, signatures)))
    if json:
        import json as json_

        typer.echo(json_.dumps(rings_document(found), indent=2, sort_keys=True))
    else:
        typer.echo(rings_text(found))

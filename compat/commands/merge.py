"""Stores of shards and nodes that were measured apart, as one."""

from __future__ import annotations

from typing import Annotated

import typer

from compat.commands.words import Plan

__all__ = ["merge"]


def merge(
    stores: Annotated[
        list[str], typer.Argument(help="The stores of shards and nodes: folders, or s3://BUCKET/PREFIX.")
    ],
    output: Annotated[str, typer.Option("--output", metavar="STORE", help="The store to put all of it into.")],
    plan: Plan = None,
) -> None:
    """Put the evidence of shards and nodes into one store, to be judged together. Refuses what contradicts."""
    from compat.report.text import count
    from compat.store import merge as put_together

    merged = put_together(stores, output, plan)
    runs = f"{count(merged.runs, 'run')} on {count(merged.nodes, 'node')}"
    typer.echo(f"{output}: {runs}, {merged.new} of them new (plan {merged.plan[:12]})")

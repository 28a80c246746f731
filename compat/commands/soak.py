"""A look at a node while an upgrade soaks on it: for cron, or a scheduled job."""

from __future__ import annotations

from typing import Annotated

import typer

from compat.commands.words import Cache, Content, Engine, Plan, Ring, Store, seconds_of
from compat.report.screen import Screen, new_console

__all__ = ["soak"]


def soak(
    store: Store,
    ring: Ring = None,
    case: Annotated[str, typer.Option("--case", help="Choose only among cases whose name matches.")] = "*",
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="DURATION", help="For the cases. Default: the ring's budget.")
    ] = None,
    engine: Engine = None,
    cache: Cache = None,
    content: Content = None,
    plan: Plan = None,
) -> None:
    """Look at this node while the upgrade soaks: a few cases in both arms, health, drift. Kept in the store as a watch.

    Exit code: 0 all is as it was when the ring was judged, 10 something is not, 2 usage.
    """
    from compat.gate import exit_code
    from compat.model import Decision
    from compat.plan.content import site_folders
    from compat.report.text import clean, count
    from compat.way import Options, open_store
    from compat.way.soak import soak as look

    site_folders(content or ())
    options = Options(ring, None, engine, cache, tuple(content or ()))
    seconds = None if timeout is None else seconds_of("timeout", timeout)
    screen = Screen(new_console())
    opened = open_store(store)
    try:
        watch = look(opened, options, screen.say, screen.progress, plan=plan, pattern=case, seconds=seconds)
    finally:
        screen.end()
    for finding in watch.findings:
        typer.echo(f"- {clean(finding)}")
    host = opened.hostnames().get(watch.node, watch.node)
    ran = f"{count(len(watch.cases), 'case')} on node {host}, ring {watch.ring}, {watch.seconds:.0f} s"
    if case != "*":
        typer.echo(f"the cases were narrowed to {clean(case)}: for the gate of the next ring nobody has looked yet")
    typer.echo(f"SOAK: {count(len(watch.findings), 'finding') if watch.findings else 'all is as it was'} ({ran})")
    raise typer.Exit(exit_code(Decision.HOLD if watch.findings else Decision.GO))

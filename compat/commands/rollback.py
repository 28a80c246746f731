"""The way back from an upgrade: what it is, trying it, and whether a node is back."""

from __future__ import annotations

from typing import Annotated

import typer

from compat.commands.words import Cache, Content, Engine, JsonOption, Plan, Ring, Store, seconds_of
from compat.report.screen import Screen, new_console

__all__ = ["app"]

app = typer.Typer(
    help="The way back from an upgrade: what it is, trying it, and whether a node is back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

By = Annotated[str | None, typer.Option("--by", metavar="WHO", help="For the record. Default: user@machine.")]
Case = Annotated[str, typer.Option("--case", help="Choose only among cases whose name matches this shell pattern.")]


@app.command()
def plan(
    store: Store,
    json: JsonOption = False,
    check: Annotated[
        bool, typer.Option("--check", help="Ask whether its images, packages and files can still be had.")
    ] = False,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="NAME", help="Whose promotions count. Default: the matrix's name."),
    ] = None,
    cache: Cache = None,
    plan: Plan = None,
) -> None:
    """Print what the upgrade goes back to, where, and in which order. Changes nothing.

    Exit code: 0; with --check 1 where a part of the known-good stack is gone, or nobody knows whether it is there.
    """
    from compat.report.rollback import rollback_json, rollback_text
    from compat.way import Options, open_store
    from compat.way.back import can_be_had, plan_back

    back = plan_back(open_store(store), plan, baseline)
    had = can_be_had(back, Options(cache=cache).cache_folder()) if check else None
    typer.echo(rollback_json(back, had) if json else rollback_text(back, had))
    if had is not None and not all(one.good for one in had):
        raise typer.Exit(1)


@app.command()
def rehearse(
    store: Store,
    ring: Ring = None,
    command: Annotated[
        list[str] | None,
        typer.Option("--command", metavar="CMD", help="What goes back here, in a shell. Repeatable, in order."),
    ] = None,
    then: Annotated[
        list[str] | None, typer.Option("--then", metavar="CMD", help="What goes to the candidate again afterwards.")
    ] = None,
    timeout: Annotated[str, typer.Option("--timeout", metavar="DURATION", help="For all, until it is good.")] = "30m",
    command_timeout: Annotated[
        str, typer.Option("--command-timeout", metavar="DURATION", help="For each command.")
    ] = "30m",
    case: Case = "*",
    by: By = None,
    engine: Engine = None,
    cache: Cache = None,
    content: Content = None,
    plan: Plan = None,
) -> None:
    """Try the way back on this node, and record the seconds to good: by your commands, or by a fresh installation.

    A rehearsal is not the real thing: say --then to have the candidate again. Exit code: 0 good, 1 not good, 2 usage.
    """
    from compat.plan.content import site_folders
    from compat.report.rollback import rehearsal_text
    from compat.way import Options, open_store
    from compat.way.leases import me
    from compat.way.rehearse import Rehearsing
    from compat.way.rehearse import rehearse as go

    site_folders(content or ())
    options = Options(ring, None, engine, cache, tuple(content or ()))
    chosen = Rehearsing(
        by or me(),
        tuple(command or ()),
        tuple(then or ()),
        seconds_of("timeout", timeout),
        seconds_of("command-timeout", command_timeout),
        case,
    )
    screen = Screen(new_console())
    opened = open_store(store)
    try:
        found, problem = go(opened, options, chosen, screen.say, screen.progress, plan)
    finally:
        screen.end()
    typer.echo(rehearsal_text(found, opened.hostnames()))
    if problem:
        typer.echo(f"compat: then: {problem}", err=True)
    raise typer.Exit(0 if found.good and not problem else 1)


@app.command()
def verify(
    store: Store,
    ring: Ring = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="MOMENT", help="When the rollback was begun (date -Is).")
    ] = None,
    timeout: Annotated[str, typer.Option("--timeout", metavar="DURATION", help="For all of it.")] = "5m",
    case: Case = "*",
    by: By = None,
    engine: Engine = None,
    cache: Cache = None,
    content: Content = None,
    plan: Plan = None,
) -> None:
    """After a rollback, on the node: is it back to known-good? Exit code: 0 back, 1 not back, 2 usage."""
    from compat.plan.content import site_folders
    from compat.report.rollback import rehearsal_text
    from compat.way import Options, open_store
    from compat.way.leases import me
    from compat.way.verify import Verifying
    from compat.way.verify import verify as look

    site_folders(content or ())
    options = Options(ring, None, engine, cache, tuple(content or ()))
    chosen = Verifying(by or me(), since, seconds_of("timeout", timeout), case)
    screen = Screen(new_console())
    opened = open_store(store)
    try:
        found = look(opened, options, chosen, screen.say, screen.progress, plan)
    finally:
        screen.end()
    typer.echo(rehearsal_text(found, opened.hostnames()))
    raise typer.Exit(0 if found.good else 1)

"""A store as a whole: whether all of it is what was written, and several as one."""

from __future__ import annotations

import typer

from compat.commands.merge import merge
from compat.commands.words import Store

__all__ = ["app"]

app = typer.Typer(help="A store as a whole: verify it, merge it with others.", no_args_is_help=True)
app.command()(merge)

_MOST = 50  # problems that are printed


@app.command()
def verify(store: Store) -> None:
    """Look at every document, blob and log of a store, and at what they say of each other. Exit code: 0 or 2."""
    from compat.report.text import count
    from compat.store.verify import verify as look
    from compat.way import open_store

    said = 0

    def say(line: str) -> None:
        nonlocal said
        said += 1
        if said <= _MOST:
            typer.echo(line)

    found = look(open_store(store), say)
    if said > _MOST:
        typer.echo(f"and {said - _MOST} more")
    for remark in found.remarks:
        typer.echo(f"note: {remark}")
    there = ", ".join(f"{number} in {kind}" for kind, number in sorted(found.counts.items())) or "nothing in it"
    typer.echo(f"{store}: {count(found.problems, 'problem') if found.problems else 'no problem'} ({there})")
    raise typer.Exit(2 if found.problems else 0)

"""The command that answers what became of a case. It judges nothing, and needs the store alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compat.commands.outputs import check_output, write_output
from compat.commands.words import Plan, Ring, Store
from compat.report.screen import new_console

if TYPE_CHECKING:
    from collections.abc import Iterable

    from compat.model import Evidence

__all__ = ["show"]

_FEW = 3  # cases that are printed in full


def show(
    store: Store,
    case: Annotated[
        str,
        typer.Argument(
            help="A case's name, with its cell or without, or as pytest shows it; * and ? are wild.", metavar="CASE"
        ),
    ] = "*",
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Only the pairs: one row per metric and pair, both arms beside each other.")
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV: one row per metric of every run, faults too.")] = False,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="Write the rows of --csv into FILE, as Parquet.")
    ] = None,
    ring: Ring = None,
    plan: Plan = None,
) -> None:
    """Print what became of a case, and why; many cases are a line each, the worst first.

    It says what the newest verdict in the store says (of several rings the one judged last), and judges nothing. With
    the verdict's figures it prints the pairs, faults with the end of their output, and the command that repeats it.
    """
    from compat.report.case_text import print_case, print_cases
    from compat.way import find_cases, find_runs, open_store

    check_output(parquet, store)
    opened = open_store(store)
    if csv or pairs or parquet:
        _raw(find_runs(opened, case, ring, plan), csv=csv, parquet=parquet)
        return
    found = find_cases(opened, case, ring, plan)
    console = new_console()
    if len(found.keys) > _FEW:
        print_cases(found.overview(), console, store, judged=found.verdict is not None)
        return
    hostnames = opened.hostnames()
    judged = "" if found.verdict is None else found.verdict.judged_at
    for number, one in enumerate(found.whole()):
        if number:
            console.print()
        print_case(one.view, one.comparisons, console, store, hostnames, later=one.later, judged=judged)


def _raw(evidence: Iterable[Evidence], *, csv: bool, parquet: Path | None) -> None:
    """Evidence as a table; a row a run for programs, a row a pair for people."""
    from compat.report import tables

    if parquet:
        write_output(parquet, tables.to_parquet(tables.evidence_table(evidence)))
        typer.echo(parquet)
    elif csv:
        typer.echo(tables.to_csv(tables.evidence_table(evidence)), nl=False)
    else:
        typer.echo(tables.show(evidence).to_string(index=False))

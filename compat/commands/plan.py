"""What would be measured, before anything is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compat.commands.words import Cache, Calibration, Content, Matrix, Ring
from compat.report.screen import new_console

__all__ = ["plan"]


def plan(
    matrix: Matrix,
    ring: Ring = None,
    content: Content = None,
    like: Annotated[
        Path | None, typer.Option("--like", metavar="STORE", help="An earlier run, whose cases take as long.")
    ] = None,
    calibration: Calibration = None,
    cache: Cache = None,
) -> None:
    """Print what would be measured, what would not, and why; what it costs, and whether it can reach GO.

    Nothing is installed or run. Exit code: 0, or where a ring cannot reach GO 1 (by the support tables) or 10.
    """
    from compat.report.plan_text import print_plan
    from compat.way import Options, built_bytes, look_ahead, make_plan, ring_of

    options = Options(cache=cache, content=tuple(content or ()))
    made = make_plan(matrix, options)
    name = ring_of(made, ring) if ring else None
    ahead = look_ahead(made, name, like, calibration)
    print_plan(made, name, new_console(), ahead, built_bytes(made, options.cache_folder()))
    if any(one.refused for one in ahead):
        raise typer.Exit(1)
    if any(one.obstacles for one in ahead):
        raise typer.Exit(10)

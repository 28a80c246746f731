"""What would be measured, before anything is."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from compat.commands.words import Cache, Calibration, Content, Like, Matrix, Ring
from compat.model import Phase
from compat.report.screen import new_console

if TYPE_CHECKING:
    from compat.judge.forecast import Forecast
    from compat.model import Rejection

__all__ = ["plan"]

_TABLE = "table"


def plan(
    matrix: Matrix,
    ring: Ring = None,
    content: Content = None,
    like: Like = None,
    calibration: Calibration = None,
    cache: Cache = None,
    form: Annotated[str, typer.Option("--format", help="table, json, or jobs: github, gitlab, k8s, slurm.")] = _TABLE,
    shards: Annotated[int, typer.Option("--shards", min=1, max=1000, help="Into how many parts the ring goes.")] = 1,
    nodes: Annotated[
        Path | None, typer.Option("--nodes", metavar="FILE", help="The nodes there are (YAML or JSON), to place cells.")
    ] = None,
    phase: Annotated[
        Phase | None, typer.Option("--phase", help="Of an upgraded driver: only the jobs before it, or after it.")
    ] = None,
    command: Annotated[str, typer.Option("--job-command", help="How a job calls compat.")] = "compat",
    store: Annotated[
        str | None, typer.Option("--job-store", help="Where jobs keep the shards' stores. Default: out/NAME.shards.")
    ] = None,
    image: Annotated[str | None, typer.Option("--image", help="The container image of a job.")] = None,
    claim: Annotated[
        str | None, typer.Option("--claim", help="k8s: the PersistentVolumeClaim that the stores are on.")
    ] = None,
    feature: Annotated[
        str, typer.Option("--feature", help="slurm: the feature of nodes by {driver} or its {branch}.")
    ] = "driver-{branch}",
    points: Annotated[
        bool, typer.Option("--points", help="Only count the points, show the first ones, and say why others are not.")
    ] = False,
    first: Annotated[int, typer.Option("--first", metavar="N", min=0, help="Points that --points shows.")] = 20,
) -> None:
    """Print what would be measured, what would not, and why; what it costs, and whether it can reach GO. Or the jobs.

    Nothing is installed or run. Exit code: 0, or where a ring cannot reach GO 1 (by the support tables) or 10.
    """
    if points:
        from compat.plan import load_matrix
        from compat.report.points_text import print_points

        print_points(load_matrix(matrix), first, new_console())
        return
    from compat.errors import UsageError
    from compat.report.plan_formats import plan_formats
    from compat.report.plan_text import print_plan
    from compat.way import JobOptions, Options, asked, built_bytes, look_ahead, make_plan, ring_of

    formats = plan_formats()
    if form not in formats:
        raise UsageError("format", f"{form!r} is not one of {', '.join(formats)}", "choose one of them")
    options = Options(ring, cache=cache, content=tuple(content or ()), phase=phase, like=like)
    made = make_plan(matrix, options)
    name = ring_of(made, ring) if ring else None
    ahead = look_ahead(made, name, like, calibration)
    if form == _TABLE and shards == 1 and nodes is None:  # of all rings, where none was named
        print_plan(made, name, new_console(), ahead, built_bytes(made, options.cache_folder()))
        _exit(ahead)
    try:
        words = tuple(shlex.split(command))
    except ValueError as problem:
        raise UsageError("job-command", f"{command!r} is no command: {problem}", "quote it as a shell does") from None
    found = asked(made, matrix, options, JobOptions(shards, nodes, words or ("compat",), store, image, claim, feature))
    ahead = tuple(one for one in ahead if one.ring == found.ring.name)
    short = found.placement.rejections if found.placement else ()
    if form == _TABLE:
        print_plan(made, found.ring.name, new_console(), ahead, built_bytes(made, options.cache_folder()), found)
        _exit(ahead, short)
    if form != "json" and found.ring.on_paper:
        what, remedy = "asks for the tables alone, and there is nothing to measure", "say compat run once, anywhere"
        raise UsageError(f"ring {found.ring.name}", what, remedy)
    if not found.batches and form != "json":
        what, remedy = "no node that is listed can run any of its cells", "compat plan --nodes says what each one lacks"
        raise UsageError(f"ring {found.ring.name}", what, remedy)
    text = formats[form].render(found)
    for rejection in (*made.rejections, *short):
        if rejection.blocking and rejection.ring in (None, found.ring.name):
            typer.echo(f"compat: {rejection.what}: {rejection.reason} (keeps the ring from GO)", err=True)
    if nodes is None and found.ring.gpus is None and any(batch.gpus for batch in found.batches) and form != "json":
        said = "jobs ask for 1 GPU of each node, nobody said how many there are: say gpus: N in the ring, or --nodes"
        typer.echo(f"compat: ring {found.ring.name}: {said}", err=True)
    typer.echo(text)
    _exit(ahead, short)


def _exit(ahead: Sequence[Forecast], short: Sequence[Rejection] = ()) -> NoReturn:
    """End with the code of rings that cannot reach GO, by their forecast or for want of nodes; else with 0."""
    refused = any(one.refused for one in ahead)
    held = any(one.obstacles for one in ahead) or any(one.blocking for one in short)
    raise typer.Exit(1 if refused else 10 if held else 0)

"""Commands that measure."""

from __future__ import annotations

from typing import Annotated

import typer

from compat.commands.words import (
    Cache,
    Calibration,
    Content,
    Engine,
    Like,
    LockClocks,
    Matrix,
    PhaseOption,
    Plan,
    Ring,
    ShardOption,
    Store,
    Waivers,
)
from compat.model import Arm
from compat.report.screen import Screen, new_console

__all__ = ["calibrate", "repeat_case", "run"]


def run(
    matrix: Matrix,
    ring: Ring = None,
    store: Annotated[str | None, typer.Option("--store", help="Where evidence is kept. Default: out/NAME.")] = None,
    engine: Engine = None,
    cache: Cache = None,
    content: Content = None,
    label: Annotated[list[str] | None, typer.Option("--label", help="KEY=VALUE of this node. Repeatable.")] = None,
    case: Annotated[str, typer.Option("--case", help="Only cases whose name matches this shell pattern.")] = "*",
    fresh: Annotated[bool, typer.Option("--fresh", help="Put stored evidence aside and measure again.")] = False,
    lock_clocks: LockClocks = None,
    phase: PhaseOption = None,
    shard: ShardOption = None,
    like: Like = None,
    measure_only: Annotated[
        bool, typer.Option("--measure-only", help="Judge nothing: exit code 0 says that measuring ended, not GO.")
    ] = False,
    waivers: Waivers = None,
    calibration: Calibration = None,
) -> None:
    """Measure on this node, judge, and write the report. Exit code: 0 GO, 1 NO-GO, 10 HOLD, 2 usage.

    A shard by itself is HOLD, for the rest is missing: merge the shards' stores (compat merge), and judge that.
    """
    from compat.gate import exit_code
    from compat.plan.shards import Shard
    from compat.report.terminal import MOST, print_verdict
    from compat.way import Job, Options, conclude, make_plan, open_store, parse_labels, write_reports

    if like is not None:
        open_store(like)  # also where it changes nothing, without a shard: a word that is wrong is said
    labels = parse_labels(label or ())
    options = Options(
        ring,
        store,
        engine,
        cache,
        tuple(content or ()),
        labels,
        fresh,
        lock_clocks,
        waivers,
        phase=phase,
        matrix=matrix,
        shard=None if shard is None else Shard.parse(shard),
        like=like,
    )
    job = Job(make_plan(matrix, options), options)
    console = new_console()
    screen = Screen(console)
    try:
        kept = job.measure(job.select(case), screen.say, screen.progress)
    finally:
        screen.end()
    if measure_only:
        console.print(f"measured, not judged: {job.folder}", markup=False, highlight=False, soft_wrap=True)
        return
    concluded = conclude(kept, job.ring, None, waivers, calibration)
    written = write_reports(concluded, job.folder)
    print_verdict(concluded.summary, console, most=MOST)
    console.print(f"report: {written['html']}", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(exit_code(concluded.verdict.decision))


def calibrate(
    matrix: Matrix,
    ring: Ring = None,
    pairs: Annotated[int, typer.Option("--pairs", min=60, help="Pairs of each case.")] = 60,
    store: Annotated[
        str | None, typer.Option("--store", help="Where evidence is kept. Default: out/NAME.calibration.")
    ] = None,
    engine: Engine = None,
    cache: Cache = None,
    content: Content = None,
    label: Annotated[list[str] | None, typer.Option("--label", help="KEY=VALUE of this node. Repeatable.")] = None,
) -> None:
    """Measure the known-good stack beside itself on this node: the least slowdown that each case can tell here."""
    from compat.report.calibrated import calibrated_text
    from compat.way import Options, make_plan, parse_labels
    from compat.way import calibrate as measure

    labels = parse_labels(label or ())
    options = Options(ring, store, engine, cache, tuple(content or ()), labels, matrix=matrix)
    made = make_plan(matrix, options)
    screen = Screen(new_console())
    try:
        found = measure(made, options, pairs, screen.say, screen.progress)
    finally:
        screen.end()
    typer.echo(calibrated_text(found))


def repeat_case(
    store: Store,
    case: Annotated[str, typer.Argument(help="A case: its name, or a pattern for it alone.", metavar="CASE")],
    repeat: Annotated[int, typer.Option("--repeat", min=1, help="Runs of each arm.")] = 20,
    arm: Annotated[Arm | None, typer.Option("--arm", help="Only this arm. Default: both, interleaved.")] = None,
    keep: Annotated[
        str | None, typer.Option("--store", metavar="DIR", help="Keep the evidence in a new store there.")
    ] = None,
    engine: Engine = None,
    cache: Cache = None,
    content: Content = None,
    lock_clocks: LockClocks = None,
    plan: Plan = None,
) -> None:
    """Repeat one case of a stored plan exactly, each time in a fresh process, and print how it went. Judges nothing."""
    from compat.report.repeated import repeated_text
    from compat.way import Options, open_store
    from compat.way import repeat_case as again

    options = Options(None, keep, engine, cache, tuple(content or ()), lock_clocks=lock_clocks)
    arms = tuple(Arm) if arm is None else (arm,)
    screen = Screen(new_console())
    try:
        repeated = again(
            open_store(store), case, options, screen.say, screen.progress, count=repeat, arms=arms, plan=plan
        )
    finally:
        screen.end()
    typer.echo(repeated_text(repeated))
    if repeated.stopped:
        raise typer.Exit(130)

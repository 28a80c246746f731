"""The commands. Each is a stage of the way through, and does nothing that the stage's folder does not do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from compat.errors import CompatError
from compat.model import Arm, Phase
from compat.report.screen import Screen, new_console

__all__ = ["app", "main"]

app = typer.Typer(
    name="compat",
    help="May this upgrade go to the next ring of nodes? GO, NO-GO or HOLD, with the evidence.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_Matrix = Annotated[Path, typer.Argument(help="The matrix file.", metavar="MATRIX")]
_Store = Annotated[Path, typer.Argument(help="The folder that a run left its evidence in.", metavar="STORE")]
_Ring = Annotated[str | None, typer.Option("--ring", help="The ring. Default: the only one.")]
_Content = Annotated[
    list[Path] | None, typer.Option("--content", help="A folder of your own with kernels/ or workloads/. Repeatable.")
]
_Engine = Annotated[str | None, typer.Option("--engine", help="auto, docker or venv: what realises the runtimes.")]
_Cache = Annotated[Path | None, typer.Option("--cache", help="Where built runtimes are kept between runs.")]
_LockClocks = Annotated[
    int | None,
    typer.Option("--lock-clocks", metavar="MHZ", min=1, help="For diagnosis: hold the GPU's clock there. Needs root."),
]
_Plan = Annotated[str | None, typer.Option("--plan", help="Digest of the plan, or its start. Default: the newest.")]

_Waivers = Annotated[
    Path | None, typer.Option("--waivers", metavar="FILE", help="Accepted changes, with owner, reason and expiry.")
]
_Calibration = Annotated[
    Path | None, typer.Option("--calibration", metavar="STORE", help="What compat calibrate measured.")
]

_Phase = Annotated[Phase | None, typer.Option("--phase", help="Of a control node: before or after the upgrade.")]

_MOST = 20  # comparisons and reasons that a command prints; the report has them all


def main() -> None:
    """Run a command; a problem is one line on standard error and exit code 2."""
    try:
        app()
    except CompatError as problem:
        print(f"compat: {problem}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except KeyboardInterrupt:
        print("compat: stopped; what was measured is kept, and the same command goes on from there", file=sys.stderr)  # noqa: T201
        sys.exit(130)


@app.command()
def plan(matrix: _Matrix, ring: _Ring = None, content: _Content = None) -> None:
    """Print what would be measured, what would not, and why. Nothing is installed or run."""
    from compat.report.plan_text import print_plan
    from compat.way import Options, make_plan, ring_of

    made = make_plan(matrix, Options(content=tuple(content or ())))
    print_plan(made, ring_of(made, ring) if ring else None, new_console())


@app.command()
def run(
    matrix: _Matrix,
    ring: _Ring = None,
    store: Annotated[Path | None, typer.Option("--store", help="Where evidence is kept. Default: out/NAME.")] = None,
    engine: _Engine = None,
    cache: _Cache = None,
    content: _Content = None,
    label: Annotated[list[str] | None, typer.Option("--label", help="KEY=VALUE of this node. Repeatable.")] = None,
    case: Annotated[str, typer.Option("--case", help="Only cases whose name matches this shell pattern.")] = "*",
    fresh: Annotated[bool, typer.Option("--fresh", help="Put stored evidence aside and measure again.")] = False,
    lock_clocks: _LockClocks = None,
    phase: _Phase = None,
    waivers: _Waivers = None,
    calibration: _Calibration = None,
) -> None:
    """Measure on this node, judge, and write the report. Exit code: 0 GO, 1 NO-GO, 10 HOLD, 2 usage."""
    from compat.gate import exit_code
    from compat.report.terminal import print_verdict
    from compat.way import Job, Options, conclude, make_plan, parse_labels, write_reports

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
        beside=matrix.parent,
    )
    job = Job(make_plan(matrix, options), options)
    console = new_console()
    screen = Screen(console)
    try:
        kept = job.measure(job.select(case), screen.say, screen.progress)
    finally:
        screen.end()
    concluded = conclude(kept, job.ring, None, waivers, calibration)
    written = write_reports(concluded, job.folder)
    print_verdict(concluded.view, console, most=_MOST)
    console.print(f"report: {written['html']}", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(exit_code(concluded.verdict.decision))


@app.command()
def calibrate(
    matrix: _Matrix,
    ring: _Ring = None,
    pairs: Annotated[int, typer.Option("--pairs", min=60, help="Pairs of each case.")] = 60,
    store: Annotated[
        Path | None, typer.Option("--store", help="Where evidence is kept. Default: out/NAME.calibration.")
    ] = None,
    engine: _Engine = None,
    cache: _Cache = None,
    content: _Content = None,
    label: Annotated[list[str] | None, typer.Option("--label", help="KEY=VALUE of this node. Repeatable.")] = None,
) -> None:
    """Measure the known-good stack beside itself on this node: the least slowdown that each case can tell here."""
    from compat.report.calibrated import calibrated_text
    from compat.way import Options, make_plan, parse_labels
    from compat.way import calibrate as measure

    labels = parse_labels(label or ())
    options = Options(ring, store, engine, cache, tuple(content or ()), labels, beside=matrix.parent)
    made = make_plan(matrix, options)
    screen = Screen(new_console())
    try:
        found = measure(made, options, pairs, screen.say, screen.progress)
    finally:
        screen.end()
    typer.echo(calibrated_text(found))


@app.command()
def judge(
    store: _Store,
    ring: _Ring = None,
    plan: _Plan = None,
    waivers: _Waivers = None,
    calibration: _Calibration = None,
) -> None:
    """Judge stored evidence, on any machine, and keep the verdict. Exit code 0 whatever the verdict: see gate."""
    from compat.report.terminal import print_verdict
    from compat.way import conclude, open_store

    concluded = conclude(open_store(store), ring, plan, waivers, calibration)
    print_verdict(concluded.view, new_console(), most=_MOST)


@app.command()
def report(
    store: _Store,
    ring: _Ring = None,
    plan: _Plan = None,
    output: Annotated[Path | None, typer.Option("--output", help="The folder to write to. Default: the store.")] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the HTML report in a browser.")] = False,
    waivers: _Waivers = None,
    calibration: _Calibration = None,
) -> None:
    """Judge stored evidence and write every report format."""
    from compat.way import conclude, open_store, write_reports

    concluded = conclude(open_store(store), ring, plan, waivers, calibration)
    folder = output or store
    folder.mkdir(parents=True, exist_ok=True)
    written = write_reports(concluded, folder)
    for path in written.values():
        typer.echo(path)
    if show:
        typer.launch(str(written["html"].resolve()))


@app.command()
def gate(
    store: _Store,
    ring: _Ring = None,
    plan: _Plan = None,
    waivers: _Waivers = None,
    calibration: _Calibration = None,
) -> None:
    """Decide by exit code: 0 GO, 1 NO-GO, 10 HOLD, 2 usage. Judges the stored evidence anew; runs nothing."""
    from compat.gate import exit_code
    from compat.way import conclude, open_store

    verdict = conclude(open_store(store), ring, plan, waivers, calibration).verdict
    first = f": {verdict.reasons[0]}" if verdict.reasons else ""
    typer.echo(f"{verdict.decision.value} {verdict.matrix} ring {verdict.ring}{first}")
    raise typer.Exit(exit_code(verdict.decision))


@app.command()
def show(
    store: _Store,
    case: Annotated[str, typer.Argument(help="Shell pattern for the names of cases.", metavar="CASE")] = "*",
    csv: Annotated[bool, typer.Option("--csv", help="As CSV: one row per metric of every run, faults too.")] = False,
    plan: _Plan = None,
) -> None:
    """Print the evidence for a case as a table: one row per metric and pair, both arms beside each other."""
    from compat.model import digest
    from compat.report import tables
    from compat.way import open_store

    opened = open_store(store)
    evidence = opened.evidence(digest(opened.plan(plan)))
    if csv:
        typer.echo(tables.to_csv(tables.evidence_table(tables.matching(evidence, case))), nl=False)
    else:
        typer.echo(tables.show(evidence, case).to_string(index=False))


@app.command()
def golden(
    store: _Store,
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="The safetensors file to write.")],
    case: Annotated[str, typer.Option("--case", help="Shell pattern for names of cases, all of one workload.")] = "*",
    plan: _Plan = None,
) -> None:
    """Write what the known-good arm returned as golden outputs, and print the declaration for the workload's file."""
    from compat.errors import StoreError
    from compat.model import digest
    from compat.store.golden import golden_tensors
    from compat.way import open_store

    data = golden_tensors(open_store(store), case, plan)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(data)
    except OSError as problem:
        raise StoreError(
            str(output), f"cannot be written: {problem.strerror}", "make room or rights there"
        ) from problem
    typer.echo(f'GOLDEN = {{"path": "golden/{output.name}", "sha256": "{digest(data)}"}}')


@app.command()
def kernel(
    name: Annotated[str, typer.Argument(help="The kernel's name: that of its file.", metavar="NAME")],
    arch: Annotated[
        list[str] | None, typer.Option("--arch", help="90, sm_90 or gfx942. Repeatable. Default: 90.")
    ] = None,
    triton: Annotated[
        str | None, typer.Option("--triton", help="The release that compiles. Default: the newest.")
    ] = None,
    python: Annotated[
        Path | None, typer.Option("--python", metavar="PATH", help="An interpreter that has a Triton already.")
    ] = None,
    cache: _Cache = None,
    content: _Content = None,
) -> None:
    """Print a kernel's cases, what it compiles to, and how fast it could be. No GPU is needed."""
    from compat.report.kernel_text import kernel_text
    from compat.run.kernel import NEWEST_TRITON, inspect_kernel
    from compat.way import Options

    targets = [f"sm_{each}" if each.isdigit() else each for each in arch or ["90"]]
    screen = Screen(new_console())
    try:
        found = inspect_kernel(
            name,
            targets,
            Options(cache=cache).cache_folder(),
            content or (),
            screen.say,
            triton=triton or NEWEST_TRITON,
            python=python,
        )
    finally:
        screen.end()
    typer.echo(kernel_text(found))


@app.command(name="case")
def repeat_case(
    store: _Store,
    case: Annotated[str, typer.Argument(help="A case: its name, or a pattern for it alone.", metavar="CASE")],
    repeat: Annotated[int, typer.Option("--repeat", min=1, help="Runs of each arm.")] = 20,
    arm: Annotated[Arm | None, typer.Option("--arm", help="Only this arm. Default: both, interleaved.")] = None,
    keep: Annotated[
        Path | None, typer.Option("--store", metavar="DIR", help="Keep the evidence in a new store there.")
    ] = None,
    engine: _Engine = None,
    cache: _Cache = None,
    content: _Content = None,
    lock_clocks: _LockClocks = None,
    plan: _Plan = None,
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

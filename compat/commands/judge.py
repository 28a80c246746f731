"""Commands that judge stored evidence, or show it. They run nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compat.commands.browser import open_page
from compat.commands.outputs import check_output
from compat.commands.words import Calibration, Plan, Ring, Store, Waivers
from compat.report.screen import new_console

__all__ = ["golden", "judge", "report"]


def judge(
    store: Store,
    ring: Ring = None,
    plan: Plan = None,
    waivers: Waivers = None,
    calibration: Calibration = None,
) -> None:
    """Judge stored evidence, on any machine, and keep the verdict. Exit code 0 whatever the verdict: see gate."""
    from compat.report.terminal import MOST, print_verdict
    from compat.way import conclude, open_store

    concluded = conclude(open_store(store), ring, plan, waivers, calibration)
    print_verdict(concluded.summary, new_console(), most=MOST)


def report(
    store: Store,
    ring: Ring = None,
    plan: Plan = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="The folder to write to. Default: the store; of a bucket, out/NAME.")
    ] = None,
    form: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="A format, or all. Repeatable. Default: html, json, junit, markdown, text. A name that is none of "
            "them says which others there are.",
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the HTML report in a browser.")] = False,
    waivers: Waivers = None,
    calibration: Calibration = None,
) -> None:
    """Judge stored evidence and write the report, in the formats that are asked for.

    Without --waivers and --calibration it is judged with the waivers of the newest verdict, as far as they still hold,
    and a verdict that was reached with a calibration stands. So a report takes nothing away from what was accepted.
    """
    from compat.report.formats import chosen
    from compat.way import conclude, open_store, report_folder, write_reports

    names = [*form, "html"] if form and show else form or []
    chosen(names)  # a word that is wrong is said before anything is judged
    look = waivers is None and calibration is None
    concluded = conclude(open_store(store), ring, plan, waivers, calibration, look=look)
    written = write_reports(concluded, output or report_folder(store, concluded.verdict.matrix), names)
    for path in written.values():
        typer.echo(path)
    if show and not open_page(written["html"]):
        typer.echo(f"no browser can be opened here: {written['html'].resolve()}")


def golden(
    store: Store,
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="The safetensors file to write.")],
    case: Annotated[str, typer.Option("--case", help="Shell pattern for names of cases, all of one workload.")] = "*",
    plan: Plan = None,
) -> None:
    """Write what the known-good arm returned as golden outputs, and print the declaration for the workload's file."""
    from compat.errors import StoreError
    from compat.model import digest
    from compat.store.golden import golden_tensors
    from compat.way import open_store

    check_output(output, store)
    data = golden_tensors(open_store(store), case, plan)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(data)
    except OSError as problem:
        raise StoreError(
            str(output), f"cannot be written: {problem.strerror}", "make room or rights there"
        ) from problem
    typer.echo(f'GOLDEN = {{"path": "golden/{output.name}", "sha256": "{digest(data)}"}}')

"""The command that a pipeline acts on: its exit code is the decision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compat.commands.outputs import check_output, tell, write_output
from compat.commands.words import Calibration, Plan, Ring, Signatures, Store, Trust, Waivers, counted

if TYPE_CHECKING:
    from compat.gate.answer import Answer
    from compat.store import Store as Store_

__all__ = ["gate"]

_SECONDS = 60  # that scontrol may take for a node


def gate(
    store: Store,
    ring: Ring = None,
    plan: Plan = None,
    waivers: Waivers = None,
    calibration: Calibration = None,
    enter: Annotated[
        bool, typer.Option("--enter", help="Only whether the ring may take the upgrade: what is before it in order.")
    ] = False,
    stored: Annotated[
        bool, typer.Option("--stored", help="By stored verdicts alone: judge nothing, write nothing to the store.")
    ] = False,
    form: Annotated[
        str, typer.Option("--format", help="text, json, or for a pipeline: github, gitlab, slurm.")
    ] = "text",
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write there; gitlab: its metrics, gate.txt.")
    ] = None,
    matrix: Annotated[
        Path | None,
        typer.Option("--matrix", metavar="FILE", help="The matrix file: refuse where the store is of another one."),
    ] = None,
    drain: Annotated[bool, typer.Option("--drain", help="slurm: run the commands, too.")] = False,
    trust: Trust = None,
    signatures: Signatures = 1,
    returnable: Annotated[
        bool, typer.Option("--returnable", help="Only where the known-good stack can still be had. Asks registries.")
    ] = False,
) -> None:
    """Decide by exit code: 0 GO, 1 NO-GO, 10 HOLD, 2 usage. Judges the stored evidence anew, unless --stored.

    A ring after another one asks for that one's GO, its soak, and whatever else the matrix says. --enter asks for no
    more than that, before anything was measured in the ring itself. With --trust the verdict of a ring before it that
    has to be attested is believed if it is signed by such a key; so is the ring's own, with --stored.
    """
    import os

    from compat.errors import UsageError
    from compat.gate import exit_code
    from compat.gate.formats import Wanted, gate_formats
    from compat.way import Trust as Trusted
    from compat.way import answer, open_store

    formats = gate_formats()
    if form not in formats:
        raise UsageError("format", f"{form!r} is not one of {', '.join(formats)}", "choose one of them")
    if drain and form != "slurm":
        raise UsageError("drain", "is for --format slurm", "say --format slurm, or leave it out")
    if stored and (waivers is not None or calibration is not None):
        raise UsageError("stored", "nothing is judged, so nothing is accepted or calibrated", "say it to compat judge")
    if output is not None and form == "github":
        raise UsageError("output", "GitHub says where its files are", "leave it out")
    counted(trust, signatures)
    check_output(output, store, [*(trust or ()), *(one for one in (waivers, matrix) if one is not None)])
    opened = open_store(store)
    if matrix is not None:
        plan = _plan_of(matrix, opened, plan)
    trusted = Trusted.of(trust, signatures)
    found = answer(opened, ring, plan, waivers, calibration, enter, stored, trusted, returnable)
    for part in formats[form].parts(found, Wanted(output, matrix, os.environ)):
        if part.file is None:
            tell(part.text, error=part.error)
        else:
            write_output(part.file, part.text, add=part.add)
    if drain:
        _drain(found)
    raise typer.Exit(exit_code(found.decision))


def _plan_of(matrix: Path, store: Store_, plan: str | None) -> str:
    """The digest of the plan that is asked for. StoreError where it is of another matrix file than this one.

    A pipeline that did not measure, or whose merge was refused, finds the last upgrade's evidence in the same place.
    """
    from compat.errors import StoreError
    from compat.model import digest
    from compat.plan.yaml_file import read_yaml

    chosen, own = store.plan(plan), read_yaml(matrix).digest
    if chosen.matrix_digest != own:
        planned = f"{chosen.name}, sha256 {chosen.matrix_digest[:12]}"
        problem = f"is not the matrix file that the plan was made of ({planned}; this one has {own[:12]})"
        raise StoreError(str(matrix), problem, f"measure it into another store than {store.where}, or name its --plan")
    return digest(chosen)


def _drain(found: Answer) -> None:
    """Run the commands. One that fails is said, and changes nothing of the decision or of the others."""
    import subprocess

    from compat.gate.formats.slurm import drain_commands

    for words in drain_commands(found):
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=_SECONDS)
            problem = " ".join(done.stderr.split()) if done.returncode else ""
            problem = problem or (f"exit code {done.returncode}" if done.returncode else "")
        except (OSError, subprocess.TimeoutExpired) as error:
            problem = getattr(error, "strerror", None) or f"no answer in {_SECONDS} s"
        if problem:
            typer.echo(f"compat: {words[2]} was not drained: {problem}", err=True)

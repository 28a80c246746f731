"""The command that a pipeline acts on: its exit code is the decision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compat.commands.words import Calibration, Plan, Ring, Signatures, Store, Trust, Waivers

if TYPE_CHECKING:
    from compat.gate.answer import Answer
    from compat.gate.formats import Part

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
        Path | None, typer.Option("--matrix", metavar="FILE", help="github: the matrix file, for annotations.")
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
    for name, given, its in (("drain", drain, "slurm"), ("matrix", matrix is not None, "github")):
        if given and form != its:
            raise UsageError(name, f"is for --format {its}", f"say --format {its}, or leave it out")
    if stored and (waivers is not None or calibration is not None):
        raise UsageError("stored", "nothing is judged, so nothing is accepted or calibrated", "say it to compat judge")
    if output is not None and form == "github":
        raise UsageError("output", "GitHub says where its files are", "leave it out")
    found = answer(
        open_store(store), ring, plan, waivers, calibration, enter, stored, Trusted.of(trust, signatures), returnable
    )
    for part in formats[form].parts(found, Wanted(output, matrix, os.environ)):
        _write(part)
    if drain:
        _drain(found)
    raise typer.Exit(exit_code(found.decision))


def _write(part: Part) -> None:
    """Put a part where it goes. StoreError where the disk refuses: nobody takes an answer that was not told for GO."""
    from compat.errors import StoreError

    if part.file is None:
        typer.echo(part.text, nl=False, err=part.error)
        return
    try:
        with part.file.open("a" if part.add else "w", encoding="utf-8") as file:
            file.write(part.text)
    except OSError as problem:
        raise StoreError(
            str(part.file), f"cannot be written: {problem.strerror}", "make room or rights there"
        ) from problem


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

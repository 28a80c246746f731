"""Arguments and options that several commands have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from compat.errors import UsageError
from compat.model import Phase

__all__ = [
    "Cache",
    "Calibration",
    "Content",
    "Engine",
    "JsonOption",
    "Like",
    "LockClocks",
    "Matrix",
    "PhaseOption",
    "Plan",
    "Ring",
    "ShardOption",
    "Signatures",
    "Store",
    "TablesOption",
    "Trust",
    "Waivers",
    "counted",
    "no_empty",
    "seconds_of",
]

Matrix = Annotated[Path, typer.Argument(help="The matrix file.", metavar="MATRIX")]
# A store is text, since a Path would make s3:/bucket of s3://bucket.
Store = Annotated[
    str, typer.Argument(help="The folder that a run left its evidence in, or s3://BUCKET/PREFIX.", metavar="STORE")
]
Ring = Annotated[str | None, typer.Option("--ring", help="The ring. Default: the only one.")]
Content = Annotated[
    list[Path] | None, typer.Option("--content", help="A folder of your own with kernels/ or workloads/. Repeatable.")
]
Engine = Annotated[str | None, typer.Option("--engine", help="auto, docker or venv: what realises the runtimes.")]
Cache = Annotated[Path | None, typer.Option("--cache", help="Where built runtimes are kept between runs.")]
LockClocks = Annotated[
    int | None,
    typer.Option("--lock-clocks", metavar="MHZ", min=1, help="For diagnosis: hold the GPU's clock there. Needs root."),
]
Plan = Annotated[str | None, typer.Option("--plan", help="Digest of the plan, or its start. Default: the newest.")]
Waivers = Annotated[
    Path | None, typer.Option("--waivers", metavar="FILE", help="Accepted changes, with owner, reason and expiry.")
]
Calibration = Annotated[
    str | None, typer.Option("--calibration", metavar="STORE", help="What compat calibrate measured.")
]
PhaseOption = Annotated[Phase | None, typer.Option("--phase", help="Of a control node: before or after the upgrade.")]
ShardOption = Annotated[
    str | None, typer.Option("--shard", metavar="I/N", help="Measure only this part of the ring's cases, such as 3/8.")
]
Like = Annotated[
    str | None,
    typer.Option("--like", metavar="STORE", help="An earlier run, whose cases take as long. Shards: the same for all."),
]

TablesOption = Annotated[
    list[Path] | None,
    typer.Option("--tables", metavar="DIR", help="A folder with support tables of your own. Repeatable."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="As a JSON document.")]
Trust = Annotated[
    list[str] | None,
    typer.Option("--trust", metavar="PUB", help="A file with public keys to trust, or env:NAME. Repeatable."),
]
Signatures = Annotated[
    int, typer.Option("--signatures", metavar="N", min=1, help="How many different trusted keys have to have signed.")
]


def seconds_of(option: str, text: str) -> float:
    """A duration that an option says, such as ``20m``, in seconds. UsageError where it is none."""
    from compat.plan.units import duration

    try:
        return duration(text)
    except ValueError as problem:
        raise UsageError(option, str(problem).partition(";")[0], "write for example 20m") from None


def counted(trust: Sequence[str] | None, signatures: int) -> None:
    """UsageError where several signatures are asked for, and no key is named whose they could be."""
    if signatures > 1 and not trust:
        remedy = "name the public keys (--trust FILE.pub), or leave it out"
        raise UsageError("signatures", f"asks for {signatures} trusted keys, and none is named", remedy)


def no_empty(words: Sequence[str]) -> None:
    """UsageError for a word of a call that is empty, as that of a shell's variable is that nobody has set.

    None of ours may be: an option that says nothing would be one that was not given, and a plan or a ring another one.
    """
    for number, word in enumerate(words):
        assigned = re.fullmatch(r"--[a-z-]+=\s*", word) is not None
        if not word.strip() or assigned:
            before = words[number - 1] if number else ""
            where = word.rstrip("= \t") if assigned else before if before.startswith("--") else f"word {number + 1}"
            raise UsageError(where, "is empty, as a variable is that is not set", "give it a value, or leave it out")

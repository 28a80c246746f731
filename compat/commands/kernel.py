"""A kernel by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compat.commands.words import Cache, Content
from compat.report.screen import Screen, new_console

__all__ = ["kernel"]


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
    cache: Cache = None,
    content: Content = None,
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

"""What a node is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compat.commands.words import JsonOption
from compat.report.screen import new_console

if TYPE_CHECKING:
    from compat.model.inventory import Inventory

__all__ = ["node"]


def node(
    json: JsonOption = False,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="FILE", help="Another node, from its Kubernetes labels (JSON or YAML)."),
    ] = None,
    slurm: Annotated[
        str | None,
        typer.Option("--slurm", metavar="TEXT|FILE", help="Another node, from its Slurm features or scontrol's words."),
    ] = None,
) -> None:
    """Print what can be read of this node: its driver, its GPUs and their health. What was not read is said."""
    from json import dumps

    from compat.model import plain
    from compat.report.node_text import print_inventory

    found = _read(labels, slurm)
    if json:
        typer.echo(dumps(plain(found), indent=2))
    else:
        print_inventory(found, new_console())


def _read(labels: Path | None, slurm: str | None) -> Inventory:
    from compat.errors import UsageError

    if labels is not None and slurm is not None:
        raise UsageError("node", "--labels and --slurm describe two nodes", "give one of them")
    if labels is not None:
        from compat.node.labels import from_labels, read_labels

        return from_labels(read_labels(labels))
    if slurm is not None:
        from compat.node.slurm import from_slurm, read_slurm

        return from_slurm(read_slurm(slurm))
    from compat.node.inventory import read_inventory
    from compat.probe.driver import read_driver

    return read_inventory(read_driver())

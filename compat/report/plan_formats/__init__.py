"""A plan for somebody who runs it: a table, a document, or the jobs of a scheduler that measure its shards.

A format is one module of this package that defines ``FORMAT``; adding one is one file. What they all print is computed
once (``Asked``); what comes from a matrix file is quoted by the format for whoever reads it.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from compat.model import Item, Node, Plan, Ring
    from compat.plan.batches import Batch
    from compat.plan.placement import Placement

__all__ = ["Asked", "PlanFormat", "plan_formats"]


@dataclass(frozen=True)
class Asked:
    """A plan, its shards, and how a job calls us.

    ``parts`` are the items of each shard, ``seconds`` what each is expected to take. ``nodes`` and ``placement`` are
    None where nobody said which nodes there are. ``words`` are the options that jobs give to ``compat run``.
    """

    plan: Plan
    ring: Ring
    matrix: str
    parts: tuple[tuple[Item, ...], ...]
    seconds: tuple[float, ...]
    batches: tuple[Batch, ...]
    nodes: tuple[Node, ...] | None = None
    placement: Placement | None = None
    words: tuple[str, ...] = ()  # --content and the like
    command: tuple[str, ...] = ("compat",)  # how a job calls us
    store: str = ""  # the folder under which each shard has its store
    image: str | None = None  # the container image of a job
    claim: str | None = None  # the PersistentVolumeClaim that the stores are on
    feature: str = "driver-{branch}"  # of Slurm's nodes, by driver

    @property
    def shards(self) -> int:
        """How many there are."""
        return len(self.parts)


@dataclass(frozen=True)
class PlanFormat:
    """A way to write a plan as text: its name, what it is, and the function that writes it."""

    name: str
    about: str
    render: Callable[[Asked], str] = field(repr=False)


def plan_formats() -> dict[str, PlanFormat]:
    """Every format by name: the modules of this package that define ``FORMAT``, sorted."""
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    found = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return {form.name: form for form in sorted(found, key=lambda form: form.name)}

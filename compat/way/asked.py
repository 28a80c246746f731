"""What a format of a plan prints: the plan with its ring, its nodes and its shards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compat.way.durations import stored_durations
from compat.way.options import Options, ring_of

if TYPE_CHECKING:
    from compat.model import Plan
    from compat.report.plan_formats import Asked

__all__ = ["JobOptions", "asked"]


@dataclass(frozen=True)
class JobOptions:
    """What a user may choose of the jobs that measure a plan's shards."""

    shards: int = 1
    nodes: Path | None = None  # a file of nodes
    command: tuple[str, ...] = ("compat",)  # how a job calls us
    store: str | None = None  # default: out/NAME.shards
    image: str | None = None
    claim: str | None = None
    feature: str = "driver-{branch}"


def asked(plan: Plan, matrix: Path, options: Options, jobs: JobOptions) -> Asked:
    """The plan as formats print it. ``options.phase`` leaves the batches of the other phase away.

    UsageError where there are more shards than parts; MatrixError where the file of nodes is wrong.
    """
    from compat.plan.batches import batches
    from compat.plan.nodes_file import load_nodes
    from compat.plan.placement import place
    from compat.plan.shards import expected_seconds, split
    from compat.report.plan_formats import Asked

    ring = ring_of(plan, options.ring)
    durations = stored_durations(options.like)
    nodes = None if jobs.nodes is None else load_nodes(jobs.nodes)
    parts = split(plan, ring, jobs.shards, durations) if jobs.shards > 1 else (plan.for_ring(ring),)
    found = batches(plan, ring, nodes)
    return Asked(
        plan=plan,
        ring=plan.ring(ring),
        matrix=str(matrix),
        parts=parts,
        seconds=tuple(sum(expected_seconds(item, plan.policy, durations) for item in part) for part in parts),
        batches=tuple(batch for batch in found if options.phase is None or batch.phase in (None, options.phase)),
        nodes=nodes,
        placement=None if nodes is None else place(plan, ring, nodes),
        words=_words(options),
        command=jobs.command,
        store=jobs.store or f"out/{plan.name}.shards",
        image=jobs.image,
        claim=jobs.claim,
        feature=jobs.feature,
    )


def _words(options: Options) -> tuple[str, ...]:
    """The options that a job has to be given as they were given to us, or its plan would be another one."""
    words = [word for folder in options.content for word in ("--content", str(folder))]
    return (*words, *(("--like", str(options.like)) if options.like else ()))

"""A plan as arrays of Slurm: one for each driver, whose tasks are the shards. The text is a shell script that submits.

A task has as many whole nodes as the ring asks for, that measure the same shard at the same time. Nodes are chosen by a
feature that names the driver (or its branch), one array for each, since ``[a|b]`` is chosen anew for each task, and by
one for each label of the ring: a node that lacks it is not one of the ring's, whatever the job says of it.
"""

from __future__ import annotations

import re
import shlex

from compat.errors import UsageError
from compat.plan.batches import Batch
from compat.report.plan_formats import Asked, PlanFormat
from compat.report.plan_formats.words import job_command, minutes, no_images, plain, safe_name
from compat.report.text import count

__all__ = ["FORMAT"]


def _render(asked: Asked) -> str:
    no_images(asked, "a Slurm job")
    if len({batch.phase for batch in asked.batches if batch.phase}) > 1:
        problem = "measures before and after an upgrade, and Slurm refuses a feature that no node has yet"
        raise UsageError(f"ring {asked.ring.name}", problem, "say --phase before, and when nodes are upgraded: after")
    features: dict[str, str] = {}
    for batch in asked.batches:
        if batch.driver:
            other = features.setdefault(_feature(asked, batch.driver), batch.driver)
            if other != batch.driver:
                problem = f"drivers {other} and {batch.driver} have the same, {_feature(asked, other)}"
                raise UsageError("feature", problem, "say --feature 'driver-{driver}', or what your nodes have")
    store = plain("store", asked.store.lstrip("/"))
    store = f"/{store}" if asked.store.startswith("/") else store
    parts = [_array(asked, batch, store) for batch in asked.batches]
    merge = f"{shlex.join(asked.command)} merge {store}/*-of-{asked.shards} --output {store}/merged"
    gate = f"{shlex.join(asked.command)} gate {store}/merged --ring {shlex.quote(asked.ring.name)}"
    head = [
        "#!/bin/sh",
        f"# Submits {count(len(parts), 'array')}. When all tasks have ended:",
        f"#   {merge} && {gate}",
        "set -eu",
    ]
    return "\n".join([*head, f"mkdir -p {store}/logs", *parts])


def _array(asked: Asked, batch: Batch, store: str) -> str:
    name = safe_name("compat", asked.plan.name, batch.ring, batch.key)
    if batch.pinned and not batch.hosts:
        problem = "measures each node before and after: which ones has to be known"
        raise UsageError(f"ring {batch.ring}", problem, "name them with --nodes FILE")
    options = {
        "job-name": name,
        "array": f"1-{asked.shards}",
        "nodes": str(batch.nodes),
        "ntasks-per-node": "1",
        "exclusive": "",
        "constraint": "&".join(_features(asked, batch)),
        "nodelist": ",".join(plain("node", host) for host in batch.hosts) if batch.pinned else "",
        "gres": f"gpu:{batch.gpus}" if batch.gpus else "",
        "time": str(minutes(batch)),
        "output": f"{store}/logs/{name}-%A_%a.log",
    }
    lines = [
        f"#SBATCH --{key}{'=' if value else ''}{value}" for key, value in options.items() if value or key == "exclusive"
    ]
    task = '"$SLURM_ARRAY_TASK_ID'
    command = job_command(
        asked, batch, f'{task}/{asked.shards}"', f'{store}/{task}-of-{asked.shards}"', "--engine", "venv"
    )
    # One node that cannot measure does not stop the others: what is missing, the judge sees.
    lines = ["#!/bin/bash", *lines, f"exec srun --kill-on-bad-exit=0 {command}"]
    end = f"END_OF_{name.upper().replace('-', '_')}"
    return "\n".join([f"sbatch --parsable <<'{end}'", *lines, end])


def _features(asked: Asked, batch: Batch) -> list[str]:
    """What the nodes of a batch have: their driver's feature, and KEY-VALUE for each label."""
    labels = [_checked(f"{key}-{value}") for key, value in sorted(batch.labels.items())]
    return [*([_feature(asked, batch.driver)] if batch.driver else []), *labels]


def _checked(feature: str) -> str:
    """A feature, which ``&``, ``|``, ``*`` and brackets would make an expression. UsageError where it is none."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", feature):
        problem = f"{feature!r} cannot be a feature of Slurm's nodes"
        raise UsageError("format slurm", problem, "use letters, digits and . _ - in drivers and labels")
    return feature


def _feature(asked: Asked, driver: str) -> str:
    """The feature of nodes with this driver. UsageError for a pattern that is none."""
    try:
        text = asked.feature.format(driver=driver, branch=driver.partition(".")[0])
    except (KeyError, IndexError, ValueError):
        problem = f"{asked.feature!r} is no pattern for a driver"
        raise UsageError("feature", problem, "write driver-{driver}, or driver-{branch} for its first number") from None
    return _checked(text)


FORMAT = PlanFormat("slurm", "arrays of Slurm, as a script that submits them", _render)

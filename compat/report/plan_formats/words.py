"""What the formats for schedulers have in common: the command of a job, names that are safe, and what is refused.

What a matrix file says is untrusted: in a shell it is quoted, as a name or a label it is refused or made safe.
"""

from __future__ import annotations

import hashlib
import math
import re
import shlex
from collections.abc import Iterator
from typing import Any

import yaml

from compat.errors import UsageError
from compat.plan.batches import Batch
from compat.report.plan_formats import Asked

__all__ = ["dump", "job_command", "minutes", "no_images", "no_phases", "plain", "safe_name", "targets"]

_PLAIN = re.compile(r"[A-Za-z0-9/][A-Za-z0-9._=/:@+-]*")


class _Dumper(yaml.SafeDumper):
    """Without anchors and aliases: people read it."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML asks it of everything
        return True


def dump(*documents: dict[str, Any]) -> str:
    """Documents as YAML; several are separated, and none has a name for a part of it."""
    several = len(documents) > 1
    text = yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, explicit_start=several, width=1000)
    return text.rstrip("\n")


def job_command(asked: Asked, batch: Batch, shard: str, store: str, *words: str) -> str:
    """The line of a shell that measures one shard.

    ``shard`` and ``store`` are words of that shell already: they may have its variables in them. All else is quoted.
    """
    labels = [word for key, value in sorted(batch.labels.items()) for word in ("--label", f"{key}={value}")]
    phase = ["--phase", batch.phase.value] if batch.control and batch.phase else []
    first = [*asked.command, "run", asked.matrix, "--ring", batch.ring, "--measure-only"]
    last = [*asked.words, *labels, *phase, *words]
    return f"{shlex.join(first)} --shard {shard} --store {store} {shlex.join(last)}".rstrip()


def safe_name(prefix: str, *parts: str, longest: int = 50) -> str:
    """A name of lower-case letters, digits and hyphens, at most ``longest`` of them, that other parts do not have.

    Readable, and with a digest at its end: what was left out of it still counts (RFC 1123).
    """
    slug = re.sub(r"[^a-z0-9]+", "-", "-".join((prefix, *parts)).lower()).strip("-")
    short = hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{slug[: longest - 9].strip('-')}-{short}"


def plain(what: str, text: str) -> str:
    """``text`` as it is, where it means nothing to whoever reads it. UsageError for anything else."""
    if not _PLAIN.fullmatch(text):
        problem = f"{text!r} cannot be written there as it is"
        raise UsageError(
            what, problem, "use letters, digits and . _ = / : @ + - only, the first of them a letter, a digit or /"
        )
    return text


def no_images(asked: Asked, where: str) -> None:
    """UsageError where a runtime is an image: both arms of a pair run in one job, which has one image of its own."""
    items = {item.key: item for part in asked.parts for item in part}.values()
    names = {stack["runtime"] for item in items for stack in (item.cell.known_good, item.cell.stack)}
    images = sorted(name for name in names if asked.plan.runtimes[name].kind == "image")
    if images:
        problem = f"is an image, and {where} runs both arms of a pair in place, at once: it has one image of its own"
        remedy = "give it as requirements (a virtual environment in the job), or in_place: true with python:"
        raise UsageError(f"runtime {images[0]}", problem, remedy)


def no_phases(asked: Asked, where: str) -> None:
    """UsageError where nodes are measured before and after an upgrade, and the stores of jobs end with these."""
    if any(batch.pinned for batch in asked.batches):
        problem = f"measures each node before and after its upgrade, into one store, and jobs of {where} keep none"
        remedy = "use --format k8s or slurm, or say compat run on each node"
        raise UsageError(f"ring {asked.ring.name}", problem, remedy)


def minutes(batch: Batch) -> int:
    """How long a job may take: the ring's budget, and half an hour to install runtimes and to end."""
    return math.ceil(batch.budget / 60) + 30


def targets(asked: Asked) -> Iterator[tuple[Batch, str | None]]:
    """Each batch, and where it has to be one particular node, that node's name.

    So it is where several nodes measure the same, since a scheduler may give one node twice, and where a node is
    measured before and after. UsageError where the nodes are not known then.
    """
    for batch in asked.batches:
        if not batch.pinned and batch.nodes <= 1:
            yield batch, None
            continue
        if not batch.hosts:
            why = "measures each node before and after" if batch.pinned else f"asks for {batch.nodes} nodes"
            raise UsageError(f"ring {batch.ring}", f"{why}: which ones has to be known", "name them with --nodes FILE")
        for host in batch.hosts[: batch.nodes]:
            yield batch, host

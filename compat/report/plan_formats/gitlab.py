"""A plan as a child pipeline of GitLab CI: a job for each kind of node and shard, and one that merges and judges.

``parallel:matrix`` makes at most 200 jobs (GitLab's documentation of ``parallel``). GitLab puts variables into tags and
paths, so these have only characters that mean nothing; lines of a script are the shell's, and quoted for it.
"""

from __future__ import annotations

import shlex
from typing import Any

from compat.errors import UsageError
from compat.report.plan_formats import Asked, PlanFormat
from compat.report.plan_formats.words import dump, job_command, minutes, no_phases, plain, safe_name, targets

__all__ = ["FORMAT"]

_MOST = 200


def _render(asked: Asked) -> str:
    no_phases(asked, "GitLab")
    store, shards = plain("store", asked.store), asked.shards
    document: dict[str, Any] = {"stages": ["measure", "judge"]}
    image = {} if asked.image is None else {"image": plain("image", asked.image)}
    places = list(targets(asked))
    if shards > _MOST:
        raise UsageError("format gitlab", f"{shards} shards, a job has at most {_MOST}", "ask for fewer --shards")
    for batch, host in places:
        tags = [plain(f"label {key}", f"{key}={value}") for key, value in sorted(batch.labels.items())]
        tags += [f"driver={plain('driver', batch.driver)}"] if batch.driver else []
        tags += [f"node={plain('node', host)}"] if host else []
        name = safe_name("measure", asked.plan.name, batch.ring, batch.key, host or "")
        own = f"{store}/{name}"
        document[name] = {
            "stage": "measure",
            **image,
            **({"tags": tags} if tags else {}),
            "parallel": {"matrix": [{"SHARD": [f"{number}-{shards}" for number in range(1, shards + 1)]}]},
            "timeout": f"{minutes(batch)} minutes",
            "script": [job_command(asked, batch, '"${SHARD%-*}/${SHARD#*-}"', f'{own}/"$SHARD"')],
            **_artifacts(own),
        }
    merged = f"{store}/merged"
    compat, ring = shlex.join(asked.command), shlex.quote(asked.ring.name)
    document["judge"] = {
        "stage": "judge",
        **image,
        "when": "always",
        "script": [
            f"{compat} merge {store}/measure-*/* --output {merged}",
            f"{compat} report {merged} --ring {ring}",
            f"{compat} gate {merged} --ring {ring} --matrix {shlex.quote(asked.matrix)}",
        ],
        **_artifacts(merged),
    }
    return dump(document)


def _artifacts(folder: str) -> dict[str, Any]:
    """What brings a folder to later jobs. One outside of the checkout cannot be: all runners have to have it."""
    return {} if folder.startswith("/") else {"artifacts": {"when": "always", "paths": [f"{folder}/"]}}


FORMAT = PlanFormat("gitlab", "a child pipeline of GitLab CI", _render)

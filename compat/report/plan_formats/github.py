"""A plan as the matrix of a GitHub Actions job: one line, for ``matrix=...`` in GITHUB_OUTPUT.

A matrix makes at most 256 jobs (GitHub's documentation of ``jobs.<job_id>.strategy.matrix``). ``command`` is a line of
a shell in which everything is quoted; a workflow gives it to its shell by a variable, since ``${{ }}`` in a script is
text that the shell reads.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

from compat.errors import UsageError
from compat.report.plan_formats import Asked, PlanFormat
from compat.report.plan_formats.words import job_command, minutes, no_phases, safe_name, targets

__all__ = ["FORMAT"]

_MOST = 256


def _render(asked: Asked) -> str:
    no_phases(asked, "GitHub")
    include: list[dict[str, Any]] = []
    for batch, host in targets(asked):
        tags = [f"{key}={value}" for key, value in sorted(batch.labels.items())]
        tags += [f"driver={batch.driver}"] if batch.driver else []
        tags += [f"node={host}"] if host else []
        hosted = not tags and not batch.gpus
        for number, part in enumerate(asked.parts, 1):
            runtimes = {stack["runtime"] for item in part for stack in (item.cell.known_good, item.cell.stack)}
            name = safe_name(f"{number}-of-{asked.shards}", asked.plan.name, batch.ring, batch.key, host or "")
            store = f"{asked.store}/{name}"
            include.append(
                {
                    "shard": f"{number}/{asked.shards}",
                    "name": name,
                    "ring": batch.ring,
                    "driver": batch.driver or "",
                    "gpus": batch.gpus,
                    "node": host or "",
                    "runtimes": sorted(runtimes),
                    "runs_on": ["ubuntu-latest"] if hosted else ["self-hosted", *tags],
                    "minutes": minutes(batch),
                    "store": store,
                    "command": job_command(asked, batch, f"{number}/{asked.shards}", shlex.quote(store)),
                }
            )
    if len(include) > _MOST:
        raise UsageError(
            "format github", f"{len(include)} jobs, a matrix has at most {_MOST}", "ask for fewer --shards"
        )
    return json.dumps({"include": include}, separators=(",", ":"), ensure_ascii=True)


FORMAT = PlanFormat("github", "the matrix of a GitHub Actions job, in one line", _render)

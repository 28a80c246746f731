"""A plan as the matrix of a GitHub Actions job: one line, for ``matrix=...`` in GITHUB_OUTPUT.

A matrix makes at most 256 jobs (GitHub's documentation of ``jobs.<job_id>.strategy.matrix``).
"""

from __future__ import annotations

import json
from typing import Any

from compat.errors import UsageError
from compat.report.plan_formats import Asked, PlanFormat
from compat.report.plan_formats.words import minutes, no_phases, targets

__all__ = ["FORMAT"]

_MOST = 256


def _render(asked: Asked) -> str:
    no_phases(asked, "GitHub")
    include: list[dict[str, Any]] = []
    for batch, host in targets(asked):
        for number, part in enumerate(asked.parts, 1):
            tags = [f"{key}={value}" for key, value in sorted(batch.labels.items())]
            tags += [f"driver={batch.driver}"] if batch.driver else []
            tags += [f"node={host}"] if host else []
            runtimes = {stack["runtime"] for item in part for stack in (item.cell.known_good, item.cell.stack)}
            labels = [f"{key}={value}" for key, value in sorted(batch.labels.items())]
            include.append(
                {
                    "shard": f"{number}/{asked.shards}",
                    "name": "-".join(each for each in (f"{number}-of-{asked.shards}", batch.key, host or "") if each),
                    "ring": batch.ring,
                    "driver": batch.driver or "",
                    "gpus": batch.gpus,
                    "node": host or "",
                    "runtimes": sorted(runtimes),
                    "labels": labels,
                    "runs_on": ["self-hosted", *tags] if tags else ["self-hosted"],
                    "minutes": minutes(batch),
                }
            )
    if len(include) > _MOST:
        raise UsageError(
            "format github", f"{len(include)} jobs, a matrix has at most {_MOST}", "ask for fewer --shards"
        )
    return json.dumps({"include": include}, separators=(",", ":"), ensure_ascii=True)


FORMAT = PlanFormat("github", "the matrix of a GitHub Actions job, in one line", _render)

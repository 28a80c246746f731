"""A plan as a JSON document with a version: cells and where they fit, shards with their cases, what is left out."""

from __future__ import annotations

import json
from typing import Any

from compat.model import digest, plain
from compat.report.plan_formats import Asked, PlanFormat

__all__ = ["FORMAT", "SCHEMA_VERSION"]

SCHEMA_VERSION = 1  # a key may be added to it; one that changes or goes makes it the next


def _render(asked: Asked) -> str:
    return json.dumps(_document(asked), indent=2, ensure_ascii=True)


def _document(asked: Asked) -> dict[str, Any]:
    plan, placement = asked.plan, asked.placement
    cells = {item.cell.id: item.cell for part in asked.parts for item in part}
    rejections = [r for r in plan.rejections if r.ring in (None, asked.ring.name)]
    return {
        "schema_version": SCHEMA_VERSION,
        "matrix": plan.name,
        "matrix_digest": plan.matrix_digest,
        "plan": digest(plan),
        "compat_version": plan.compat_version,
        "ring": plain(asked.ring),
        "known_good": plan.known_good,
        "candidate": plan.candidate,
        "runtimes": {name: _runtime(asked, name) for name in plan.runtimes},
        "cells": [
            {
                "id": cell.id,
                "stack": cell.stack,
                "known_good": cell.known_good,
                "model": cell.model,
                "required": cell.required,
                "phased": cell.phased,
                "nodes": None if placement is None else list(placement.cells.get(cell.id, ())),
                "controls": None if placement is None else list(placement.controls.get(cell.id, ())),
            }
            for cell in sorted(cells.values(), key=lambda cell: cell.id)
        ],
        "batches": [{"key": batch.key, **plain(batch)} for batch in asked.batches],
        "shards": [
            {
                "shard": f"{number}/{asked.shards}",
                "expected_seconds": round(seconds, 1),
                "items": [item.key for item in part],
            }
            for number, (part, seconds) in enumerate(zip(asked.parts, asked.seconds, strict=True), 1)
        ],
        "findings": plain(plan.findings),
        "not_measured": plain((*rejections, *(() if placement is None else placement.rejections))),
    }


def _runtime(asked: Asked, name: str) -> dict[str, Any]:
    """What a runtime is; not its variables, whose values may be nobody's business."""
    runtime = asked.plan.runtimes[name]
    return {
        "kind": runtime.kind,
        "image": runtime.image,
        "base": runtime.base,
        "requirements": None if runtime.requirements is None else list(runtime.requirements),
        "python": runtime.python,
    }


FORMAT = PlanFormat("json", "a document with a schema version", _render)

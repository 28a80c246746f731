"""What the rules say of a stack that somebody states in a question."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from compat.errors import UsageError
from compat.plan.support.rules import RULES
from compat.plan.support.stated import subject_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from compat.plan.support.subject import Opinion
    from compat.plan.support.tables import Tables

__all__ = ["day_of", "verdicts_of"]

_PLACED = ("cuda-driver", "driver-gpu", "gpu-code")  # the rules about where something runs


def verdicts_of(
    stack: Mapping[str, str],
    tables: Tables,
    *,
    gpus: Sequence[str] = (),
    cuda_compat: bool | None = None,
    ptx: bool = False,
) -> dict[str, Opinion]:
    """By rule: how the components of a stack go together with its driver and its cards, where they are named.

    A card among the components (``gpu``) counts as one of ``gpus``.
    """
    cards = (*([stack["gpu"]] if "gpu" in stack else []), *gpus)
    subject = subject_of({k: v for k, v in stack.items() if k != "gpu"}, cards, cuda_compat=cuda_compat, ptx=ptx)
    found = {name: RULES[name](subject, tables) for name in _PLACED}
    return {name: opinion for name, opinion in found.items() if opinion is not None}


def day_of(text: str | None) -> str:
    """A day as ISO 8601: today in UTC, or the one that was named. UsageError for what is no day."""
    if text is None:
        return datetime.datetime.now(datetime.UTC).date().isoformat()
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError("--on", f"{text!r} is no day", "write it as 2026-11-29") from None

"""An answer in one line, for people and logs."""

from __future__ import annotations

from collections.abc import Sequence

from compat.escape import clean
from compat.gate.answer import Answer
from compat.gate.formats import GateFormat, Part, Wanted

__all__ = ["FORMAT"]


def _parts(answer: Answer, wanted: Wanted) -> Sequence[Part]:
    return (Part(f"{clean(answer.line)}\n", wanted.output),)


FORMAT = GateFormat("text", "one line: the decision, the ring and the first reason", _parts)

"""Gates over HTTP, for what asks by the web: answers of stored verdicts, behind a token. Nothing is judged or run here.

It needs the extra ``gpu-compat[serve]`` (Starlette and uvicorn).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Protocol

from compat.gate.answer import Answer

__all__ = ["Answers", "Told"]


class Told:
    """An answer, and its document as bytes: written once, when it is asked for."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    @functools.cached_property
    def body(self) -> bytes:
        """The document in JSON."""
        return self.answer.json().encode()


class Answers(Protocol):
    """What is known of every gate at this moment. Asking costs nothing: no document is read for it."""

    @property
    def fresh(self) -> bool:
        """Whether the store could be read a moment ago. What was known before that is no answer."""

    def find(self, matrix: str, ring: str, plan: str = "", entering: bool = False) -> Told | None:
        """The answer for a ring: of the matrix's newest plan, or of the one whose digest begins so. None: no such."""

    def all(self) -> Iterable[Answer]:
        """The answer for each ring of each matrix's newest plan."""

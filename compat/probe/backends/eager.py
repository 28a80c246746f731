"""The module as it is: torch's operators, one after the other."""

from __future__ import annotations

from typing import Any

from compat.probe.backends.compiled import Compiled

__all__ = ["through"]


def through(module: Any, inputs: tuple[Any, ...]) -> Compiled:  # noqa: ARG001 - nothing is compiled
    """The module itself."""
    return Compiled(module)

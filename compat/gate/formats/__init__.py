"""A gate's answer for whoever acts on it: people, programs, and the pipelines' own files and commands.

A format is one module of this package that defines ``FORMAT``; adding one is one file. A format computes text and says
where it goes. It writes nothing and decides nothing: the exit code is the same in all of them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.gate.answer import Answer

__all__ = ["GateFormat", "Part", "Wanted", "gate_formats"]


@dataclass(frozen=True)
class Wanted:
    """What somebody asks a format for: the file of ``--output``, the matrix file, and the job's own variables."""

    output: Path | None = None
    matrix: Path | None = None  # that annotations point to
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """Text, and where it goes: to a file, which is written anew or added to; or to standard output, or error."""

    text: str
    file: Path | None = None
    add: bool = False
    error: bool = False


@dataclass(frozen=True)
class GateFormat:
    """A way to write an answer: its name, what it is, and the function that says what goes where."""

    name: str
    about: str
    parts: Callable[[Answer, Wanted], Sequence[Part]] = field(repr=False)


def gate_formats() -> dict[str, GateFormat]:
    """Every format by name: the modules of this package that define ``FORMAT``, sorted."""
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    found = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return {form.name: form for form in sorted(found, key=lambda form: form.name)}

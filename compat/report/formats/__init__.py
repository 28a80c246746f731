"""The formats of a report. A format is one module of this package that defines ``FORMAT``; adding one is one file.

A format computes text from a view, and neither reads nor writes a file. What a format needs that is heavy (jinja2,
pandas) is imported inside its function, so that listing the formats costs nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from compat.report.view import View

__all__ = ["Format", "formats"]


@dataclass(frozen=True)
class Format:
    """A way to write a report: its name, the suffix of its files, and the function that computes what is in one."""

    name: str
    suffix: str
    render: Callable[[View], str]


def formats() -> dict[str, Format]:
    """Every format by name: the modules of this package that define ``FORMAT``, sorted."""
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    found = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return {form.name: form for form in sorted(found, key=lambda form: form.name)}

"""The stage that shows: a verdict and its evidence as HTML, Markdown, JSON, a terminal's text and tables.

``compat.report.view.view`` computes once what every format prints. A format is one module of this package that defines
``FORMAT``; adding one is one file. Nothing heavy (pandas, jinja2) is imported before a format needs it.
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
    """A way to write a report as text: its name, the suffix of its files, and the function that writes it."""

    name: str
    suffix: str
    render: Callable[[View], str]


def formats() -> dict[str, Format]:
    """Every format by name: the modules of this package that define ``FORMAT``, sorted."""
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    found = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return {form.name: form for form in sorted(found, key=lambda form: form.name)}

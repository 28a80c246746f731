"""The formats of a report. A format is one module of this package that defines ``FORMAT``; adding one is one file.

A format computes what is in its files from a view, and neither reads nor writes one. What a format needs that is heavy
(jinja2, pandas) is imported inside its function, so that listing the formats costs nothing.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from compat.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from compat.report.view import View

__all__ = ["ALL", "Format", "chosen", "formats"]

ALL = "all"  # the word for every format that there is


@dataclass(frozen=True)
class Format:
    """A way to write a report: its name, the end of its files' names, what it is, and what computes what is in them.

    ``render`` gives text (UTF-8 on the disk) or bytes, for the file ``report`` with ``suffix``; or several by name, for
    files in a folder that is called so. A format with ``default`` is written where nobody names one.
    """

    name: str
    suffix: str
    about: str
    render: Callable[[View], str | bytes | Mapping[str, str | bytes]] = field(repr=False)
    default: bool = False

    def files(self, view: View) -> dict[str, bytes]:
        """What is in each of its files, by their names: ``report.html``, ``report.benchmark/2-candidate.json``."""
        found = self.render(view)
        own = f"report{self.suffix}"
        parts = {f"{own}/{name}": data for name, data in found.items()} if isinstance(found, Mapping) else {own: found}
        return {name: data.encode() if isinstance(data, str) else data for name, data in parts.items()}


@functools.cache
def formats() -> dict[str, Format]:
    """Every format by name: the modules of this package that define ``FORMAT``, sorted."""
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    found = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return {form.name: form for form in sorted(found, key=lambda form: form.name)}


def chosen(names: Sequence[str] = ()) -> list[Format]:
    """The formats of these names; without any, those that are written by default. UsageError for another name."""
    found = formats()
    for name in names:
        if name not in found and name != ALL:
            raise UsageError("format", f"{name!r} is not one of {', '.join(found)}, {ALL}", "choose among them")
    if ALL in names:
        return list(found.values())
    return [form for form in found.values() if form.name in names or (form.default and not names)]

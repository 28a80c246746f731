"""The support tables: data files beside this one, and a site's own files of the same shape, which override them."""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from compat.errors import MatrixError
from compat.plan.load import parse
from compat.plan.support import rows
from compat.plan.words import suggest
from compat.plan.yaml_file import read_yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Tables", "load_tables"]


@dataclass(frozen=True)
class Tables:
    """All tables. Each field is a data file: its name is that of the file."""

    cuda_ships: tuple[rows.Ships, ...]
    cuda_floors: tuple[rows.Floor, ...]
    cuda_forward: tuple[rows.Forward, ...]
    capabilities: tuple[rows.Capability, ...]
    triton: tuple[rows.Triton, ...]
    onnxruntime: tuple[rows.OnnxRuntime, ...]
    torch: tuple[rows.Torch, ...]
    bases: tuple[rows.Base, ...]
    conflicts: tuple[rows.Conflict, ...]
    assemblers: tuple[rows.Assembler, ...] = ()
    interpreter: tuple[rows.Interpreter, ...] = ()
    cards: tuple[rows.Card, ...] = ()
    branches: tuple[rows.Branch, ...] = ()
    architectures: tuple[rows.Architecture, ...] = ()
    gpus: tuple[rows.Product, ...] = ()
    brands: tuple[rows.Brand, ...] = ()
    pythons: tuple[rows.PythonRow, ...] = ()
    ptx: tuple[rows.Ptx, ...] = ()
    issues: tuple[rows.Issue, ...] = ()


_ROWS: dict[str, type[rows.Row]] = {
    "architectures": rows.Architecture,
    "assemblers": rows.Assembler,
    "bases": rows.Base,
    "branches": rows.Branch,
    "brands": rows.Brand,
    "capabilities": rows.Capability,
    "cards": rows.Card,
    "conflicts": rows.Conflict,
    "cuda_floors": rows.Floor,
    "cuda_forward": rows.Forward,
    "cuda_ships": rows.Ships,
    "gpus": rows.Product,
    "interpreter": rows.Interpreter,
    "issues": rows.Issue,
    "onnxruntime": rows.OnnxRuntime,
    "ptx": rows.Ptx,
    "pythons": rows.PythonRow,
    "torch": rows.Torch,
    "triton": rows.Triton,
}

R = TypeVar("R", bound=rows.Row)


class _File(BaseModel, Generic[R]):
    model_config = ConfigDict(extra="forbid", strict=True)

    rows: list[R]


@functools.cache
def load_tables(sites: tuple[Path, ...] = ()) -> Tables:
    """The tables we ship, with those of a site's folders: a row of the same key replaces ours, another one is added.

    MatrixError with ``file:line`` when a table is not of its shape, or has a name that no table has.
    """
    _check_names(sites)
    return Tables(**{field.name: _table(field.name, sites) for field in fields(Tables)})


def _check_names(sites: Sequence[Path]) -> None:
    for site in sites:
        if not site.is_dir():
            raise MatrixError(
                str(site), "is no folder of support tables", "name a folder with files such as issues.yaml"
            )
        for path in sorted(site.glob("*.y*ml")):
            if path.suffix != ".yaml" or path.stem not in _ROWS:
                raise MatrixError(str(path), "there is no support table of this name", suggest(path.stem, _ROWS))


def _table(name: str, sites: Sequence[Path]) -> tuple[Any, ...]:
    found = {row.key: row for row in _rows(Path(__file__).with_name(f"{name}.yaml"), _ROWS[name])}
    for site in sites:
        path = site / f"{name}.yaml"
        if path.exists():
            found |= {row.key: row for row in _rows(path, _ROWS[name])}
    return tuple(found.values())


def _rows(path: Path, row: type[R]) -> list[R]:
    file = read_yaml(path, "write rows: and a list")
    return parse(file, _File[row]).rows  # type: ignore[valid-type]  # a model made at run time

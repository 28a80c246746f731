"""What a content file declares at its top level, read without running it.

The controller must know a file's cases without importing what the file imports, so a declaration is a literal, assigned
once, by name, at the top level. Anything else about a known name is an error, because then the controller and the probe
would see different values.
"""

from __future__ import annotations

import ast
import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compat.errors import ContentError
from compat.model import digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

__all__ = ["MAX_BYTES", "Declarations", "read_declarations"]

MAX_BYTES = 1 << 20

_UPPER = re.compile(r"[A-Z][A-Z0-9_]*")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True)
class Declarations:
    """The literals of one file by name, the line of each, the module's docstring and the sha256 of the file.

    ``functions`` are those at its top level: name -> names of the positional arguments. Their lines are in ``lines``.
    """

    path: Path
    digest: str
    docstring: str
    values: dict[str, Any]
    lines: dict[str, int]
    functions: dict[str, tuple[str, ...]]

    def error(self, name: str, problem: str, remedy: str = "") -> ContentError:
        """An error about the declaration ``name``, at its line (line 1 when the file lacks it)."""
        return ContentError(f"{self.path}:{self.lines.get(name, 1)}", problem, remedy)


def read_declarations(path: Path, known: Collection[str]) -> Declarations:
    """The declarations among ``known`` that the file at ``path`` makes. ContentError when one cannot be read."""
    data = _read(path)
    try:
        tree = ast.parse(data, filename=str(path))
    except SyntaxError as error:
        raise ContentError(f"{path}:{error.lineno or 1}", f"not Python: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ContentError(f"{path}:1", f"not Python: {error or 'nested too deeply'}") from None
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for name, line, value in _assigned(tree):
        where = f"{path}:{line}"
        if name not in known:
            _refuse_misspelling(name, where, known)
            continue
        if name in lines:
            raise ContentError(where, f"{name} is assigned twice (first in line {lines[name]})", "assign it once")
        lines[name] = line
        if value is None:
            raise ContentError(where, f"{name} is not a plain assignment", f"write {name} = ... once, at the top level")
        try:
            values[name] = ast.literal_eval(value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            raise ContentError(
                where,
                f"{name} is not a literal: planning reads this file without running it",
                'write the values out ({"a": 1}, not dict(a=1))',
            ) from None
    functions = {}
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            functions[statement.name] = tuple(argument.arg for argument in statement.args.args)
            lines.setdefault(statement.name, statement.lineno)
    return Declarations(path, digest(data), ast.get_docstring(tree) or "", values, lines, functions)


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ContentError(str(path), "expected a regular file", "remove it, or make it a file")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ContentError(str(path), f"the file cannot be read: {error.strerror}", "check its rights") from None
    if len(data) > MAX_BYTES:
        raise ContentError(str(path), f"the file is larger than {MAX_BYTES} bytes", "make it smaller")
    return data


def _assigned(tree: ast.Module) -> Iterator[tuple[str, int, ast.expr | None]]:
    """Upper-case names that module-level code binds or changes; the value only of a plain top-level assignment."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and all(isinstance(target, ast.Name) for target in statement.targets):
            pairs = [(target.id, statement.value) for target in statement.targets if isinstance(target, ast.Name)]
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            pairs = [(statement.target.id, statement.value)] if statement.value is not None else []
        else:
            for name, line in _changed(statement):
                yield name, line, None
            continue
        for name, value in pairs:
            if _UPPER.fullmatch(name):
                yield name, statement.lineno, value


def _changed(node: ast.AST) -> Iterator[tuple[str, int]]:
    if isinstance(node, _SCOPES):
        return
    if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
        if isinstance(node.value, ast.Name) and _UPPER.fullmatch(node.value.id):
            yield node.value.id, node.lineno
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del) and _UPPER.fullmatch(node.id):
        yield node.id, node.lineno
    for child in ast.iter_child_nodes(node):
        yield from _changed(child)


def _refuse_misspelling(name: str, where: str, known: Collection[str]) -> None:
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.8)
    if close:
        raise ContentError(where, f"{name} is not a declaration", f"did you mean {close[0]}? If not, rename it")

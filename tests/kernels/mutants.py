"""Faults planted in copies of a kernel file: one small change each, of the kinds that compilers and rewrites make.

Only ``@triton.jit`` functions are changed, never the code that launches them or says what is right, so whatever finds a
fault is what the file's cases say. The operators themselves are in ``operators``.
"""

from __future__ import annotations

import ast
import textwrap
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compat.model import digest
from tests.kernels.function import Function, jit_functions
from tests.kernels.operators import OPERATORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.kernels.operators import Change

__all__ = ["Mutant", "mutants_of"]

_LONGEST = 48  # characters of each side of a change in an id


@dataclass(frozen=True)
class Mutant:
    """A kernel file with one fault in it.

    ``id`` says where and what, without line numbers, so that it outlives changes elsewhere in the file:
    ``softmax/softmax/y: axis=0 -> axis=1`` is file, function, what is assigned there, and the change; ``#2`` is the
    second of the same.
    """

    kernel: str
    id: str
    operator: str
    line: int
    change: str
    source: str

    @property
    def digest(self) -> str:
        """That of its source, which tells it from every other."""
        return digest(self.source)


def mutants_of(path: Path, source: str | None = None) -> list[Mutant]:
    """All mutants of a kernel file, in the order of its lines; ``source`` stands for what is in it."""
    text = path.read_text(encoding="utf-8") if source is None else source
    tree = ast.parse(text)
    seen = {ast.dump(tree)}
    names: Counter[str] = Counter()
    found = []
    for operator, change, function in _changes(tree):
        mutated = _applied(text, function, change.edits)
        try:
            shape = ast.dump(ast.parse(mutated))
        except SyntaxError:
            continue
        if shape in seen:  # nothing changed, or another operator made the same
            continue
        seen.add(shape)
        before, after = (textwrap.shorten(side, _LONGEST, placeholder=" ...") for side in (change.before, change.after))
        name = f"{path.stem}/{function.name}/{function.label(change.node)}: {before} -> {after}"
        names[name] += 1
        name += f" #{names[name]}" if names[name] > 1 else ""
        described = f"`{change.before}` -> `{change.after}`"
        found.append(Mutant(path.stem, name, operator, change.node.lineno, described, mutated))
    return found


def _changes(tree: ast.Module) -> Iterator[tuple[str, Change, Function]]:
    for function in jit_functions(tree):
        found = [(name, change, function) for name, operator in OPERATORS.items() for change in operator(function)]
        yield from sorted(found, key=lambda one: (one[1].node.lineno, one[1].node.col_offset))


def _applied(source: str, function: Function, edits: Sequence[tuple[ast.AST, str]]) -> str:
    """The source with the text of each node replaced. An expression inside another one is put in parentheses."""
    data = source.encode()
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node, text in sorted(edits, key=lambda edit: (edit[0].lineno, edit[0].col_offset), reverse=True):
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        wrapped = f"({text})" if isinstance(node, ast.expr) and _inside(function, node, text) else text
        data = data[:begin] + wrapped.encode() + data[end:]
    return data.decode()


def _inside(function: Function, node: ast.expr, text: str) -> bool:
    """Whether the new text needs parentheses where the node is."""
    compound = ast.BinOp | ast.BoolOp | ast.Compare | ast.IfExp | ast.UnaryOp
    around = ast.BinOp | ast.BoolOp | ast.Compare | ast.UnaryOp | ast.Attribute | ast.Subscript | ast.IfExp
    return isinstance(ast.parse(text, mode="eval").body, compound) and isinstance(function.parent(node), around)

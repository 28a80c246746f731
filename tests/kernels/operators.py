"""The kinds of fault: each gives the changes that it makes to one function, as replacements of expressions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.kernels.function import Function, called, keyword

__all__ = ["OPERATORS", "Change"]


@dataclass(frozen=True)
class Change:
    """One fault: the expression it is about, before and after, and the replacements that make it."""

    node: ast.expr
    before: str
    after: str
    edits: Sequence[tuple[ast.AST, str]]


def _replaced(node: ast.expr, after: str) -> Change:
    return Change(node, ast.unparse(node), after, ((node, after),))


def wrong_mask(function: Function) -> Iterator[Change]:
    """A bound that lets one too many in, or one too few; a condition that is dropped."""
    for node in function.of(ast.Compare):
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.Lt):
            left, right = ast.unparse(node.left), ast.unparse(node.comparators[0])
            yield _replaced(node, f"{left} <= {right}")
            yield _replaced(node, f"{left} < ({right}) - 1")
    for node in function.of(ast.BinOp):
        if isinstance(node.op, ast.BitAnd):
            yield _replaced(node, ast.unparse(node.left))
            yield _replaced(node, ast.unparse(node.right))


def off_by_one(function: Function) -> Iterator[Change]:
    """Offsets, programs and loops that begin one too late."""
    for node in function.calls("arange", "program_id"):
        yield _replaced(node, f"{ast.unparse(node)} + 1")
    for node in function.of(ast.For):
        if isinstance(node.iter, ast.Call) and len(node.iter.args) == 3:
            yield _replaced(node.iter.args[0], f"{ast.unparse(node.iter.args[0])} + {ast.unparse(node.iter.args[2])}")


def short_accumulator(function: Function) -> Iterator[Change]:
    """What is kept in float32 is kept in float16."""
    for node in function.of(ast.Attribute):
        if ast.unparse(node) == "tl.float32":
            yield _replaced(node, "tl.float16")


def plain_store(function: Function) -> Iterator[Change]:
    """An atomic addition becomes a load, an addition and a store."""
    for node in function.calls("atomic_add"):
        place, value = (ast.unparse(argument) for argument in node.args[:2])
        mask = keyword(node, "mask")
        masked = f", mask={ast.unparse(mask.value)}" if mask is not None else ""
        yield _replaced(node, f"tl.store({place}, tl.load({place}{masked}) + ({value}){masked})")


def dropped_tail(function: Function) -> Iterator[Change]:
    """What does not fill a block is left out."""
    for node in function.calls("cdiv"):
        yield _replaced(node, f"({ast.unparse(node.args[0])}) // ({ast.unparse(node.args[1])})")
    for node in function.of(ast.For):
        if isinstance(node.iter, ast.Call) and len(node.iter.args) == 3:
            stop, step = (ast.unparse(argument) for argument in node.iter.args[1:])
            yield _replaced(node.iter.args[1], f"({stop}) // ({step}) * ({step})")


def swapped_stride(function: Function) -> Iterator[Change]:
    """A stride is another one's."""
    strides = [name for name in function.arguments if name.startswith(("stride", "step"))]
    for node in function.of(ast.Name):
        if node.id in strides:
            for other in strides:
                if other != node.id:
                    yield _replaced(node, other)


def wrong_operation(function: Function) -> Iterator[Change]:
    """Plus is minus, the largest is the smallest, rows are columns, and what is added up is replaced."""
    for node in function.of(ast.BinOp):
        if isinstance(node.op, ast.Add | ast.Sub) and not function.is_pointer(node):
            sign = "-" if isinstance(node.op, ast.Add) else "+"
            yield _replaced(node, f"{ast.unparse(node.left)} {sign} ({ast.unparse(node.right)})")
    opposite = {"max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum"}
    for node in function.calls(*opposite):
        yield _replaced(node, ast.unparse(node).replace(f"tl.{called(node)}(", f"tl.{opposite[called(node)]}(", 1))
    for node in function.calls("sum", "max", "min"):
        axis = keyword(node, "axis")
        if axis is not None and function.rank(node.args[0]) == 2 and isinstance(axis.value, ast.Constant):
            yield Change(
                node,
                f"axis={axis.value.value}",
                f"axis={1 - axis.value.value}",
                ((axis.value, str(1 - axis.value.value)),),
            )


OPERATORS: dict[str, Callable[[Function], Iterator[Change]]] = {
    "wrong mask": wrong_mask,
    "off by one": off_by_one,
    "short accumulator": short_accumulator,
    "plain store": plain_store,
    "dropped tail": dropped_tail,
    "swapped stride": swapped_stride,
    "wrong operation": wrong_operation,
}

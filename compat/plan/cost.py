"""What a case of a kernel takes: arithmetic operations and bytes, as formulas of its parameters.

A formula is a literal text such as ``2 * M * N * K``: planning evaluates it without running the content. It may have
whole numbers, the names of parameters whose values are numbers, ``width`` (the bytes of an element of ``dtype``),
``+ - * / //``, brackets and a minus sign.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["WIDTHS", "Cost", "evaluate"]

# Bytes of an element, by Triton's name of its type; tf32 is float32 in memory.
WIDTHS = {
    "fp64": 8,
    "i64": 8,
    "fp32": 4,
    "tf32": 4,
    "i32": 4,
    "fp16": 2,
    "bf16": 2,
    "i16": 2,
    "fp8e4nv": 1,
    "fp8e5": 1,
    "i8": 1,
    "u8": 1,
    "i1": 1,
}

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


@dataclass(frozen=True)
class Cost:
    """The formulas of a kernel: operations (a multiply-add is two), and the bytes that must be moved at least."""

    operations: str
    bytes: str

    def of(self, params: Mapping[str, Any]) -> tuple[float, float]:
        """Operations and bytes of a case. ValueError, with what is wrong, where a formula does not fit it."""
        return evaluate(self.operations, params), evaluate(self.bytes, params)


def evaluate(formula: str, params: Mapping[str, Any]) -> float:
    """The value of a formula for these parameters. ValueError for what is no such formula."""
    values = {name: value for name, value in params.items() if isinstance(value, int | float)}
    values["width"] = WIDTHS.get(str(params.get("dtype")), 1)
    try:
        return float(_value(ast.parse(formula, mode="eval").body, values))
    except (SyntaxError, ZeroDivisionError, OverflowError, RecursionError) as problem:
        raise ValueError(f"{formula!r} cannot be evaluated: {problem}") from None


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value  # type: ignore[return-value] # one of the two
    if isinstance(node, ast.Name) and node.id in values:
        return values[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, values)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.left, values), _value(node.right, values))
    raise ValueError(f"{ast.unparse(node)!r} is not + - * / // of numbers and of {', '.join(sorted(values))}")

"""A ``@triton.jit`` function as the mutation operators see it: who is inside whom, ranks, and what a pointer holds."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["Function", "called", "jit_functions", "keyword"]

_HALVES = ("fp16", "bf16", "fp8")
_REDUCTIONS = ("sum", "max", "min", "argmax", "argmin", "xor_sum", "reduce")
_LIKE_FIRST = ("cumsum", "cumprod", "associative_scan", "sort", "exp", "log", "sqrt", "abs", "trans", "histogram")


def called(node: ast.AST) -> str:
    """The name of the ``tl`` function that a call is of: ``load`` for ``tl.load(...)``; empty for anything else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        value = node.func.value
        return node.func.attr if isinstance(value, ast.Name) and value.id == "tl" else ""
    return ""


def keyword(call: ast.Call, name: str) -> ast.keyword | None:
    """An argument of a call that is given by name."""
    return next((found for found in call.keywords if found.arg == name), None)


class Function:
    """One function; ``nodes`` are those of its body, in the order of its text, without its docstring."""

    def __init__(self, node: ast.FunctionDef, pointers: Mapping[str, set[str]]) -> None:
        self.name = node.name
        self.arguments = [argument.arg for argument in node.args.args]
        self.constexprs = {
            argument.arg
            for argument in node.args.args
            if argument.annotation is not None and ast.unparse(argument.annotation).endswith("constexpr")
        }
        self.types = pointers  # of each argument, over all configurations
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        self._parents: dict[ast.AST, ast.AST] = {}
        self.nodes: list[Any] = []
        for statement in body:
            self._parents[statement] = node
            for found in ast.walk(statement):
                self.nodes.append(found)
                self._parents.update(dict.fromkeys(ast.iter_child_nodes(found), found))
        self.nodes.sort(key=lambda found: (getattr(found, "lineno", 0), getattr(found, "col_offset", 0)))
        self._values: dict[str, list[ast.expr]] = {}
        for found in self.nodes:
            if isinstance(found, ast.Assign):
                for target in found.targets:
                    for name in _names(target):
                        self._values.setdefault(name, []).append(found.value)
            elif isinstance(found, ast.AnnAssign) and found.value is not None and isinstance(found.target, ast.Name):
                self._values.setdefault(found.target.id, []).append(found.value)

    def of(self, *kinds: type) -> Iterator[Any]:
        """The nodes of these types. What stands in an annotation is none of them."""
        return (node for node in self.nodes if isinstance(node, kinds) and not self._annotates(node))

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """The calls of these functions of ``tl``."""
        return (node for node in self.of(ast.Call) if called(node) in names)

    def parent(self, node: ast.AST) -> ast.AST:
        """What a node is directly in."""
        return self._parents[node]

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """A node, what it is in, and so on up to the function."""
        while node in self._parents:
            yield node
            node = self._parents[node]

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement that a node is part of."""
        return next(found for found in self.above(node) if isinstance(found, ast.stmt))

    def label(self, node: ast.AST) -> str:
        """What a node's statement is about: the name it assigns, the pointer it stores to, or its own word."""
        statement = self.statement(node)
        if isinstance(statement, ast.Assign):
            return ",".join(ast.unparse(target) for target in statement.targets)
        if isinstance(statement, ast.AugAssign | ast.AnnAssign):
            return ast.unparse(statement.target)
        names = [found.id for found in ast.walk(statement) if isinstance(found, ast.Name) and found.id != "tl"]
        if isinstance(statement, ast.Expr):
            pointers = [name for name in names if name in self.arguments and name not in self.constexprs]
            return next(iter(pointers or names), "call")
        return type(statement).__name__.lower()

    def roots(self, node: ast.AST) -> set[str]:
        """The arguments that an expression comes from, through all assignments."""
        found: set[str] = set()
        waiting, seen = [node], set()
        while waiting:
            for part in ast.walk(waiting.pop()):
                if isinstance(part, ast.Name) and part.id not in seen:
                    seen.add(part.id)
                    found |= {part.id} & set(self.arguments)
                    waiting += self._values.get(part.id, ())
        return found

    def values(self, name: str) -> Sequence[ast.expr]:
        """What is assigned to a name."""
        return self._values.get(name, ())

    def is_pointer(self, node: ast.AST, seen: frozenset[str] = frozenset()) -> bool:
        """Whether an expression is an address: its first term is a pointer of the arguments, or made of one."""
        while isinstance(node, ast.BinOp):
            node = node.left
        if not isinstance(node, ast.Name):
            return False
        if any(kind.startswith("*") for kind in self.types.get(node.id, ())) or node.id.endswith("_ptr"):
            return True
        if node.id in seen:
            return False
        known = seen | {node.id}
        return any(not isinstance(value, ast.Name) and self.is_pointer(value, known) for value in self.values(node.id))

    def half(self, node: ast.AST) -> bool:
        """Whether what is loaded on the way to an expression may be of 16 bits or fewer, in some configuration."""
        pointers: set[str] = set()
        for load in self._loads(node):
            place = load.args[0]
            while isinstance(place, ast.BinOp):
                place = place.left
            pointers |= self.roots(place)
        kinds = {kind for name in pointers for kind in self.types.get(name, ()) if kind.startswith("*")}
        return any(kind[1:].startswith(_HALVES) for kind in kinds)

    def _loads(self, node: ast.AST, seen: frozenset[str] = frozenset()) -> Iterator[ast.Call]:
        for part in ast.walk(node):
            if called(part) == "load":
                yield part  # type: ignore[misc]
            elif isinstance(part, ast.Name) and part.id not in seen:
                for value in self.values(part.id):
                    yield from self._loads(value, seen | {part.id})

    def rank(self, node: ast.AST, seen: frozenset[str] = frozenset()) -> int:
        """The number of dimensions of an expression, as far as the text tells."""
        if isinstance(node, ast.Name):
            values = () if node.id in seen else self.values(node.id)
            return max((self.rank(value, seen | {node.id}) for value in values), default=0)
        if isinstance(node, ast.Subscript):
            places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return len(places)
        name = called(node)
        if isinstance(node, ast.Call) and (name or isinstance(node.func, ast.Attribute)):
            return self._rank_of_call(node, name, seen)
        return max((self.rank(child, seen) for child in ast.iter_child_nodes(node)), default=0)

    def _rank_of_call(self, node: ast.Call, name: str, seen: frozenset[str]) -> int:
        first = self.rank(node.args[0], seen) if node.args else 0
        if name == "arange":
            return 1
        if name in ("zeros", "full"):
            return len(node.args[0].elts) if isinstance(node.args[0], ast.Tuple) else 1
        if name in ("reshape", "view", "broadcast_to") and isinstance(node.args[1], ast.Tuple | ast.List):
            return len(node.args[1].elts)
        if name in ("dot", "dot_scaled"):
            return 2
        if name == "expand_dims":
            return first + 1
        if name in _REDUCTIONS:
            return max(0, first - 1)
        if name in _LIKE_FIRST or name == "load":
            return first
        if not name:  # a method: of what it is called on
            return self.rank(node.func.value, seen)  # type: ignore[attr-defined]
        return max((self.rank(argument, seen) for argument in node.args), default=0)

    def _annotates(self, node: ast.AST) -> bool:
        return any(
            isinstance(self._parents.get(found), ast.AnnAssign) and self._parents[found].annotation is found  # type: ignore[attr-defined]
            for found in self.above(node)
        )


def jit_functions(tree: ast.Module) -> list[Function]:
    """The functions of a kernel file that Triton compiles, with the types that its AOT configurations give them."""
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and _is_jit(node)]
    declared = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    types: dict[str, dict[str, set[str]]] = {}
    configurations = ast.literal_eval(declared["AOT"]) if "AOT" in declared else {}
    named = ast.literal_eval(declared["KERNEL"]) if "KERNEL" in declared else ""
    for config in configurations.values():
        # The file's own kernel is the one whose arguments these are, where the configuration names none.
        names = set(config["signature"]) | set(config["constexprs"])
        for node in found:
            own = {argument.arg for argument in node.args.args} == names
            if node.name == config.get("kernel", named) or ("kernel" not in config and own):
                for argument, kind in config["signature"].items():
                    types.setdefault(node.name, {}).setdefault(argument, set()).add(kind)
    return [Function(node, types.get(node.name, {})) for node in found]


def _is_jit(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(decorator).startswith("triton.jit") for decorator in node.decorator_list)


def _names(target: ast.expr) -> list[str]:
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]

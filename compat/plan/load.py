"""A matrix file, read and checked: YAML to Matrix, every problem a MatrixError with ``file:line``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from compat.errors import MatrixError
from compat.plan.check import check_matrix
from compat.plan.points import Points, find_points
from compat.plan.schema import MatrixSpec
from compat.plan.words import label_of, suggest
from compat.plan.yaml_file import YamlFile, read_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

__all__ = ["Matrix", "load_matrix", "parse"]


Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Matrix:
    """A checked matrix file: what it says (``spec``) and where it says it (``file``).

    ``points`` are what its axes come to: those that are planned are made when they are asked for.
    """

    file: YamlFile
    spec: MatrixSpec
    points: Points

    @property
    def path(self) -> Path:
        """The file it was read from."""
        return self.file.path

    @property
    def name(self) -> str:
        """The name of the upgrade."""
        return self.spec.name

    @property
    def digest(self) -> str:
        """sha256 of the file's bytes."""
        return self.file.digest


def load_matrix(path: Path) -> Matrix:
    """Read the matrix file at ``path``; MatrixError names the line, what was expected and what to do."""
    file = read_yaml(path)
    spec = parse(file, MatrixSpec)
    check_matrix(file, spec)
    return Matrix(file, spec, find_points(file, spec))


def parse(file: YamlFile, model: type[Model]) -> Model:
    """The values of ``file`` as ``model``; of several problems the first is raised, unknown keys before others."""
    try:
        return model.model_validate(file.values)
    except ValidationError as error:
        problems = error.errors(include_url=False)
    # A misspelled key is also a missing one: the misspelling is the better thing to say.
    problem = min(problems, key=lambda item: (item["type"] != "extra_forbidden", file.lines.get(_path(item), 0)))
    raise _explain(file, model, problem)


def _path(problem: ErrorDetails) -> tuple[str | int, ...]:
    return tuple(part for part in problem["loc"] if part != "[key]")


def _explain(file: YamlFile, model: type[BaseModel], problem: ErrorDetails) -> MatrixError:
    path, kind, found = _path(problem), problem["type"], problem["input"]
    where, label = file.where(*path), label_of(path)
    if kind == "extra_forbidden":
        known = _keys(model, path[:-1])
        place = f" in {label_of(path[:-1])}" if path[:-1] else ""
        return MatrixError(where, f"unknown key {path[-1]!r}{place}", suggest(str(path[-1]), known))
    if kind == "missing":
        place = f"{label_of(path[:-1])} lacks the key" if path[:-1] else "the file lacks the key"
        return MatrixError(where, f"{place} {path[-1]!r}", "add it")
    if kind == "string_type" and path in file.raw:
        raw = file.raw[path]
        if not raw:
            return MatrixError(where, f"{label} is empty", "write a value")
        return MatrixError(where, f"{label}: {raw} is read as {_describe(found)}", f'write "{raw}"')
    if kind == "value_error":
        text, _, remedy = str(problem["ctx"]["error"]).partition("; ")
        return MatrixError(where, f"{label}: {text}", remedy)
    if kind == "too_short":
        return MatrixError(where, f"{label} is empty", "write at least one entry")
    if kind == "too_long":
        return MatrixError(where, f"{label} has more than {problem['ctx']['max_length']} entries", "write fewer")
    expected = {
        "dict_type": "a mapping",
        "model_type": "a mapping",
        "list_type": "a list",
        "string_type": "text",
        "bool_type": "true or false",
        "int_type": "a whole number",
        "float_type": "a number",
    }.get(kind, problem["msg"].removeprefix("Input should be "))
    return MatrixError(where, f"{label or 'the file'}: expected {expected}, found {_describe(found)}")


def _keys(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The keys that the part of ``model`` at ``path`` has, read from its JSON Schema."""
    schema = model.model_json_schema()
    node = schema
    for part in path:
        if isinstance(part, int):
            node = node["items"]
        else:
            named, others = node.get("properties", {}), node.get("patternProperties", {})
            node = named.get(part) or next(iter(others.values()), None) or node["additionalProperties"]
        node = next((choice for choice in node.get("anyOf", ()) if choice.get("type") != "null"), node)
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return sorted(node["properties"])


def _describe(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    return "a list" if isinstance(value, list) else "a mapping"

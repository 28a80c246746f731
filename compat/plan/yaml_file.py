"""A YAML file as plain values, with the line of everything in it.

Only what JSON has is read (text, numbers, true and false, null, lists, mappings with text keys): no other tags, no
merge keys, no key twice. Size, depth and the number of values after aliases are expanded are limited, so that no file
can occupy the machine. Every problem is one ``MatrixError`` with ``file:line``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from compat.errors import MatrixError
from compat.model import digest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_NUMBER", "MAX_VALUES", "KeyPath", "YamlFile", "read_yaml"]

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_VALUES = 100_000
MAX_NUMBER = 40  # characters: nothing in such a file is a longer number

KeyPath = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_SCALARS = {_TAG + name for name in ("str", "int", "float", "bool", "null")}


@dataclass(frozen=True)
class YamlFile:
    """What a file says, where it says it, and the sha256 of its bytes.

    ``raw`` keeps the spelling of scalars that YAML did not take for text: 12.10 is the number 12.1 in ``values``.
    """

    path: Path
    digest: str
    values: Any
    lines: dict[KeyPath, int]
    raw: dict[KeyPath, str]

    def where(self, *path: str | int) -> str:
        """``file:line`` of the value at ``path``, or of the nearest thing around it that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.path}:{self.lines.get(path, 1)}"


def read_yaml(path: Path, least: str = "write at least a name, axes, runtimes, workloads and rings") -> YamlFile:
    """Read the file at ``path``; MatrixError when it cannot be read or is not plain YAML.

    ``least`` is what to do about an empty one.
    """
    data = _read(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MatrixError(f"{path}:{line}", "expected text in UTF-8", "save the file as UTF-8") from None
    reader = _Reader(path)
    try:
        root = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise MatrixError(f"{path}:{line}", f"not YAML: {error.problem or error.context}", "") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise MatrixError(
            f"{path}:{line}", f"not YAML: the character {text[error.position]!r} is not allowed"
        ) from None
    if root is None:
        raise MatrixError(f"{path}:1", "the file is empty", least)
    values = reader.value(root, ())
    return YamlFile(path, digest(data), values, reader.lines, reader.raw)


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise MatrixError(str(path), "expected a file, found a folder", "name a file")
        if path.exists() and not path.is_file():
            raise MatrixError(str(path), "expected a regular file", "name a file")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise MatrixError(str(path), "there is no such file", "check the path") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise MatrixError(str(path), f"the file cannot be read: {reason}", "check the path and its rights") from None
    if len(data) > MAX_BYTES:
        raise MatrixError(str(path), f"the file is larger than {MAX_BYTES} bytes", "split it, or make lists shorter")
    return data


class _Loader(yaml.SafeLoader):
    """The composer of PyYAML calls itself for each level: the depth is counted before Python's stack runs out.

    So are the nodes, before they are all there: each takes PyYAML a thousand bytes.
    """

    depth = 0
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        self.nodes += 1
        if self.depth > MAX_DEPTH or self.nodes > 2 * MAX_VALUES:  # a key is a node too
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # the stubs leave it out
            deep = f"nested deeper than {MAX_DEPTH} levels"
            problem = deep if self.depth > MAX_DEPTH else f"more than {MAX_VALUES} values"
            raise yaml.composer.ComposerError(None, None, problem, mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Reader:
    """Turns nodes into values; counts them, because an alias is one node and many values."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[KeyPath, int] = {}
        self.raw: dict[KeyPath, str] = {}
        self.count = 0
        self.scalars = yaml.constructor.SafeConstructor()

    def error(self, node: yaml.Node, problem: str, remedy: str) -> MatrixError:
        return MatrixError(f"{self.path}:{node.start_mark.line + 1}", problem, remedy)

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self.count += 1
        if self.count > MAX_VALUES:
            raise self.error(node, f"more than {MAX_VALUES} values once aliases are expanded", "use fewer aliases")
        if len(path) > MAX_DEPTH:
            raise self.error(node, f"nested deeper than {MAX_DEPTH} levels once aliases are expanded", "use no alias")
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        raise self.error(node, f"the tag {_short(node.tag)} is not allowed", "leave the tag out")

    def scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        if node.tag == _TAG + "timestamp":
            raise self.error(node, f"{node.value} is read as a date", f'write "{node.value}"')
        if node.tag not in _SCALARS:
            raise self.error(node, f"the tag {_short(node.tag)} is not allowed", "leave the tag out")
        if node.tag == _TAG + "str":
            return self.text(node)
        number = node.tag in (_TAG + "int", _TAG + "float")
        if number and len(node.value) > MAX_NUMBER:
            problem = f"{node.value!r} is read as a number, and has {len(node.value)} characters"
            raise self.error(node, problem, "write it in quotes, or as a shorter one")
        if number and ":" in node.value:
            raise self.error(node, f"{node.value} is read as a number to the base 60", f'write "{node.value}"')
        try:
            value = self.scalars.construct_object(node)
        except (ValueError, KeyError, OverflowError):
            raise self.error(node, f"{node.value!r} is not a {_short(node.tag)}", "leave the tag out") from None
        self.raw[path] = node.value
        return value

    def text(self, node: yaml.ScalarNode) -> str:
        text: str = node.value
        try:
            text.encode()
        except UnicodeEncodeError:
            raise self.error(node, f"{text!r} has half a character", "write the whole character") from None
        return text

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                raise self.error(key_node, "merge keys (<<) are not read", "write the keys out")
            if key_node.tag != _TAG + "str":
                shown = key_node.value if isinstance(key_node, yaml.ScalarNode) else "a list or mapping"
                raise self.error(key_node, f"expected text as key, found {shown}", 'write the key in quotes: "..."')
            key = self.text(key_node)
            if key in values:
                first = self.lines[(*path, key)]
                raise self.error(
                    key_node, f"the key {key!r} is there twice (first in line {first})", "keep one of them"
                )
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            values[key] = self.value(value_node, (*path, key))
        return values


def _short(tag: str) -> str:
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag

"""Documents and their texts: each is the other, or it is refused. Nothing is trusted that was read."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from compat import model
from compat.errors import StoreError
from compat.model import (
    SCHEMA_VERSION,
    Evidence,
    Identity,
    Lease,
    Node,
    Plan,
    Promotion,
    Rehearsal,
    Verdict,
    Watch,
    canonical,
)

__all__ = ["Document", "document_of", "text_of"]

Document = TypeVar("Document", Plan, Node, Identity, Evidence, Verdict, Promotion, Lease, Watch, Rehearsal)

for _noun in filter(is_dataclass, vars(model).values()):
    # A field that a noun does not have is refused: it is of a newer version, or somebody's own.
    setattr(_noun, "__pydantic_config__", {"extra": "forbid"})  # noqa: B010 - pydantic's name, not a noun's
_ADAPTERS: dict[type, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (Evidence, Identity, Lease, Node, Plan, Promotion, Rehearsal, Verdict, Watch)
}


def text_of(document: Document, where: str) -> bytes:
    """The document as it is written, to ``where``; StoreError for one that could not be read again."""
    try:
        data = canonical(document).encode()
        _ADAPTERS[type(document)].validate_json(data, strict=True)
    except ValueError as problem:  # NaN, half a surrogate pair
        reason = _first(problem) if isinstance(problem, ValidationError) else str(problem)
        what = f"{type(document).__name__.lower()} cannot be written: {reason}"
        raise StoreError(where, what, "this is a defect of gpu-compat: report it") from problem
    return data


def document_of(data: bytes, kind: type[Document], where: str) -> Document:
    """The document of this text, read from ``where``. StoreError where it is none, or one of another version."""
    try:
        document: Document = _ADAPTERS[kind].validate_json(data, strict=True)
    except ValidationError as problem:
        raise StoreError(where, f"is torn or not ours: {_first(problem)}", "restore it") from problem
    version = getattr(document, "schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise StoreError(where, f"has schema version {version}, this version reads {SCHEMA_VERSION}")
    return document


def _first(problem: ValidationError) -> str:
    """The first thing that is wrong, with its place in the document."""
    error = problem.errors()[0]
    said = error["msg"].removeprefix("Value error, ")  # what ``compat.model.moments`` says of one
    return f"{'.'.join(map(str, error['loc'])) or 'document'}: {said}"

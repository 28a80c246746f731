"""Reads stored verdicts for what a history shows: of their comparisons, which make them large, a few fields."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from compat.errors import CompatError, StoreError
from compat.model import SCHEMA_VERSION, Verdict, digest
from compat.report.past import Line
from compat.store.naming import is_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import TypeAdapter

    from compat.store import Store

__all__ = ["Reader"]

_PLANS = 50  # that are looked at, of whatever upgrade


class Reader:
    """Reads verdicts until so many bytes of them were read; what cannot be read is a problem, and no error."""

    def __init__(self, store: Store, problems: list[str], budget: int) -> None:
        self._store = store
        self._problems = problems
        self._left = budget
        self.refused = False  # whether something was left out
        self._ahead: dict[str, tuple[str, Verdict, Sequence[Line]] | None] = {}  # read, and not asked for yet
        self._others: dict[str, bool] = {}  # plan -> whether it is of another upgrade

    def read(self, name: str) -> tuple[str, Verdict, Sequence[Line]] | None:
        """The digest of the verdict of that name, the verdict without its comparisons, and these."""
        if name in self._ahead:
            return self._ahead.pop(name)
        if self._left <= 0:
            self.refused = True
            return None
        try:
            data = self._store.raw(name)
            self._left -= len(data)
            return digest(data), *self._parsed(name, data)
        except CompatError as problem:
            self._problems.append(f"a verdict could not be read: {problem}")
            return None

    def of_another(self, plan: str, names: Sequence[str], verdict: Verdict) -> bool | None:
        """Whether the plan is of another upgrade than ``verdict``, by the newest one that can be read.

        ``names`` are of its verdicts, the newest first. None: nobody knows. What is read for it is not read again.
        """
        if plan not in self._others:
            if len(self._others) >= _PLANS:
                return None
            self._ahead.clear()
            for name in names:
                found = self._ahead[name] = self.read(name)
                if found is not None:
                    self._others[plan] = _upgrade(found[1]) != _upgrade(verdict)
                    break
                if self.refused:
                    break
        return self._others.get(plan)

    def _parsed(self, name: str, data: bytes) -> tuple[Verdict, Sequence[Line]]:
        where = self._store.objects.address(name)
        if not is_named(name, data):
            raise StoreError(where, "is not what its name says: its content was changed", "restore it")
        try:
            found = _adapter().validate_json(data, strict=True)
        except ValueError:
            raise StoreError(where, "is torn or not ours", "restore it") from None
        if found.schema_version != SCHEMA_VERSION:
            raise StoreError(where, f"has schema version {found.schema_version}, this version reads {SCHEMA_VERSION}")
        fields = {field.name: getattr(found, field.name) for field in dataclasses.fields(Verdict)}
        return Verdict(**{**fields, "comparisons": ()}), found.comparisons


def _upgrade(verdict: Verdict) -> tuple[object, ...]:
    return verdict.matrix, verdict.known_good, verdict.candidate


@functools.cache
def _adapter() -> TypeAdapter[Any]:
    """Of a verdict as it is written, but that its comparisons are lines."""
    from typing import get_type_hints

    from pydantic import TypeAdapter

    hints = {**get_type_hints(Verdict, include_extras=True), "comparisons": tuple[Line, ...]}
    fields: list[Any] = []
    for field in dataclasses.fields(Verdict):
        later = dataclasses.field(default=field.default, default_factory=field.default_factory)
        fields.append((field.name, hints[field.name], later))
    return TypeAdapter(dataclasses.make_dataclass("Verdict", fields, frozen=True))

from __future__ import annotations

import dataclasses

import pytest
from packaging.specifiers import SpecifierSet
from pydantic import ValidationError

from compat.plan.support.rows import Conflict, Ships
from compat.plan.support.tables import load_tables


def test_every_row_has_a_source_and_a_date() -> None:
    tables = load_tables()
    for field in dataclasses.fields(tables):
        rows = getattr(tables, field.name)
        assert rows, field.name
        for row in rows:
            assert row.source
            assert row.cited == f"{row.source} (checked {row.checked})"


def test_specifiers_can_be_read() -> None:
    tables = load_tables()
    for row in tables.conflicts:
        assert all(SpecifierSet(text) for text in row.components.values())
        assert len(row.components) > 1
    assert all(SpecifierSet(row.triton) for row in tables.triton)


def test_no_key_is_twice() -> None:
    tables = load_tables()
    assert len({row.cuda for row in tables.cuda_ships}) == len(tables.cuda_ships)
    assert len({row.capability for row in tables.capabilities}) == len(tables.capabilities)
    assert len({row.torch for row in tables.torch}) == len(tables.torch)


@pytest.mark.parametrize("checked", ["2026", "soon", "2026-11-01"])
def test_a_row_without_a_date_is_refused(checked: str) -> None:
    with pytest.raises(ValidationError):
        Ships(cuda="12.8", driver="570.26", source="s", checked=checked)


def test_versions_are_text() -> None:
    with pytest.raises(ValidationError):
        Ships.model_validate({"cuda": 12.8, "driver": "570.26", "source": "s", "checked": "2026-11"})
    with pytest.raises(ValidationError):
        Conflict.model_validate({"components": {}, "efect": "x", "source": "s", "checked": "2026-11"})

"""What a node did when its ring was measured, for those who come back to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compat.errors import MomentError
from compat.way.here import Here
from tests.store.build import EVIDENCE, NODE, PLAN


def here(*started: str) -> Here:
    evidence = tuple(replace(EVIDENCE, started=one) for one in started)
    return Here(PLAN, "0" * 64, PLAN.rings[0], NODE, NODE, evidence)


def test_its_last_run_is_the_last_of_those_that_say_when_they_began() -> None:
    """Not by their texts: time zones differ, and what is none may sort after all."""
    found = here("2026-11-23T12:00:00+00:00", "2026-11-23T12:30:00+02:00", "soon", "2026-11-23T14:00:00").last()
    assert found.isoformat() == "2026-11-23T12:00:00+00:00"


def test_where_none_says_so_it_is_not_known() -> None:
    with pytest.raises(MomentError, match="'soon' is no moment"):
        here("soon", "later").last()

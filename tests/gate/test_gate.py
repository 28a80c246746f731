from __future__ import annotations

import pytest

from compat.gate import EXIT_CODES, USAGE, exit_code
from compat.model import Decision


@pytest.mark.parametrize(("decision", "code"), [(Decision.GO, 0), (Decision.NO_GO, 1), (Decision.HOLD, 10)])
def test_exit_codes_are_what_pipelines_were_told(decision: Decision, code: int) -> None:
    assert exit_code(decision) == code


def test_every_decision_has_a_code_of_its_own_and_only_go_is_zero() -> None:
    assert set(EXIT_CODES) == set(Decision)
    assert len({*EXIT_CODES.values(), USAGE}) == len(Decision) + 1
    assert [decision for decision, code in EXIT_CODES.items() if code == 0] == [Decision.GO]

"""What a model's cases may say of the backend that compiles them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compat.errors import ContentError
from compat.model import Tier
from compat.model.backends import BACKENDS
from compat.plan.cases import cases_of
from compat.plan.content import read_file

from .conftest import MODEL, OPERATOR

if TYPE_CHECKING:
    from .conftest import Write

BATCH = '{"batch": 1}'
assert BATCH in MODEL


def metrics_of(write: Write, params: str) -> set[str]:
    path = write(MODEL.replace(BATCH, params), "tiny.py")
    (case,) = cases_of(read_file(path, kernel=False), {Tier.CPU})
    return {metric.name for metric in case.metrics}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (
            '{"backend": "inducter"}',
            "['backend'] is one of eager, inductor, exported, aot_inductor, tensorrt (found 'inducter')",
        ),
        ('{"backend": ["eager"]}', f"['backend'] is one of {', '.join(BACKENDS)} (found ['eager'])"),
        ('{"backend": "exported", "cold": 1}', "['cold'] is True or False"),
        ('{"cold": True}', "['cold'] goes with a backend that compiles, which eager does not"),
    ],
)
def test_a_backend_that_is_none_is_an_error_in_one_line(write: Write, params: str, expected: str) -> None:
    path = write(MODEL.replace(BATCH, params), "tiny.py")
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if text.startswith("CASES"))
    with pytest.raises(ContentError) as caught:
        read_file(path, kernel=False)
    assert str(caught.value) == f"{path}:{line}: expected: CASES['batch-1']{expected}"


def test_an_operator_may_call_anything_its_backend(write: Write) -> None:
    assert '{"n": 3}' in OPERATOR
    path = write(OPERATOR.replace('{"n": 3}', '{"n": 3, "backend": "flash"}'), "w.py")
    case, _ = cases_of(read_file(path, kernel=False), {Tier.CPU})
    assert "compile_time" not in {metric.name for metric in case.metrics}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_case_is_promised_what_its_own_backend_has(write: Write, backend: str) -> None:
    found = metrics_of(write, f'{{"backend": "{backend}"}}')
    assert ("compile_time" in found) == (backend != "eager")
    assert ("graph_breaks" in found) == (backend == "inductor")
    assert "latency" in found


def test_a_cold_case_is_not_timed(write: Write) -> None:
    found = metrics_of(write, '{"backend": "aot_inductor", "cold": True}')
    assert "compile_time" in found
    assert not found & {"latency", "first_call", "leak", "memory_private", "throughput"}

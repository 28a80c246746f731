from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compat.errors import ContentError
from compat.model import Tier
from compat.plan.cases import cases_of
from compat.plan.content import read_file

from .conftest import KERNEL, MODEL, OPERATOR, PER_TARGET

if TYPE_CHECKING:
    from .conftest import Write


def test_a_kernel_has_a_case_for_each_configuration_and_target(write: Write) -> None:
    kernel = read_file(write(KERNEL, "add.py"), kernel=True)
    cases = cases_of(kernel, {Tier.AOT, Tier.CPU}, ["sm_75", "sm_80"])
    assert [case.id for case in cases] == ["fp16-sm_75", "fp16-sm_80"]
    assert cases[1].params == {**kernel.configurations["fp16"], "target": "sm_80"}
    assert {case.tier for case in cases} == {Tier.AOT}
    assert "target" not in kernel.configurations["fp16"]


def test_tolerance_may_be_the_case_s_own(write: Write) -> None:
    workload = read_file(write(OPERATOR, "total.py"), kernel=False)
    cases = cases_of(workload, {Tier.CPU})
    assert [(case.id, case.tolerance) for case in cases] == [("small", 1e-6), ("large", 1e-3)]
    assert all(case.content == workload.digest and case.components == ("numpy",) for case in cases)


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        ({Tier.CPU}, [("batch-1", Tier.CPU)]),
        ({Tier.GPU}, [("batch-1", Tier.GPU)]),
        ({Tier.CPU, Tier.GPU}, [("batch-1", Tier.CPU), ("batch-1-gpu", Tier.GPU)]),
        ({Tier.AOT, Tier.STATIC}, []),
    ],
)
def test_the_tiers_decide(write: Write, tiers: set[Tier], expected: list[tuple[str, Tier]]) -> None:
    model = read_file(write(MODEL, "tiny.py"), kernel=False)
    assert [(case.id, case.tier) for case in cases_of(model, tiers)] == expected


def test_a_case_that_is_per_target_is_planned_for_each_that_is_named(write: Write) -> None:
    workload = read_file(write(PER_TARGET, "total.py"), kernel=False)
    assert workload.has_targets
    assert [case.id for case in cases_of(workload, {Tier.CPU})] == ["small"]
    planned = cases_of(workload, {Tier.CPU}, ["sm_80", "gfx942"])
    assert [(case.id, case.params.get("target")) for case in planned] == [
        ("small", None),
        ("code-sm_80", "sm_80"),
        ("code-gfx942", "gfx942"),
    ]


def test_ids_that_meet(write: Write) -> None:
    path = write(MODEL.replace('{"batch-1": {"batch": 1}}', '{"a": {}, "a-gpu": {}}'), "tiny.py")
    model = read_file(path, kernel=False)
    with pytest.raises(ContentError) as caught:
        cases_of(model, {Tier.CPU, Tier.GPU})
    assert str(caught.value) == f"{path}:1: two cases come to the id 'a-gpu'; rename one of the two"

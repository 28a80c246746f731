"""Ahead-of-time figures side by side."""

from __future__ import annotations

import dataclasses
import math

import pytest

from compat.model import Arm, Direction, Evidence, Kind, Metric, Status, Tier
from compat.report.case_parts import AotCell, AotTable
from compat.report.text import NOTHING
from compat.report.view import View, view
from tests.report import build

REGISTERS = Metric("registers", "registers", Direction.LOWER, Kind.EXACT)
OCCUPANCY = Metric("occupancy", "warps", Direction.HIGHER, Kind.EXACT)
SHARED = Metric("shared_memory", "B", Direction.LOWER, Kind.EXACT)
COMPILE = Metric("compile_time", "s", Direction.LOWER, Kind.SAMPLED)


def shown(figures: dict[str, tuple[tuple[Metric, float, float | None], ...]]) -> View:
    """A report of a kernel's cases, with the figures of each: known-good, and candidate unless that has none."""
    comparisons = []
    evidence: list[Evidence] = []
    for case, values in figures.items():
        compared = build.comparison(
            "kernel:matmul", case, build.OPERATORS, values[0][0].name, Status.PASS, "unchanged", tier=Tier.AOT
        )
        comparisons.append(compared)
        for arm, at in ((Arm.KNOWN_GOOD, 1), (Arm.CANDIDATE, 2)):
            measured = tuple(build.measured(one[0], one[at]) for one in values if one[at] is not None)
            evidence.append(build.record(compared, arm, 0, measured))
    verdict = dataclasses.replace(build.verdict(), comparisons=tuple(comparisons))
    return view(verdict, build.plan(), (build.NODE,), build.IDENTITIES, evidence)


def aot(made: View, case: str) -> AotTable:
    (found,) = (item.aot for item in made.items if item.case == case)
    assert found is not None
    return found


def test_both_arms_stand_beside_each_other_and_what_changed_is_marked() -> None:
    made = shown({"fp16-sm_75": ((REGISTERS, 126.0, 126.0), (OCCUPANCY, 16.0, 12.0), (SHARED, 8704.0, 8704.0))})
    rows = {row.metric: row.cells for row in aot(made, "fp16-sm_75").rows}
    assert rows == {
        "occupancy, warps": (AotCell("16", "12", changed=True),),
        "registers": (AotCell("126", "126", changed=False),),
        "shared_memory": (AotCell("8.5 KiB", "8.5 KiB", changed=False),),
    }


def test_a_time_is_never_the_same_and_what_is_missing_is_no_change() -> None:
    made = shown({"fp16-sm_75": ((COMPILE, 0.2, 0.3), (REGISTERS, 40.0, None))})
    rows = {row.metric: row.cells for row in aot(made, "fp16-sm_75").rows}
    assert rows["compile_time"] == (AotCell("200 ms", "300 ms", changed=False),)
    assert rows["registers"] == (AotCell("40", NOTHING, changed=False),)


def test_what_is_not_finite_is_counted_and_is_a_change() -> None:
    made = shown({"fp16-sm_75": ((COMPILE, 0.2, math.nan), (REGISTERS, 40.0, math.inf), (SHARED, math.nan, math.nan))})
    rows = {row.metric: row.cells for row in aot(made, "fp16-sm_75").rows}
    assert rows == {
        "compile_time": (AotCell("200 ms", "1 not finite", changed=True),),
        "registers": (AotCell("40", "1 not finite", changed=True),),
        "shared_memory": (AotCell("1 not finite", "1 not finite", changed=False),),
    }


def test_the_targets_of_a_case_stand_beside_each_other_in_their_order() -> None:
    made = shown({f"fp16-{target}": ((REGISTERS, 1.0, 1.0),) for target in ("sm_100", "sm_75", "sm_90a")} | {
        "bf16-sm_75": ((REGISTERS, 2.0, 2.0),),
    })  # fmt: skip
    anchors = {item.case: item.anchor for item in made.items}
    assert aot(made, "fp16-sm_90a").targets == (
        ("sm_90a", ""),
        ("sm_75", anchors["fp16-sm_75"]),
        ("sm_100", anchors["fp16-sm_100"]),
    )
    assert aot(made, "bf16-sm_75").targets == (("sm_75", ""),)


def test_another_targets_change_is_seen_from_each_of_them() -> None:
    made = shown({"a-sm_75": ((REGISTERS, 1.0, 1.0),), "a-sm_90": ((REGISTERS, 80.0, 88.0),)})
    (row,) = aot(made, "a-sm_75").rows
    assert row.cells == (AotCell("1", "1", changed=False), AotCell("80", "88", changed=True))


def test_of_many_targets_some_are_left_out_and_counted() -> None:
    made = shown({f"x-sm_{70 + number}": ((REGISTERS, 1.0, 1.0),) for number in range(9)})
    table = aot(made, "x-sm_78")
    assert len(table.targets) == 6
    assert table.left_out == 3


@pytest.mark.parametrize("case", ["sm_90", "fp16", "sm_90-fp16-x", "gfx90a-fp16"])
def test_a_name_with_a_target_anywhere_or_none_has_a_table(case: str) -> None:
    table = aot(shown({case: ((REGISTERS, 1.0, 1.0),)}), case)
    assert table.targets == (({"sm_90": "sm_90", "fp16": "", "sm_90-fp16-x": "sm_90"}.get(case, "gfx90a"), ""),)


def test_only_compiled_cases_have_a_table() -> None:
    assert {item.tier for item in build.demo().items if item.aot is not None} == {"aot"}

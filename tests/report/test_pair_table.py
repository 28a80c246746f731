"""The pairs of an item as numbers."""

from __future__ import annotations

import dataclasses

from compat.model import Arm, Status
from compat.report.measured import measured
from compat.report.pair_table import MOST, pair_table
from compat.report.parts import Series
from compat.report.text import MINUS, NOTHING
from compat.report.view import view
from tests.report import build

SOFTMAX = [entry for entry in build.evidence() if "softmax" in entry.item]


def table(records: list, hosts: dict[str, str] | None = None) -> object:
    series = [Series(metric, runs.first.unit, runs.pairs()) for metric, runs in measured(records).items()]
    return pair_table(series, hosts or {})


def test_a_row_has_both_arms_of_a_pair_and_its_change() -> None:
    values = {Arm.KNOWN_GOOD: (2.0, 4.0), Arm.CANDIDATE: (1.0, 5.0)}
    records = [
        dataclasses.replace(entry, measurements=(build.measured(build.LATENCY, values[entry.arm][entry.pair]),))
        for entry in SOFTMAX
        if entry.pair < 2
    ]
    found = table(records)
    assert found.heads == ("Pair", "Round", "Generation", "latency: known-good", "candidate", "change")
    assert found.rows == (
        ("0", "1", "0", "2 s", "1 s", f"{MINUS}50.00 %"),
        ("1", "1", "0", "4 s", "5 s", "+25.00 %"),
    )


def test_a_change_is_said_where_the_quotient_is_none() -> None:
    values = {Arm.KNOWN_GOOD: (1e200, 1e-200), Arm.CANDIDATE: (1e-200, 1e200)}
    records = [
        dataclasses.replace(entry, measurements=(build.measured(build.LATENCY, values[entry.arm][entry.pair]),))
        for entry in SOFTMAX
        if entry.pair < 2
    ]
    assert [row[-1] for row in table(records).rows] == [f"{MINUS}100 %", "+∞"]


def test_where_pairs_ran_is_said_if_it_was_not_one_place() -> None:
    moved = [dataclasses.replace(entry, node="b") if entry.pair >= 15 else entry for entry in SOFTMAX]
    found = table(moved, {"canary-01": "gpu-node-7"})
    assert found.heads[3] == "Node"
    assert [row[3] for row in found.rows] == ["b"] * 15 + ["gpu-node-7"] * 15


def test_a_unit_without_multiples_is_said_in_the_head() -> None:
    rate = dataclasses.replace(build.LATENCY, name="throughput", unit="items/s")
    records = [dataclasses.replace(entry, measurements=(build.measured(rate, 5.0 + entry.pair),)) for entry in SOFTMAX]
    found = table(records)
    assert found.heads[3] == "throughput, items/s: known-good"
    assert found.rows[2][3:] == ("7", "7", "0.00 %")


def test_an_arm_that_is_missing_leaves_its_place_empty() -> None:
    records = [entry for entry in SOFTMAX if not (entry.arm is Arm.CANDIDATE and entry.pair == 1)]
    row = table(records).rows[1]
    assert row[4:6] == (NOTHING, NOTHING)


def test_what_is_the_same_throughout_has_no_column() -> None:
    records = [dataclasses.replace(entry, measurements=(build.measured(build.MEMORY, 5.0),)) for entry in SOFTMAX]
    assert table(records) is None


def test_of_more_pairs_the_command_is_told_instead() -> None:
    assert MOST == 60
    more = [
        dataclasses.replace(entry, pair=entry.pair + 30 * part, generation=entry.generation + 15 * part)
        for part in range(3)
        for entry in SOFTMAX
    ]
    assert table(more) is None
    shown = view(build.verdict(), build.plan(), (build.NODE,), build.IDENTITIES, more, store="out/x y")
    (item,) = (item for item in shown.items if "softmax" in item.title)
    assert item.pairs is None
    assert item.numbers == f"compat show 'out/x y' '{item.key}' --plan {build.verdict().plan[:12]} --pairs"


def test_what_passed_has_no_table_and_the_rest_has() -> None:
    for item in build.demo().items:
        assert (item.pairs is None) or not item.brief
        assert item.brief is all(row.status is Status.PASS for row in item.rows)
    (item,) = (item for item in build.demo().items if "softmax" in item.title)
    assert item.pairs is not None
    assert len(item.pairs.rows) == 30

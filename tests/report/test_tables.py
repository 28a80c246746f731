from __future__ import annotations

import csv
import dataclasses
import io
import math

import pandas as pd
import pytest

from compat.report.tables import evidence_table, show, to_csv
from tests.report import build


def test_a_row_per_measurement_and_a_row_for_a_fault_without_any() -> None:
    table = evidence_table(build.evidence())
    assert list(table.columns) == [
        *("item", "arm", "node", "gpu", "phase", "pair", "generation", "round"),
        *("metric", "unit", "median", "samples", "fault"),
    ]
    expected = sum(max(1, len(record.measurements)) for record in build.evidence())
    assert len(table) == expected
    faults = table[table["fault"].notna()]
    assert list(faults["fault"]) == ["exception/run/OverflowError"] * 3
    assert list(faults["samples"]) == [0, 0, 0]
    assert faults["median"].isna().all()
    latencies = table[table["metric"] == "latency"]
    assert (latencies["samples"] == 9).all()
    assert (latencies["unit"] == "s").all()


def test_a_median_over_what_is_not_finite_is_not_a_number() -> None:
    record = next(entry for entry in build.evidence() if len(entry.measurements) == 2)
    spoiled = dataclasses.replace(record.measurements[0], samples=(1.0, 2.0, math.inf))
    table = evidence_table([dataclasses.replace(record, measurements=(spoiled,))])
    assert math.isnan(table["median"][0])


def test_no_evidence_is_an_empty_table_with_its_columns() -> None:
    assert evidence_table([]).shape == (0, 13)


def test_show_joins_the_arms_of_a_pair() -> None:
    table = show(record for record in build.evidence() if "softmax" in record.item)
    latency = table[table["metric"] == "latency"]
    assert len(latency) == 30
    assert latency["change"].to_numpy() == pytest.approx(latency["candidate"] / latency["known_good"] - 1)
    assert abs(latency["change"].median() - 0.019) < 0.02


def test_an_arm_that_gave_nothing_has_no_value() -> None:
    key = "stack-2025-5e1c4a/operator:numpy_promotion[uint8-overflow]"
    table = show(record for record in build.evidence() if record.item == key)
    assert set(table["item"]) == {key}
    assert table["candidate"].isna().all()
    assert table["known_good"].notna().all()


SIGNS = ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"]


@pytest.mark.parametrize("begin", [*SIGNS, "\t", "\r", "\n", " =", '"=', '""  ='])
def test_no_text_becomes_a_formula(begin: str) -> None:
    table = pd.DataFrame({f"{begin}head": [f"{begin}1+1", "plain"], "number": [-1.5, 2.0]})
    head, first, second = csv.reader(io.StringIO(to_csv(table)))
    assert head[0].startswith("'")
    assert first[0].startswith("'")
    assert (first[1], second) == ("-1.5", ["plain", "2.0"])


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", ["x;", "x;;", "x\t", "x\n", "x\r\n", 'x;"', 'x;""', "x; ", "x;\t", 'x" ;\n" '])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_text_becomes_one_where_a_sheet_separates_otherwise(sign: str, before: str, separator: str) -> None:
    hostile = f"{before}{sign}cmd|' /C calc'!A0;y"
    page = to_csv(pd.DataFrame({"one": ["plain", hostile], hostile: [hostile, "x;"], "number": [1.5, math.nan]}))
    fields = [text for row in csv.reader(io.StringIO(page, newline=""), delimiter=separator) for text in row]
    assert any("cmd" in text for text in fields)
    assert not [text for text in fields if text.strip(' \n\t"').startswith(tuple(SIGNS))]


def test_all_text_is_quoted_and_no_number() -> None:
    page = to_csv(pd.DataFrame({"one": ["plain", "a;b"], "two": [1.5, -2.0], "three": [True, False], "four": [3, -4]}))
    assert page == '"one","two","three","four"\n"plain",1.5,True,3\n"a;b",-2.0,False,-4\n'


def test_csv_reads_back_as_the_table() -> None:
    table = evidence_table(build.evidence())
    again = pd.read_csv(io.StringIO(to_csv(table)))
    pd.testing.assert_series_equal(again["median"], table["median"], check_exact=True)
    assert list(again["item"]) == list(table["item"])

"""The comparisons as CSV and as Parquet: the same rows, with the numbers as they were judged."""

from __future__ import annotations

import dataclasses
import io
import math

import pandas as pd
import pytest

from compat.model import Kind, Route, Status
from compat.report.formats import formats
from compat.report.tables import comparison_table
from compat.report.view import View, view
from tests.report import build, compared

TEXT = ["item", "cell", "workload", "case", "tier", "metric", "unit", "kind", "status", "reason", "waived"]
NUMBERS = ["known_good", "candidate", "effect", "interval_low", "interval_high", "limit"]
FLAGS = ["required", "pairs"]


def csv(shown: View) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(formats()["csv"].files(shown)["report.csv"]), keep_default_na=False)


def parquet(shown: View) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(formats()["parquet"].files(shown)["report.parquet"]), engine="pyarrow")


def test_a_row_a_comparison_with_the_numbers_as_they_are() -> None:
    shown = build.path()
    table = parquet(shown)
    assert len(table) == len(shown.verdict.comparisons)
    for found, (_, row) in zip(shown.verdict.comparisons, table.iterrows(), strict=True):
        assert (row["item"], row["cell"], row["case"], row["metric"]) == (
            found.item, found.cell, found.case, found.metric,
        )  # fmt: skip
        assert (row["status"], row["required"], row["pairs"]) == (found.status.value, found.required, found.pairs)
        interval = found.interval or (None, None)
        numbers = (found.known_good, found.candidate, found.effect, *interval, found.limit)
        for name, number in zip(NUMBERS, numbers, strict=True):
            assert math.isnan(row[name]) if not isinstance(number, float) else row[name] == number
        assert row["reason"] == found.reason


def test_axes_are_of_the_cell_on_both_sides() -> None:
    table = parquet(build.path())
    between = table[table["cell"] == compared.NUMPY_ONLY]
    assert set(between["known_good.runtime"]) == {"stack-2024"}
    assert set(between["candidate.runtime"]) == {"stack-2024-numpy-2"}
    assert set(table[table["cell"] == build.OPERATORS]["candidate.runtime"]) == {"stack-2025"}
    assert set(table["known_good.driver"]) == {"none"}


def test_a_cell_that_is_reached_over_others_has_its_axes() -> None:
    whole = dataclasses.replace(build.POINTS[build.OPERATORS], id="the-whole-way")
    found = dataclasses.replace(build.comparisons()[0], cell=whole.id, item=f"{whole.id}/x[y]")
    plan = dataclasses.replace(build.plan(), routes=(Route(whole, (build.OPERATORS,)),))
    shown = view(dataclasses.replace(build.verdict(), comparisons=(found,)), plan, (), {}, ())
    assert list(parquet(shown)["candidate.runtime"]) == ["stack-2025"]


def test_what_is_no_number_is_beside_the_numbers() -> None:
    table = parquet(build.demo())
    row = table[table["case"] == "uint8-overflow"].iloc[0]
    assert (row["known_good_text"], row["candidate_text"]) == ("ran", "exception at stage run")
    assert math.isnan(row["known_good"])
    assert table["known_good"].dtype == table["effect"].dtype == float
    assert table["required"].dtype == bool


def test_a_waived_comparison_says_what_it_would_be() -> None:
    base = build.comparisons()[0]
    found = (dataclasses.replace(base, status=Status.WAIVED, waived=Status.REGRESS), base)
    table = parquet(view(dataclasses.replace(build.verdict(), comparisons=found), build.plan(), (), {}, ()))
    assert list(table["status"]) == ["waived", "regress"]
    assert [value if isinstance(value, str) else None for value in table["waived"]] == ["regress", None]


@pytest.mark.parametrize("variant", [build.demo, build.path, build.go, build.hold])
def test_both_have_the_same(variant) -> None:
    text, typed = csv(variant()), parquet(variant())
    assert list(text.columns) == list(typed.columns)
    assert [name for name in typed.columns if name in {*TEXT, *NUMBERS, *FLAGS}] == [
        *("item", "cell", "workload", "case", "tier", "metric", "unit", "kind", "status", "required", "known_good"),
        *("candidate", "effect", "interval_low", "interval_high", "limit", "pairs", "reason", "waived"),
    ]
    for name in NUMBERS:
        assert [float(one) if one != "" else None for one in text[name]] == [
            None if math.isnan(one) else one for one in typed[name]
        ]
    for name in [name for name in typed.columns if name not in {*NUMBERS, *FLAGS}]:
        assert list(text[name]) == [one if isinstance(one, str) else "" for one in typed[name]]


def test_nothing_at_all_is_a_table_without_rows() -> None:
    assert csv(build.empty()).shape == parquet(build.empty()).shape
    assert len(csv(build.empty())) == 0
    assert list(csv(build.empty()).columns)[:2] == ["item", "cell"]


def test_numbers_that_are_not_finite_stay_what_they_are() -> None:
    base = dataclasses.replace(build.comparisons()[0], kind=Kind.SAMPLED)
    found = dataclasses.replace(base, known_good=math.inf, effect=-math.inf, interval=(math.nan, 1.0))
    shown = view(dataclasses.replace(build.verdict(), comparisons=(found,)), build.plan(), (), {}, ())
    table = comparison_table(shown)
    assert (table["known_good"][0], table["effect"][0], table["interval_high"][0]) == (math.inf, -math.inf, 1.0)
    assert math.isnan(table["interval_low"][0])
    assert parquet(shown)["known_good"][0] == math.inf
    assert csv(shown)["effect"][0] == -math.inf

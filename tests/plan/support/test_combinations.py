"""Real combinations of cards, drivers and CUDA, from public reports: what the tables say of each beside what happened.

``combinations.yaml`` has them with their sources. No report may be contradicted; what the tables do not have, they say.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from compat.plan.support.answers import verdicts_of
from compat.plan.support.subject import Opinion
from compat.plan.support.tables import load_tables

ROWS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("combinations.yaml").read_text("utf-8"))["rows"]
KNOWN = [row for row in ROWS if not row.get("unknown")]
OPEN = [row for row in ROWS if row.get("unknown")]
_STACK = ("driver", "torch", "cuda", "triton")


def opinions(row: Mapping[str, Any]) -> dict[str, Opinion]:
    stack = {name: row[name] for name in _STACK if name in row}
    gpus = [row["gpu"]] if "gpu" in row else []
    compat = row.get("cuda_compat", False)
    return verdicts_of(stack, load_tables(), gpus=gpus, cuda_compat=compat, ptx=row.get("ptx", False))


def label(row: Mapping[str, Any]) -> str:
    return " ".join(str(row[name]) for name in ("gpu", *_STACK) if name in row).replace(" ", "-")


def test_there_are_enough_of_them_each_with_its_source() -> None:
    assert len(KNOWN) >= 100
    assert len({row["source"] for row in KNOWN}) >= 40
    assert {row["expect"] for row in KNOWN} == {"native", "minor_compat", "forward_compat", "fail"}
    assert all(row["worked"] is (row["expect"] != "fail") for row in ROWS)


@pytest.mark.parametrize("row", KNOWN, ids=label)
def test_a_combination_is_judged_as_it_went(row: dict[str, Any]) -> None:
    found = opinions(row)
    assert found, "no rule has anything to say"
    reasons = [f"{opinion.status}: {opinion.reason}" for opinion in found.values()]
    refused = [opinion for opinion in found.values() if opinion.status == "fail"]
    assert bool(refused) is (row["expect"] == "fail"), reasons
    assert refused or {opinion.status for opinion in found.values()} == {"ok"}, reasons


@pytest.mark.parametrize(
    "row", [row for row in KNOWN if row["worked"] and "driver" in row and "cuda" in row], ids=label
)
def test_how_well_it_goes_together(row: dict[str, Any]) -> None:
    level = opinions(row)["cuda-driver"].level
    if row["driver"].isdigit() and row["expect"] == "native":
        assert level in ("native", "minor_compat")  # the report names a branch, and no release of it
    elif row["cuda"].startswith("11.") and row["expect"] == "forward_compat":
        assert (
            level == "minor_compat"
        )  # the tables have no forward compatibility of CUDA 11, and this is above the floor
    else:
        assert level == row["expect"]


@pytest.mark.parametrize("row", OPEN, ids=label)
def test_what_the_tables_do_not_have_is_unknown(row: dict[str, Any]) -> None:
    found = opinions(row)
    assert "unknown" in {opinion.status for opinion in found.values()}
    assert "fail" not in {opinion.status for opinion in found.values()}

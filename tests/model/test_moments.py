"""Moments, days and spans of documents: what is none is refused where it is read, and nothing falls over it later."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compat.errors import MomentError, StoreError
from compat.model import SCHEMA_VERSION, Lease, Promotion, Waiver, WaiverUse, Window, plain
from compat.model.moments import LONGEST, day, moment, zoned
from compat.store import Store
from compat.store.texts import document_of, text_of
from tests.store.build import PLAN, VERDICT
from tests.store.full import REHEARSAL, WATCH

NO_MOMENTS = (
    "", "soon", "2026-11-29", "20261129T120000Z", "2026-W48-7T12:00:00", "2026-11-29T25:00:00+00:00",
    "2026-02-30T12:00:00+00:00", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+23:59", "1969-12-31T23:59:59Z",
    "2026-11-29T12:00:00+00:00\n", " 2026-11-29T12:00:00+00:00", "2026-11-29T12:00:00+99:00", "now" * 1000,
)  # fmt: skip


@pytest.mark.parametrize("text", NO_MOMENTS)
def test_what_is_no_moment_says_so_in_one_line(text: str) -> None:
    with pytest.raises(MomentError, match="is no moment; one is 2026-11-29T12:00:00") as caught:
        moment(text)
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "is_"),
    [
        ("2026-11-29T12:00:00+00:00", "2026-11-29T12:00:00+00:00"),
        ("2026-11-29T12:00:00Z", "2026-11-29T12:00:00+00:00"),
        ("2026-11-29T12:00:00.123456+02:00", "2026-11-29T10:00:00.123456+00:00"),
        ("2026-11-29T12:00:00", "2026-11-29T12:00:00+00:00"),
        ("2999-12-31T23:59:59Z", "2999-12-31T23:59:59+00:00"),
    ],
)
def test_moments_have_a_time_zone_and_it_is_utc_where_none_is_said(text: str, is_: str) -> None:
    assert moment(text).astimezone(datetime.UTC).isoformat() == is_
    assert zoned(text) == (moment(text) if text[19:] else None)
    assert moment(text) + datetime.timedelta(seconds=LONGEST)


@pytest.mark.parametrize("text", ["soon", "", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_what_is_judged_is_a_moment_or_none(text: str) -> None:
    assert zoned(text) is None


def test_days() -> None:
    assert day("2026-11-29") == datetime.date(2026, 11, 29)
    for text in ("", "soon", "2026-11-31", "2026-11-29T12:00:00"):
        with pytest.raises(MomentError, match="is no day; one is 2026-11-29"):
            day(text)


# -- where documents are read ------------------------------------------------------------------------------------------

Change = Callable[[dict[str, Any]], object]
PROMOTION = Promotion(SCHEMA_VERSION, "prod", 1, "", "promote", "me", WATCH.at, expires="2030-01-01")
LEASE = Lease(SCHEMA_VERSION, "n1", 1, "", "take", "x", "me", WATCH.at)
WAIVED = replace(VERDICT, waivers=(WaiverUse(Waiver("*", "*", "why", "ann", "2030-01-01"), "in force", 1),))
WINDOWS = replace(PLAN, windows=(Window("driver", "570", "2030-01-01", ended=False, source="table"),))


@pytest.mark.parametrize(
    ("document", "change", "said"),
    [
        (VERDICT, lambda d: d.update(judged_at="soon"), "judged_at: 'soon' is no moment"),
        (WATCH, lambda d: d.update(at="soon"), "at: 'soon' is no moment"),
        (REHEARSAL, lambda d: d.update(at="9999-12-31T00:00:00Z"), "at: '9999-12-31T00:00:00Z' is no moment"),
        (PROMOTION, lambda d: d.update(at=""), "at: '' is no moment"),
        (PROMOTION, lambda d: d.update(expires="never"), "expires: 'never' is no day"),
        (LEASE, lambda d: d.update(at="soon"), "at: 'soon' is no moment"),
        (WAIVED, lambda d: d["waivers"][0]["waiver"].update(expires=""), "waivers.0.waiver.expires: '' is no day"),
        (WINDOWS, lambda d: d["windows"][0].update(ends="x"), "windows.0.ends: 'x' is no day"),
        (PLAN, lambda d: d["rings"][0].update(soak=1e12), "rings.0.soak: 1000000000000.0 s is no span"),
        (PLAN, lambda d: d["rings"][0].update(budget=-1.0), "rings.0.budget: -1.0 s is no span"),
        (PLAN, lambda d: d["rings"][0].update(valid=1e12), "rings.0.valid: 1000000000000.0 s is no span"),
        (PLAN, lambda d: d["rings"][0].update(rehearsal=1e12), "rings.0.rehearsal: 1000000000000.0 s is no span"),
    ],
)
def test_a_document_with_what_is_none_is_torn_or_not_ours(document: Any, change: Change, said: str) -> None:
    assert document_of(text_of(document, "it"), type(document), "it") == document
    there = plain(document)
    change(there)
    with pytest.raises(StoreError) as caught:
        document_of(json.dumps(there).encode(), type(document), "it")
    assert str(caught.value).startswith(f"it: is torn or not ours: {said}; one is ")


def test_an_entry_of_a_log_for_ever_and_a_window_that_is_open_are_fine() -> None:
    for document in (
        replace(PROMOTION, expires=""),
        replace(WINDOWS, windows=(replace(WINDOWS.windows[0], ends=None),)),
    ):
        assert document_of(text_of(document, "it"), type(document), "it") == document


def test_what_is_none_is_not_written_either(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", create=True)
    with pytest.raises(StoreError, match="verdict cannot be written: judged_at: 'soon' is no moment"):
        store.put_verdict(replace(VERDICT, judged_at="soon"))
    assert store.verdicts() == []

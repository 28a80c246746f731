"""Whatever a runtime, a matrix or a node named is text in every document, and the document stays one."""

from __future__ import annotations

import functools

import pytest

from compat.report.formats import formats
from compat.report.text import clean
from compat.report.view import View
from tests.report.formats.reading import READERS
from tests.report.hostile import PAYLOADS, PLACES, Given, all_spoilt, full, spoilt

# Each begins a formula, and ends what it may stand in: CDATA, a label, a cell, a field of CSV, an attribute, a line.
BEGIN, END = "=cmd|'/C calc'!A0 ", " the end"
HOSTILE = BEGIN + ']]> \\ \\" "},{ \ufffe \uffff \'," ;=1+1;\uff1d2;\r\n# EOF\n+1\r' + PAYLOADS["control"] + END
LONG = BEGIN + " ".join((*PAYLOADS.values(), "\U0001fffe \ufffe \x85")) + END
# What is in these is not printed: it binds documents, or is in the plan and not in its verdict.
SHOWN = {
    "junit": {"Verdict.matrix", "Comparison.reason", "Comparison.case", "Cell.stack.value", "Fault.output"},
    "ctrf": {"Verdict.ring", "Comparison.reason", "Comparison.workload", "Cell.known_good.key", "Rejection.reason"},
    "csv": {"Comparison.item", "Comparison.reason", "Comparison.unit", "Comparison.known_good", "Cell.stack.key"},
    "parquet": {"Comparison.item", "Comparison.reason", "Comparison.unit", "Comparison.known_good", "Cell.stack.key"},
    "openmetrics": {"Verdict.matrix", "Verdict.ring", "Window.value"},
    "benchmark": {"Comparison.workload", "Comparison.case", "Verdict.ring"},
    "json": {"Comparison.reason", "Waiver.owner", "Skew.what"},
    "markdown": {"Comparison.reason", "Waiver.owner", "Skew.what"},
    "comment": {"Comparison.reason", "Waiver.owner", "Skew.what"},
}


@pytest.fixture(scope="module")
def given() -> Given:
    return full()


@functools.lru_cache(maxsize=64)
def read(name: str, *files: bytes) -> list[str]:
    """What a reader finds in a document; most places are in few documents, and the others are the same again."""
    return READERS[name](*files)


def texts(name: str, view: View) -> list[str]:
    return read(name, *formats()[name].files(view).values())


def flat(text: str) -> str:
    return " ".join(text.split())


def found(name: str, view: View, text: str) -> int:
    """In how many texts it is; in each of them it is whole."""
    expected = {flat(clean(text))}
    if name == "junit":  # XML has no way to write them
        expected = {one.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff") for one in expected}
    if name == "csv":  # its reader leaves out apostrophes, ours and theirs
        expected = {flat(one.replace("'", "")) for one in expected}
    if name == "json":  # it has the verdict as it is
        expected |= {flat(text)}
    begin = BEGIN.strip().replace("'", "") if name == "csv" else BEGIN.strip()
    number = 0
    for one in map(flat, texts(name, view)):
        if begin in one:
            clipped = name in ("markdown", "comment") and "more characters)" in one
            assert clipped or any(whole in one for whole in expected), one
            number += 1
    return number


def test_every_format_but_the_page_is_read_back_here() -> None:
    assert set(READERS) == set(formats()) - {"html"}  # which a browser reads: tests/integration
    assert set(SHOWN) == set(READERS) - {"text"}
    assert {place for places in SHOWN.values() for place in places} <= set(PLACES)


@pytest.mark.parametrize("place", PLACES)
def test_a_hostile_text_in_one_place(place: str, given: Given) -> None:
    view = spoilt(given, place, lambda text: HOSTILE + text).view()
    for name in READERS:
        number = found(name, view, HOSTILE)
        assert number or place not in SHOWN.get(name, ()), name


@pytest.fixture(scope="module")
def everywhere(given: Given) -> View:
    return all_spoilt(given, lambda _, text: text + LONG).view()


@pytest.mark.parametrize("name", READERS)
def test_hostile_text_in_every_place_at_once(name: str, everywhere: View) -> None:
    assert (found(name, everywhere, LONG) > 0) == (name != "text")

from __future__ import annotations

import pytest

from compat.report.formats import formats
from tests.report.hostile import PLACES, Given, all_spoilt, filled, full, spoilt


@pytest.fixture(scope="module")
def given() -> Given:
    return full()


def test_there_is_a_text_in_every_place_of_every_noun(given: Given) -> None:
    assert set(PLACES) - filled(given) == set()  # tests/report/full.py has to fill a field that is new
    assert {"Fault.detail", "Identity.distributions.key", "Comparison.versions[1]", "Case.params.value"} <= set(PLACES)


def test_one_place_is_spoilt_and_no_other(given: Given) -> None:
    other = spoilt(given, "Fault.detail", lambda text: text + "!")
    faults = [record.fault for record in other.evidence if record.fault]
    assert faults
    assert all(fault.detail.endswith("!") and not fault.output.endswith("!") for fault in faults)
    assert spoilt(other, "Fault.detail", lambda text: text[:-1]) == given


def test_every_place_is_spoilt_at_once_as_it_is_one_after_the_other(given: Given) -> None:
    one_by_one = given
    for place in PLACES:
        one_by_one = spoilt(one_by_one, place, lambda text, place=place: text + place)
    assert all_spoilt(given, lambda place, text: text + place) == one_by_one != given


def test_what_fills_every_place_is_a_report_in_every_format(given: Given) -> None:
    view = given.view()
    for form in formats().values():
        assert form.render(view)

"""axe-core finds nothing to say of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.audit import violations
from tests.browser.reports import REPORTS

if TYPE_CHECKING:
    from tests.browser.conftest import Opener

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", REPORTS)
def test_there_is_no_violation(opened: Opener, name: str) -> None:
    """Half of them light and wide, half of them dark and narrow, all open: `report.axe_serious` is over all of it."""
    other = list(REPORTS).index(name) % 2
    shown = opened(name, width=400 if other else 1280, color_scheme="dark" if other else "light")
    if name != "many":  # whose cases are all alike
        shown.unfold()
        shown.lay_out()
    assert violations(shown.page) == []


def test_it_would_find_one(opened: Opener) -> None:
    page = opened("demo").page
    page.evaluate("() => document.querySelector('main').append(new Image(), document.createElement('button'))")
    assert {(found.rule, found.serious) for found in violations(page)} == {("button-name", True), ("image-alt", True)}

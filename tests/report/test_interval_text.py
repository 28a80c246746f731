from __future__ import annotations

import math

import pytest

from compat.report.interval_text import interval_bar

MARGIN = math.log1p(0.03)


@pytest.mark.parametrize(
    ("effect", "interval"),
    [(0.0, (-0.01, 0.01)), (0.02, (0.01, 0.025)), (0.1, (0.09, 0.11)), (0.02, (0.005, 0.05)), (-0.05, (-0.06, -0.04))],
)
def test_an_interval_is_seen_against_no_change_and_the_margin(effect, interval) -> None:
    drawn = interval_bar(effect, interval, MARGIN, 40)
    assert len(drawn) == 40
    assert set(drawn) <= set("-=o|!")
    assert drawn.index("|") < drawn.index("!")
    # the order of what is drawn is that of the numbers
    assert (drawn.rindex("=") < drawn.index("!")) == (interval[1] < MARGIN)
    assert (drawn.index("=") > drawn.index("|")) == (interval[0] > 0)
    assert effect == 0.0 or drawn.count("o") == 1
    assert effect == 0.0 or (drawn.index("o") < drawn.index("!")) == (effect < MARGIN)


def test_a_bar_is_what_it_says() -> None:
    assert interval_bar(0.02, (0.01, 0.05), 0.03, 23) == "-|---====o===!========-"


def test_an_open_interval_is_drawn_to_the_edge() -> None:
    drawn = interval_bar(0.01, (-math.inf, 0.02), MARGIN, 40)
    assert drawn.startswith("=")
    assert interval_bar(0.01, (0.0, math.inf), MARGIN, 40).endswith("=")


def test_a_range_that_is_too_large_for_its_extent_is_drawn() -> None:
    drawn = interval_bar(1e308, (-1.7e308, 1.7e308), MARGIN, 41)
    assert (drawn[1], drawn[20], drawn[-2]) == ("=", "!", "=")
    assert 20 < drawn.index("o") < 40


@pytest.mark.parametrize("width", [-3, 0, 1, 9])
def test_too_few_columns_have_none(width: int) -> None:
    assert interval_bar(0.01, (0.0, 0.02), MARGIN, width) == ""


@pytest.mark.parametrize("width", [10, 11, 200])
def test_any_width_is_kept_and_the_margin_is_always_there(width: int) -> None:
    drawn = interval_bar(0.0, (-0.0, 0.0), MARGIN, width)
    assert len(drawn) == width
    assert "!" in drawn


@pytest.mark.parametrize(
    ("interval", "margin"), [(None, MARGIN), ((0.0, 0.1), None), ((math.nan, 0.1), MARGIN), ((0.0, 0.1), math.inf)]
)
def test_where_there_is_nothing_to_draw_there_is_nothing(interval, margin) -> None:
    assert interval_bar(0.05, interval, margin, 40) == ""

"""The data of SVG paths: read back as a browser reads it."""

from __future__ import annotations

import random

import pytest

from compat.report.strokes import LEFT, RIGHT, dots, line, scale, strokes
from tests.report.drawn import points, segments


@pytest.mark.parametrize("seed", range(5))
def test_dots_and_lines_are_where_they_were_put(seed: int) -> None:
    stream = random.Random(seed)  # noqa: S311 - the figures only have to be the same each time
    put = [(stream.randrange(320), stream.randrange(96)) for _ in range(40)]
    assert points(dots(put)) == put
    assert all(ends == [begin] for begin, ends in segments(dots(put)))
    assert segments(line(put)) == [(put[0], put[1:])]
    assert points(strokes(((x, y, "v9") for x, y in put), 9)) == put


def test_nothing_is_drawn_of_nothing() -> None:
    assert (dots([]), line([]), strokes([], 0)) == ("", "", "")


@pytest.mark.parametrize(
    ("low", "high"),
    [(0.0, 1.0), (-5.0, 5.0), (1e-300, 2e-300), (5e-324, 1e-323), (0.0, 1.7e308), (-1.7e308, 1.7e308), (-1e-9, 1e-9)],
)
def test_a_scale_keeps_within_its_edges(low: float, high: float) -> None:
    across = scale(low, high)
    assert (across(low), across(high)) == (LEFT, RIGHT)
    assert LEFT <= across(low / 2 + high / 2) <= RIGHT


def test_a_range_without_extent_is_in_the_middle() -> None:
    assert scale(3.0, 3.0)(3.0) == (LEFT + RIGHT) / 2

from __future__ import annotations

import dataclasses
import math

import pytest
from rich.cells import cell_len

from compat.report.progress_text import clock, left_in_words, progress_line
from compat.run.progress import Progress
from tests.report.build import HOSTILE

CASE = "stack-2025-77d0b1/model:magika[batch-32]"
FULL = "310/400 cases, "
WHOLE = Progress(
    3, 1204, 310, 400, 725.9, "another/case", 4000, 12, 40, least=200.0, most=1080.0, budget=2875.0, waits_for=CASE
)


def test_a_line_says_cells_pairs_time_left_and_what_is_undecided() -> None:
    line = progress_line(WHOLE)
    said = "310/400 cases, 12/40 cells, 1,204/4,000+ pairs, 12:05, 4 to 18 min left, 90 open: "
    assert line == said + CASE
    assert progress_line(WHOLE, len(line)) == line


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (120, f"{FULL}12/40 cells, 1,204/4,000+ pairs, 12:05, 4 to 18 min left, 90 open: model:magika[batch-32]"),
        (90, f"{FULL}12/40 cells, 1,204/4,000+ pairs, 4 to 18 min left, 90 open: model:magika[b…"),
        (80, f"{FULL}12/40 cells, 4 to 18 min left, 90 open: model:magika[batch-32]"),
        (60, f"{FULL}4 to 18 min left, 90 open: model:magika[batc…"),
        (52, f"{FULL}4 to 18 min left, 90 open"),
        (39, f"{FULL}4 to 18 min left"),
        (20, "310/400 cases"),
        (10, "310/400 c…"),
        (1, "…"),
    ],
)  # fmt: skip
def test_what_matters_least_is_left_out_first(width: int, line: str) -> None:
    assert progress_line(WHOLE, width) == line


@pytest.mark.parametrize("name", [CASE, "日本語の名前/" + "漢字" * 30, HOSTILE, "a\tb\nc", "one"])
@pytest.mark.parametrize("done", [0, 400])
def test_no_line_is_ever_too_wide_or_steers_the_terminal(name: str, done: int) -> None:
    progress = dataclasses.replace(WHOLE, waits_for=name, done=done)
    for width in range(1, 200):
        line = progress_line(progress, width)
        assert cell_len(line) <= width
        assert line.replace("\u200d", "").isprintable()
    assert "\x1b" not in progress_line(progress)


@pytest.mark.parametrize(
    ("least", "most", "budget", "said"),
    [
        (None, None, 1200.0, "at most 20 min left"),
        (None, None, math.inf, ""),
        (3.0, 3.0, 1200.0, "about 5 s left"),
        (42.0, 42.0, 1200.0, "about 45 s left"),
        (0.0, 0.0, 1200.0, "about 5 s left"),
        (42.0, 130.0, 1200.0, "45 s to 3 min left"),
        (200.0, 9000.0, 1200.0, "4 to 20 min left"),
        (200.0, 9000.0, math.inf, "4 min to 2.5 h left"),
        (9000.0, 9000.0, 1200.0, "the budget ends it in 20 min"),
        (200.0, 300.0, 0.0, "the budget is spent: this is the last generation"),
    ],
)
def test_the_time_that_is_left_is_said_no_better_than_it_is_known(
    least: float | None, most: float | None, budget: float, said: str
) -> None:
    assert left_in_words(dataclasses.replace(WHOLE, least=least, most=most, budget=budget)) == said


def test_one_cell_and_one_case_are_said_as_such() -> None:
    one = Progress(1, 1, 0, 1, 5.0, "cell/case", 20, 0, 1)
    assert progress_line(one) == "0/1 case, 1/20 pairs, 0:05, 1 open: cell/case"
    assert progress_line(dataclasses.replace(one, done=1, wanted=1)) == "1/1 case, 1 pair, 0:05"


def test_a_clock_has_hours_where_there_are_some() -> None:
    assert [clock(seconds) for seconds in (0.9, 65.0, 3725.0)] == ["0:00", "1:05", "1:02:05"]

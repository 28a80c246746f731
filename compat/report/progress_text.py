"""The line that is shown while measuring: what is done, the time that is left, and the case that keeps it going.

Where a line is narrow, what matters least is left out; of the rest only the name of a case is ever cut.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from compat.report.text import clean, count

if TYPE_CHECKING:
    from compat.run.progress import Progress

__all__ = ["clock", "fitted", "left_in_words", "progress_line"]

_NAME = 12  # columns of a case's name: fewer say nothing
_OPEN = 3  # the part that the name goes with
_STEP = 5.0  # seconds: an estimate has no better ones


def progress_line(progress: Progress, width: int = 0) -> str:
    """One line of at most ``width`` columns where that is given, without anything that steers a terminal."""
    still_open = progress.cases - progress.done
    name = " ".join(clean(progress.waits_for or progress.item).split()) if still_open else ""
    more = "+" if (progress.most or 0.0) > (progress.least or 0.0) else ""  # a later round may ask for more
    wanted = f"/{progress.wanted:,}{more}" if progress.wanted > progress.pairs else ""
    parts = [  # how soon each is left out, and what it says
        (1, f"{progress.done:,}/{progress.cases:,} {'case' if progress.cases == 1 else 'cases'}"),
        (4, f"{progress.cells_done:,}/{progress.cells:,} cells" if progress.cells > 1 else ""),
        (5, f"{progress.pairs:,}{wanted} pairs" if wanted else count(progress.pairs, "pair")),
        (6, clock(progress.elapsed)),
        (2, left_in_words(progress)),
        (_OPEN, f"{still_open:,} open" if still_open else ""),
    ]
    lines = [", ".join(text for rank, text in parts if text and rank <= last) for last in range(len(parts), 0, -1)]
    if not width:
        return f"{lines[0]}: {name}" if name else lines[0]
    for line in lines[: 1 - _OPEN] if name else ():
        room = width - cell_len(line) - 2
        if room >= min(_NAME, cell_len(name)):
            return f"{line}: {name if cell_len(name) <= room else fitted(name.partition('/')[2] or name, room)}"
    whole = lines[len(parts) - _OPEN :] if name else lines
    return next((line for line in whole if cell_len(line) <= width), fitted(lines[-1], width))


def left_in_words(progress: Progress) -> str:
    """``4 to 18 min left``; by the budget alone (``at most 20 min left``) where nothing is known yet."""
    if progress.budget <= 0.0:
        return "the budget is spent: this is the last generation"
    most = min(progress.budget, math.inf if progress.most is None else progress.most)
    if progress.least is None:
        return "" if math.isinf(most) else f"at most {' '.join(_rounded(most))} left"
    if progress.least > progress.budget:
        return f"the budget ends it in {' '.join(_rounded(progress.budget))}"
    least, highest = _rounded(progress.least), _rounded(most)
    if least == highest:
        return f"about {' '.join(least)} left"
    return f"{least[0]}{'' if least[1] == highest[1] else f' {least[1]}'} to {' '.join(highest)} left"


def _rounded(seconds: float) -> tuple[str, str]:
    """A time in one unit, rounded up: no better than it is known."""
    if seconds <= 55.0:
        return f"{max(_STEP, math.ceil(seconds / _STEP) * _STEP):.0f}", "s"
    minutes = math.ceil(seconds / 60.0 - 1e-9)
    return (str(minutes), "min") if minutes < 100 else (f"{math.ceil(seconds / 360.0) / 10:g}", "h")


def clock(seconds: float) -> str:
    """``2:05``, ``1:02:05``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def fitted(text: str, width: int) -> str:
    """At most ``width`` columns of ``text``; what is cut is told by an ellipsis."""
    if cell_len(text) <= width:
        return text
    return f"{set_cell_size(text, width - 1).rstrip()}…" if width > 0 else ""

"""Whether the hundredth case and the ten thousandth cost the same, on the product's whole way of measuring."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from compat.run.measure import Progress
from compat.way import Options

from .conftest import Record
from .work import make_job, quiet, write_noop

# Cases, and how many times so many are measured: few of them are over before a neighbour's burst is.
SIZES = {10: 9, 100: 5, 1_000: 1, 10_000: 1}


def _ms_a_case(folder: Path, cases: int) -> float:
    """Milliseconds a case in one generation over so many cases, in place: a pair each, so twice as many runs.

    From the first pair to the last, so that the generation's start is not in it.
    """
    folder.mkdir()
    options = Options(store=folder / "store", cache=folder / "cache", content=(write_noop(folder / "site", cases),))
    job = make_job(folder, options, budget="1s")  # a generation that was begun is finished
    moments: list[float] = []

    def report(progress: Progress) -> None:
        if progress.generation == 1 and progress.pairs:
            moments.append(time.perf_counter())

    store = job.measure(job.items, quiet, report)
    assert len(moments) == cases
    written = store.root / "evidence"
    assert sum(1 for _ in written.rglob("*.json")) >= 2 * cases
    return (moments[-1] - moments[0]) * 1e3 / (2 * (cases - 1))


@pytest.mark.figures("probe.flatness")
def test_the_cost_of_a_case_does_not_grow(tmp_path: Path, record: Record, note: Callable[[str], None]) -> None:
    found = {}
    for cases, times in SIZES.items():
        found[cases] = statistics.median(_ms_a_case(tmp_path / f"{cases}-{n}", cases) for n in range(times))
    record("probe.flatness", found[10_000] / found[100])
    said = ", ".join(f"{ms:.2f} at {cases:,}" for cases, ms in found.items())
    note(f"flatness, in place, nothing imported, evidence stored: ms a case {said} cases")

"""Real noise: an upgrade of nothing, of real work on this machine, and the same with a planted slowdown.

The whole product decides: matrix file, plan, virtual environments, pairs of processes, evidence on disk, verdict.
"""

from __future__ import annotations

import datetime
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from compat.model import Status
from compat.node import this_node
from compat.run.measure import Progress
from compat.way import Job, conclude

from .conftest import Record
from .real import WORKS, measure_planted, plan_real, python_of, realise
from .real_found import RealCase, deviation, in_words, real_cases, share, table
from .work import quiet

Note = Callable[[str], None]

# COMPAT_REAL_SIZE=0.25 has a quarter of the cases, and one of each kind at least.
SIZE = float(os.environ.get("COMPAT_REAL_SIZE", "1"))
UNCHANGED = {0: 4}  # percent of work planted -> cases of each work
PLANTED = {2: 1, 3: 2, 5: 3, 10: 2}
BUDGET = 11.0  # seconds of a ring for each of its cases: what is open then stays open
SECONDS = 1.5  # of calls with more work and calls without, by turns
ASTRAY = 0.015  # a planted slowdown that is further from what it should be, as a log ratio, is a broken benchmark


@pytest.fixture(scope="module")
def rows(request: pytest.FixtureRequest) -> Iterator[list[RealCase]]:
    """What was measured, of both rings together; kept in out/bench/real.md."""
    found: list[RealCase] = []
    yield found
    if found:
        path = request.config.rootpath / "out" / "bench" / "real.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        node = this_node()
        day = datetime.datetime.now(datetime.UTC).date().isoformat()
        machine = f"{node.cpu or 'processor not known'}, {node.cores} cores, Linux {node.kernel}"
        path.write_text(f"Real work, {day}, {machine}, size {SIZE:g}.\n\n{table(found)}", encoding="utf-8")


def _plan(folder: Path, cache: Path, cases: Mapping[int, int]) -> Job:
    sized = {percent: max(1, round(SIZE * count)) for percent, count in cases.items()}
    return plan_real(folder, cache, sized, BUDGET * len(WORKS) * sum(sized.values()))


def _measure(name: str, job: Job, note: Note) -> list[RealCase]:
    """Run the job and judge it."""
    last = Progress(0, 0, 0, 0, 0.0, "")

    def watch(progress: Progress) -> None:
        nonlocal last
        last = progress

    verdict = conclude(job.measure(job.items, quiet, watch)).verdict
    found = real_cases(job, verdict)
    others = [c for c in verdict.comparisons if c.metric != "latency"]
    astray = [f"{c.workload}[{c.case}] {c.reason}" for c in others if c.status is not Status.PASS]
    note(
        f"real work, {name}: {verdict.decision.value}; {len(found)} measurements of {len(WORKS)} works,"
        f" {last.pairs} pairs in {last.generation} generations and {last.elapsed:.0f} s;"
        f" {len(others) - len(astray)} of {len(others)} other comparisons PASS"
    )
    for reason in astray:
        note(f"  not PASS: {reason}")
    return found


@pytest.mark.network
def test_what_is_planted_is_what_is_said(tmp_path: Path, runtime_cache: Path, note: Note) -> None:
    prepared = realise(_plan(tmp_path, runtime_cache, PLANTED))
    assert python_of(prepared, "before") == python_of(prepared, "after")
    astray = {
        (work, percent): measure_planted(prepared, work, percent, SECONDS) - math.log1p(percent / 100)
        for work in WORKS
        for percent in PLANTED
    }
    (work, percent), most = max(astray.items(), key=lambda entry: abs(entry[1]))
    mean = sum(map(abs, astray.values())) / len(astray)
    note(
        f"real work, planted slowdowns in one process, less what they should be: {most:+.2%} at most"
        f" ({work}, {percent} %), {mean:.2%} on average of {len(astray)}"
    )
    assert abs(most) <= ASTRAY, astray


@pytest.mark.network
@pytest.mark.figures("judge.real_aa_pass")
def test_real_work_that_did_not_change(
    tmp_path: Path, runtime_cache: Path, rows: list[RealCase], record: Record, note: Note
) -> None:
    job = _plan(tmp_path, runtime_cache, UNCHANGED)
    prepared = realise(job)
    assert python_of(prepared, "before") != python_of(prepared, "after")
    found = _measure("nothing changed, two installations", job, note)
    rows += found
    record("judge.real_aa_pass", share(found, Status.PASS))
    note(f"  {in_words(found)}")
    for work in WORKS:
        own = [each for each in found if each.work == work]
        note(f"  {work}: {deviation(own)}; {in_words(own)}")


@pytest.mark.network
@pytest.mark.figures("judge.real_slow5_regress")
def test_real_work_that_became_slower(
    tmp_path: Path, runtime_cache: Path, rows: list[RealCase], record: Record, note: Note
) -> None:
    job = _plan(tmp_path, runtime_cache, PLANTED)
    found = _measure("more of it, one installation", job, note)
    rows += found
    for percent in PLANTED:
        own = [each for each in found if each.percent == percent]
        large = sum(each.regress_in_large for each in own) / len(own)
        note(f"  {percent} % more work: {in_words(own)}; in a ring of 2,000 the same pairs: REGRESS {large:.0%}")
        if percent == 5:
            record("judge.real_slow5_regress", share(own, Status.REGRESS))

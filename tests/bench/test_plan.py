"""How long it takes to count, to expand and to cover a matrix, and how large covering arrays are."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from compat.plan import load_matrix
from compat.plan.covering import check, cover
from compat.plan.expand import expand
from compat.plan.masks import Masks

from .conftest import Record

RUNS = 5

# The sizes of the axes, and the rows that PICT takes: https://www.pairwise.org/efficiency.html, last checked 2026-11.
MODELS = {
    "3^4": ([3] * 4, 9),
    "3^13": ([3] * 13, 18),
    "4^15 3^17 2^29": ([4] * 15 + [3] * 17 + [2] * 29, 37),
    "4^1 3^39 2^35": ([4] + [3] * 39 + [2] * 35, 27),
    "2^100": ([2] * 100, 15),
    "10^20": ([10] * 20, 210),
}


def write_matrix(folder: Path, drivers: int, runtimes: int, models: int) -> Path:
    """A matrix file with ten firmwares and some exclusions."""

    def names(prefix: str, count: int) -> str:
        return "[" + ", ".join(f'"{prefix}{n}"' for n in range(count)) + "]"

    excluded = "".join(
        f'  - {{driver: "5{n}", runtime: r{n + 3}}}\n  - {{model: m{n}, firmware: f9}}\n' for n in range(20)
    )
    defined = "".join(f"  r{n}: {{image: x}}\n" for n in range(runtimes))
    path = folder / "matrix.yaml"
    path.write_text(
        f"name: many\naxes:\n  driver: {names('5', drivers)}\n  firmware: {names('f', 10)}\n"
        f"  runtime: {names('r', runtimes)}\n  model: {names('m', models)}\n"
        'known_good: {driver: "50", firmware: f0, runtime: r0}\ncandidate: {driver: "51", firmware: f0, runtime: r1}\n'
        f'exclude:\n{excluded}runtimes:\n{defined}workloads: [{{select: "operator:*"}}]\n'
        "rings: [{name: canary, tiers: [cpu], coverage: changed}]\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.figures("plan.count_1m_s")
def test_a_million_points_are_counted(tmp_path: Path, record: Record, note: Callable[[str], None]) -> None:
    path = write_matrix(tmp_path, 10, 100, 100)
    words = [sys.executable, "-m", "compat", "plan", str(path), "--points"]
    seconds = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - begin)
    first = done.stdout.splitlines()[0]
    # Ten drivers lack a runtime each, on 10 firmwares with 100 models; 20 models lack a firmware, on 10 drivers and 100
    # runtimes; ten points of each such model lack both.
    assert first == f"many: {1_000_000 - 10 * 1000 - 20 * 1000 + 10 * 20} points; its axes make 1000000"
    record("plan.count_1m_s", sum(seconds) / RUNS)
    note(f"{first}; with the start of the interpreter, {min(seconds):.2f} to {max(seconds):.2f} s in {RUNS} runs")


@pytest.mark.figures("plan.expand_100k_s")
def test_a_hundred_thousand_points_are_made(tmp_path: Path, record: Record, note: Callable[[str], None]) -> None:
    path = write_matrix(tmp_path, 10, 20, 50)
    seconds, plain = [], []
    for _ in range(RUNS):
        begin = time.perf_counter()
        matrix = load_matrix(path)
        points = list(matrix.points.space.walk())
        seconds.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        expanded = list(expand(matrix.spec.axes, matrix.spec.exclude, matrix.spec.include))
        plain.append(time.perf_counter() - begin)
        assert len(points) == len(expanded) == matrix.points.space.count
    record("plan.expand_100k_s", sum(seconds) / RUNS)
    note(f"{len(points):,} of 100,000 points made from a file; by expand, without it, in {sum(plain) / RUNS:.2f} s")


@pytest.mark.figures("plan.pairwise_excess")
def test_pairwise_arrays(record: Record, note: Callable[[str], None]) -> None:
    excess, said = 0, []
    for name, (sizes, published) in MODELS.items():
        masks = Masks({f"a{n}": [str(value) for value in range(size)] for n, size in enumerate(sizes)})
        begin = time.perf_counter()
        rows = cover(masks, 2)
        took = time.perf_counter() - begin
        assert check(masks, rows, 2).missing == ()
        excess += len(rows) - published
        said.append(f"{name} {len(rows)} (PICT {published}, {took:.1f} s)")
    record("plan.pairwise_excess", excess)
    note(f"rows of pairwise arrays: {', '.join(said)}")

"""How long the judge takes over many cells, and how that grows. It is measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from .conftest import Record

CELLS = (1_000, 10_000, 100_000)
METRICS, PAIRS = 5, 130
_AT_ONCE = 10_000  # cells in memory together

# Each cell has five sampled metrics with 130 pairs, at a pair deviation of 4 %: a fifth is open after round 2. What is
# timed ends with the verdict's reasons; making up the numbers is not.
CODE = """
import json, resource, sys, time
import numpy as np
from compat.judge.ring import decide
from compat.judge.sampled import judge_series
from compat.judge.series import Series
from compat.model import STANDARD, Comparison, MetricPolicy, Policy, Tier

cells, metrics, pairs, at_once = map(int, sys.argv[1:])
rng, policy, seconds, comparisons = np.random.default_rng(1), Policy(), 0.0, []
rounds = np.repeat(np.arange(1, len(policy.rounds) + 1), policy.rounds)[:pairs]
names = [f"latency_{n}" for n in range(metrics)]
limits, metric = [MetricPolicy()] * at_once * metrics, [STANDARD["latency"]] * at_once * metrics
for start in range(0, cells, at_once):
    count = min(at_once, cells - start) * metrics
    good = rng.normal(-4.0, 0.05, (count, pairs))
    series = Series(good, good + rng.normal(0.0, 0.04, (count, pairs)), rounds, np.arange(pairs))
    begin = time.perf_counter()
    found = judge_series(series, metric[:count], limits[:count], policy, cells * metrics)
    comparisons += [
        Comparison(
            cell := f"cell-{start + n // metrics}", cell, "kernel:sum", "a", Tier.CPU, names[n % metrics], one.status,
            one.reason, True, one.kind, one.unit, one.known_good, one.candidate, one.effect, one.interval, one.limit,
            one.pairs,
        )
        for n, one in enumerate(found)
    ]
    seconds += time.perf_counter() - begin
begin = time.perf_counter()
decision, reasons = decide(comparisons, (), ("n1",))
seconds += time.perf_counter() - begin
statuses = [c.status.value for c in comparisons]
print(json.dumps({
    "seconds": seconds,
    "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "statuses": {word: statuses.count(word) for word in set(statuses)},
    "pairs": sum(c.pairs for c in comparisons) / len(comparisons),
}))
"""


@pytest.mark.figures("judge.seconds_10k", "judge.rss_mib_10k")
def test_many_cells(record: Record, note: Callable[[str], None]) -> None:
    for cells in CELLS:
        words = [str(cells), str(METRICS), str(PAIRS), str(_AT_ONCE)]
        done = subprocess.run([sys.executable, "-c", CODE, *words], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        assert sum(found["statuses"].values()) == cells * METRICS
        if cells == 10_000:
            record("judge.seconds_10k", found["seconds"])
            record("judge.rss_mib_10k", found["mib"])
        said = ", ".join(f"{count:,} {word}" for word, count in sorted(found["statuses"].items()))
        note(
            f"{cells:,} cells of {METRICS} metrics and {PAIRS} pairs: {found['seconds']:.2f} s, "
            f"{1e6 * found['seconds'] / cells:.0f} us a cell, {found['mib']:.0f} MiB; {found['pairs']:.0f} pairs of "
            f"each were needed: {said}"
        )

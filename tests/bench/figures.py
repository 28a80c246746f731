"""The figures that the benchmarks record, what each should be, and the file they are kept in."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FIGURES", "Figure", "keep"]


@dataclass(frozen=True)
class Figure:
    """A named number of one run, and the bound that it should keep; None where it is only to be known."""

    name: str
    what: str
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def target(self) -> str:
        """The bound in words."""
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return f"at least {self.at_least:g}" if self.at_least is not None else ""

    def reached(self, value: float) -> str:
        """``yes`` or ``NO``; nothing where there is no bound."""
        if not self.target:
            return ""
        high = self.at_most is None or value <= self.at_most
        low = self.at_least is None or value >= self.at_least
        return "yes" if high and low else "NO"


_ALL = (
    Figure("probe.case_ms.venv", "a no-op case through the zygote, virtual environment", "ms", at_most=30),
    Figure("probe.case_ms.container", "a no-op case through the zygote, container", "ms", at_most=30),
    Figure("probe.over_fork_cpu_ms", "CPU of such a case above a bare fork of the process", "ms", at_most=10),
    Figure("probe.generation_s", "start of both arms' zygotes, torch imported", "s"),
    Figure("probe.container_per_case_ratio", "one container a case, over the zygote in a container", at_least=50),
    Figure("probe.reframe_cpu_ratio", "CPU of a ReFrame test, over that of a case", at_least=5),
    Figure("probe.flatness", "ms a case at 10,000 cases, over ms a case at 100", at_most=1.1),
    Figure("probe.generation_sd", "deviation between generations, log latency of a real case"),
    Figure("probe.process_sd", "deviation between processes of one generation"),
    Figure("probe.pair_generation_sd", "deviation between generations of a pair's difference"),
    Figure("probe.install_sd", "deviation between installs of one release"),
    Figure("judge.aa_false_nogo", "share of synthetic A/A rings that are NO-GO, pair deviation 2 %", at_most=0.05),
    Figure("judge.aa_false_nogo_upper", "its upper 95 % confidence bound", at_most=0.07),
    Figure("judge.aa_go", "share of them that are GO", at_least=0.90),
    Figure("judge.pairs_mean", "pairs of a measurement of them", at_most=15),
    Figure("judge.slow5_regress", "share of measurements 5 % slower that are REGRESS", at_least=0.99),
    Figure("judge.slow3_not_pass", "share of measurements 3 % slower that do not pass", at_least=0.95),
    Figure("judge.slow3_regress", "share of measurements 3 % slower that are REGRESS", at_least=0.90),
    Figure("judge.slow1_pass", "share of measurements 1 % slower that pass", at_least=0.95),
    Figure("judge.real_aa_pass", "share of real unchanged CPU measurements that pass"),
    Figure("judge.real_slow5_regress", "share of real measurements with 5 % more work that are REGRESS"),
    Figure("judge.faults_planted", "faults planted in evidence", at_least=40),
    Figure("judge.false_go", "of these, how many became GO here", at_most=0),
    Figure(
        "kernels.aot_units",
        "compilations of the ahead-of-time matrix: two tritons, seven targets, two assemblers",
        at_least=900,
    ),
    Figure("kernels.aot_matrix_s", "that matrix, each compilation once more to compare, cold", "s", at_most=600),
    Figure("kernels.aot_again_s", "the same again, from the cache", "s", at_most=60),
    Figure("kernels.mutants_found", "planted faults in kernels that their cases find", at_least=0.95),
    Figure("plan.count_1m_s", "compat plan --points of a product of a million, with exclusions", "s", at_most=1),
    Figure("plan.expand_100k_s", "a matrix file read, and its 100,000 points made", "s", at_most=1),
    Figure("plan.pairwise_excess", "rows of six pairwise arrays above those that PICT publishes", at_most=0),
    Figure("judge.seconds_10k", "10,000 cells of 5 metrics and 130 pairs judged", "s", at_most=3),
    Figure("gate.rps", "requests a second that compat serve answers, one process, the client beside it", at_least=500),
    Figure("gate.p99_ms", "99th percentile of an answer's time at 500 requests a second", "ms", at_most=50),
    Figure("judge.rss_mib_10k", "peak memory of that process", "MiB", at_most=1024),
    Figure("report.render_s_10k", "a report of 10,000 cells from its verdict and evidence in memory", "s", at_most=10),
    Figure("report.html_mib_10k", "its size", "MiB", at_most=6),
    Figure(
        "report.dcl_s_10k", "until Chromium has its document (DOMContentLoaded), the median of five", "s", at_most=1.5
    ),
    Figure("report.search_ms_10k", "from a key to what is drawn, the slowest of forty searches", "ms", at_most=100),
    Figure("report.html_kib_100", "a report of 100 cells", "KiB", at_most=400),
    Figure("report.axe_serious", "serious violations that axe-core finds in all kinds of reports", at_most=0),
    Figure("store.merge_1m_s", "a million runs of five nodes merged by the command", "s"),
    Figure("store.verify_1m_s", "the merged store verified", "s"),
    Figure("store.judge_1m_s", "the merged store judged", "s"),
    Figure("store.peak_mib_1m", "peak memory of the largest of these processes", "MiB", at_most=1024),
    Figure("store.writers_lost", "of 16 writers and promoters at once, what was lost, on a folder and S3", at_most=0),
    Figure("soak.false_alarm_2", "looks at an unchanged arm that tell a slowdown, sessions vary by 2 %", at_most=0.001),
    Figure("soak.false_alarm_5", "the same, sessions vary by 5 %"),
    Figure("soak.found_20", "looks that tell an arm that is 20 % slower, sessions vary by 2 %", at_least=0.9),
    Figure("store.kills_survived", "kills of writes, merges and promotions that a store survived", at_least=200),
)
FIGURES = {figure.name: figure for figure in _ALL}


def keep(path: Path, found: Mapping[str, float]) -> None:
    """Merge ``found`` into the JSON object in ``path``; a reader sees the old text or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # another run may be merging its own
        figures = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        text = json.dumps({**figures, **found}, indent=2, sort_keys=True, allow_nan=False) + "\n"
        new = path.with_name(f".{path.name}.{os.getpid()}")
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    finally:
        os.close(folder)

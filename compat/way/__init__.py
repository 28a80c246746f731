"""The way through, from matrix file to verdict: the stages in order, for the plugin and for the commands alike."""

from __future__ import annotations

from compat.way.ahead import built_bytes, look_ahead
from compat.way.answer import answer, answer_of
from compat.way.asked import JobOptions, asked
from compat.way.calibrate import calibrate
from compat.way.cases import Cases, find_cases, find_runs
from compat.way.conclude import Concluded, conclude, open_store, report_folder, write_reports
from compat.way.gate import Gated, Trust, gate, stored_gate, stored_standing
from compat.way.job import Job
from compat.way.options import Options, make_plan, parse_labels, ring_of
from compat.way.repeat import repeat_case

__all__ = [
    "Cases",
    "Concluded",
    "Gated",
    "Job",
    "JobOptions",
    "Options",
    "Trust",
    "answer",
    "answer_of",
    "asked",
    "built_bytes",
    "calibrate",
    "conclude",
    "find_cases",
    "find_runs",
    "gate",
    "look_ahead",
    "make_plan",
    "open_store",
    "parse_labels",
    "repeat_case",
    "report_folder",
    "ring_of",
    "stored_gate",
    "stored_standing",
    "write_reports",
]

"""The text about one repeated case."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from compat.model import Arm, Direction, Fault, FaultKind, Kind
from compat.report.repeated import repeated_text
from compat.report.text import NOTHING
from compat.run.repeated import Change, Failure, MetricRow, Repeated, Spread
from tests.store.build import ITEM

BOTH = {Arm.KNOWN_GOOD: Spread(20, 0.001, 1e-6, 0.0009, 0.0012), Arm.CANDIDATE: Spread(20, 0.0011, 2e-6, 0.001, 0.002)}
LATENCY = MetricRow(
    "latency", "s", Direction.LOWER, Kind.SAMPLED, BOTH, math.log(1.1), (math.log(1.05), math.log(1.15))
)
BLANK = Repeated(ITEM, {Arm.KNOWN_GOOD: 20, Arm.CANDIDATE: 1}, 10, (), 0, (), (), ())


def test_nothing_measured_is_said_in_five_lines() -> None:
    assert repeated_text(BLANK).splitlines() == [
        f"{ITEM.key}: known-good 20 times, candidate once, in 10 generations",
        "metrics: none",
        "outputs: none",
        "faults: none",
    ]
    assert repeated_text(replace(BLANK, stopped=True)).startswith(f"{ITEM.key}: stopped early: known-good 20 times")


def test_a_metric_has_a_line_for_each_arm() -> None:
    lines = repeated_text(replace(BLANK, metrics=(LATENCY,))).splitlines()
    values = ["20", "1 ms", "1 µs", "900 µs", "1.2 ms", "+10.00 % (+5.00 % to +15.00 %)"]
    assert re.split(" {2,}", lines[2]) == ["latency", "known-good", *values]
    assert re.split(" {2,}", lines[3].strip()) == ["candidate", "20", "1.1 ms", "2 µs", "1 ms", "2 ms"]


def test_a_difference_of_what_is_not_sampled_is_worse_when_it_is_positive() -> None:
    arms = {Arm.KNOWN_GOOD: Spread(2, 4.0, 0.0, 4.0, 4.0), Arm.CANDIDATE: Spread(2, 6.0, 0.0, 6.0, 6.0)}
    lower = MetricRow("registers", "registers", Direction.LOWER, Kind.EXACT, arms)
    higher = replace(lower, metric="matrix_instructions", unit="instructions", direction=Direction.HIGHER)
    lines = repeated_text(replace(BLANK, metrics=(lower, higher))).splitlines()
    assert lines[2].endswith("  +2 registers")
    assert lines[4].endswith("  \N{MINUS SIGN}2 instructions")
    one = replace(lower, arms={Arm.CANDIDATE: arms[Arm.CANDIDATE]})
    assert repeated_text(replace(BLANK, metrics=(one,))).splitlines()[2].endswith(f"  {NOTHING}")
    unknown = replace(LATENCY, effect=None, interval=None)
    assert repeated_text(replace(BLANK, metrics=(unknown,))).splitlines()[2].endswith(f"  {NOTHING}")


def test_changed_outputs_are_listed_with_what_varies() -> None:
    arms = Change("y", 0, {Arm.KNOWN_GOOD: 1, Arm.CANDIDATE: 3}, True, "far")
    inside = Change("z", 2, {Arm.KNOWN_GOOD: 2}, False, "near")
    lines = repeated_text(replace(BLANK, outputs=5, changes=(arms, inside))).splitlines()
    assert lines[2:5] == [
        "outputs that changed: 2 of 5 (the case tolerates a relative L2 difference of 1e-05)",
        "  y: differs between the arms, 3 values in candidate: far",
        "  z (seed 2): 2 values in known-good: near",
    ]


def test_what_a_case_printed_cannot_steer_the_terminal() -> None:
    fault = Fault(
        "run", FaultKind.CRASH, "ended\x1b]0;evil\x07", "SIGSEGV", "long ago " * 500 + "\nlast\x1b[2J words\n"
    )
    text = repeated_text(replace(BLANK, failures=(Failure(Arm.CANDIDATE, fault, 1),), notes=("a\x9bnote",)))
    lines = text.splitlines()
    assert "fault in 1 of 1 run of candidate: crash SIGSEGV in run" in lines
    assert "  ended\\x1b]0;evil\\x07" in lines
    assert "  | last\\x1b[2J words" in lines
    assert lines[-1] == "note: a\\x9bnote"
    assert len(text) < 2600
    assert text.isprintable() or set(text) - {"\n"} == {char for char in text if char.isprintable()}

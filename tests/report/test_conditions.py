"""What nodes were like while a case ran: only what is out of the ordinary, and one line where all was quiet."""

from __future__ import annotations

import dataclasses

import pytest

from compat.model import Arm, Conditions, EventKind, Evidence, HealthEvent
from compat.report.case_parts import HealthLine
from compat.report.conditions import health
from tests.report import build

NODES = {build.NODE.id: build.NODE}  # of two cores
SOFTMAX = [entry for entry in build.evidence() if "softmax" in entry.item and entry.pair < 2]


def ran(*conditions: Conditions) -> list[Evidence]:
    """Two runs of the known-good arm and two of the candidate, in the order of ``conditions``."""
    runs = sorted(SOFTMAX, key=lambda entry: (entry.arm is Arm.CANDIDATE, entry.pair))
    return [dataclasses.replace(entry, conditions=one) for entry, one in zip(runs, conditions, strict=True)]


QUIET = Conditions(0.5, "performance")


def test_a_quiet_node_is_one_line() -> None:
    busy = dataclasses.replace(QUIET, load=0.9)
    assert health(ran(QUIET, QUIET, busy, QUIET), NODES) == (
        HealthLine("canary-01", True, "nothing out of the ordinary was seen, load 0.5 to 0.9, governor performance"),
    )


def test_what_could_not_be_read_is_said() -> None:
    (line,) = health(ran(*[Conditions()] * 4), NODES)
    assert line.said == "nothing out of the ordinary was seen, load not read, governor not read"
    (line,) = health(ran(QUIET, QUIET, QUIET, Conditions(None, "performance")), NODES)
    assert line.said.endswith("load 0.5, governor performance, load not read in 1 of 4 runs")


def test_more_load_than_cores_is_out_of_the_ordinary() -> None:
    loud, rest = health(ran(QUIET, QUIET, Conditions(7.25, "performance"), QUIET), NODES)
    assert not loud.quiet
    assert loud.said == "load 7.25 on 2 cores: more was running than cores, before 1 of 4 runs"
    assert "nothing out of the ordinary" not in rest.said
    (line,) = health(ran(QUIET, QUIET, Conditions(7.25, "performance"), QUIET), {})  # nobody knows how many cores
    assert line.said.endswith("load 0.5 to 7.25, governor performance, how many cores it has is not known")


def test_throttling_is_said_of_the_arm_that_it_was_in() -> None:
    hot = dataclasses.replace(QUIET, throttle=("hw_thermal", "idle"))
    loud, _ = health(ran(QUIET, QUIET, hot, hot), NODES)
    assert loud.said == "clocks held down: hw_thermal in 2 of 2 runs of the candidate arm"


def test_a_power_cap_is_ordinary_work() -> None:
    capped = dataclasses.replace(QUIET, throttle=("sw_power_cap", "idle"))
    (line,) = health(ran(capped, QUIET, capped, QUIET), NODES)
    assert line.said.endswith("governor performance, clocks limited by sw_power_cap")
    assert line.quiet


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (HealthEvent(EventKind.XID, "GPU-1", 1, 79), "Xid 79 on GPU-1"),
        (HealthEvent(EventKind.ECC_CORRECTED, "GPU-1", 3), "3 corrected ECC errors on GPU-1"),
        (HealthEvent(EventKind.NVLINK_DOWN, "GPU-1", 1, 4), "NVLink 4 of GPU-1 went down"),
    ],
)
def test_an_event_of_a_gpu_is_said_with_its_runs(event: HealthEvent, said: str) -> None:
    loud, _ = health(ran(QUIET, QUIET, dataclasses.replace(QUIET, events=(event,)), QUIET), NODES)
    assert loud.said == f"{said}, during 1 run of the candidate arm"


def test_a_governor_that_changed_is_said() -> None:
    loud, _ = health(ran(QUIET, dataclasses.replace(QUIET, governor="powersave"), QUIET, QUIET), NODES)
    assert loud.said == "the governor of the CPU's clock changed: performance, powersave"


def test_each_node_has_its_own_lines_the_loud_ones_first() -> None:
    runs = ran(QUIET, QUIET, Conditions(9.0, "performance"), QUIET)
    runs[2] = dataclasses.replace(runs[2], node="node-b")
    other = dataclasses.replace(build.NODE, id="node-b", hostname="canary-02")
    found = health(runs, NODES | {"node-b": other})
    assert [(line.node, line.quiet) for line in found] == [
        ("canary-02", False),
        ("canary-01", True),
        ("canary-02", True),
    ]

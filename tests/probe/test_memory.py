from __future__ import annotations

from pathlib import Path

import pytest

from compat.model import Direction, Kind, Metric
from compat.probe.memory import high_water_bytes, oom_kills, resident_bytes
from tests.rig import Rig

MIB = 2**20
MEMORY = Metric("memory", "B", Direction.LOWER, Kind.BOUNDED)


def test_memory_of_this_process_is_read() -> None:
    before = resident_bytes()
    assert before is not None
    block = b"x" * (64 * MIB)
    resident, peak = resident_bytes(), high_water_bytes()
    assert resident is not None
    assert peak is not None
    assert resident - before > 60 * MIB
    assert peak >= resident - MIB  # the kernel counts in batches
    del block
    after = high_water_bytes()
    assert after is not None
    assert after >= resident - MIB  # it is a high-water mark: nothing takes it back


def test_oom_kills_are_a_count_or_unknown() -> None:
    files = (Path("/sys/fs/cgroup/memory.events"), Path("/sys/fs/cgroup/memory/memory.oom_control"))
    counted = any("oom_kill " in path.read_text(encoding="ascii") for path in files if path.is_file())
    kills = oom_kills()
    assert (kills is not None and kills >= 0) if counted else kills is None


def _own_peak(rig: Rig, body: str) -> float:
    result = rig.work(body, metrics=[MEMORY])
    assert result.fault is None
    (measured,) = result.measurements
    assert (measured.metric, measured.unit, measured.direction, measured.kind) == (
        "memory",
        "B",
        Direction.LOWER,
        Kind.BOUNDED,
    )
    (peak,) = measured.samples
    return peak


def test_a_case_s_memory_is_its_own_peak(rig: Rig) -> None:
    small = _own_peak(rig, "return {}")
    large = _own_peak(rig, f"block = b'x' * {96 * MIB}\ndel block\nreturn {{}}")
    again = _own_peak(rig, "return {}")
    assert small < 16 * MIB  # what the zygote holds is not counted
    assert again < 16 * MIB  # nor is what another case took
    assert large == pytest.approx(96 * MIB, abs=16 * MIB)

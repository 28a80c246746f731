from __future__ import annotations

from pathlib import Path

import pytest

from compat.model import STANDARD
from compat.probe.memory import Use, cgroup_peak_bytes, high_water_bytes, oom_kills, private_bytes, resident_bytes
from tests.rig import Rig

MIB = 2**20
LATENCY = STANDARD["latency"]


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


def _use(rig: Rig, body: str, timed: bool = False) -> dict[str, float]:
    """What a case with that work uses, in bytes by the metric's name."""
    result = rig.work(body, metrics=[LATENCY] if timed else [])
    assert result.fault is None
    found = {one.metric: one for one in result.measurements if one.metric.startswith("memory")}
    for name, measured in found.items():
        metric = STANDARD[name]
        assert (measured.unit, measured.direction, measured.kind) == (metric.unit, metric.direction, metric.kind)
        assert len(measured.samples) == 1
    return {name: measured.samples[0] for name, measured in found.items()}


TAKES = f"block = b'x' * {96 * MIB}\ndel block\nreturn {{}}"
KEEPS = f"kept.append(b'x' * {24 * MIB}) if not kept else None\nreturn {{}}"
RESERVES = f"import mmap\nmmap.mmap(-1, {512 * MIB})\nreturn {{}}"


def test_a_case_s_memory_is_its_own_peak(rig: Rig) -> None:
    small = _use(rig, "return {}")["memory"]
    large = _use(rig, TAKES)["memory"]
    again = _use(rig, "return {}")["memory"]
    assert small < 16 * MIB  # what the zygote holds is not counted
    assert again < 16 * MIB  # nor is what another case took
    assert large == pytest.approx(96 * MIB, abs=16 * MIB)


def test_what_was_held_free_before_does_not_hide_what_a_case_takes() -> None:
    blocks = [b"x" * 60_000 for _ in range(400)]
    pinned = b"x" * 60_000  # above them: the C library cannot give them back by itself
    del blocks
    use = Use(private=False)
    blocks = [b"x" * 60_000 for _ in range(400)]
    assert use.measured()["memory"] == pytest.approx(400 * 60_000, abs=4 * MIB)
    del blocks, pinned


def test_address_space_and_pages_of_its_own_are_told_apart_from_the_peak(rig: Rig) -> None:
    reserved = _use(rig, RESERVES, timed=True)
    assert reserved["memory_virtual"] == pytest.approx(512 * MIB, abs=32 * MIB)
    assert reserved["memory"] < 16 * MIB
    assert reserved["memory_private"] < 16 * MIB
    kept = _use(rig, "import builtins\nkept = vars(builtins).setdefault('kept', [])\n" + KEEPS, timed=True)
    assert kept["memory_private"] == pytest.approx(24 * MIB, abs=12 * MIB)
    assert _use(rig, TAKES, timed=True)["memory_private"] < 16 * MIB  # it has given that back


def test_only_timed_work_is_worth_a_walk_over_its_pages(in_place: Rig) -> None:
    assert "memory_private" not in _use(in_place, "return {}")


def test_a_container_s_peak_is_measured_in_a_container_and_nowhere_else(rig: Rig) -> None:
    assert cgroup_peak_bytes() is None  # this cgroup holds who measures
    found = _use(rig, TAKES).get("memory_cgroup")
    if rig.kind == "container":
        assert found is not None
        assert found > 96 * MIB
        assert (_use(rig, "return {}")["memory_cgroup"]) >= found - MIB  # the container's peak so far, not the case's
    else:
        assert found is None


def test_a_later_case_of_a_process_does_not_get_the_peak_of_an_earlier_one() -> None:
    block = b"x" * (64 * MIB)
    del block
    use = Use(private=True)
    assert use.measured()["memory"] < 8 * MIB
    block = b"x" * (32 * MIB)
    found = use.measured()
    assert found["memory"] == pytest.approx(32 * MIB, abs=8 * MIB)
    assert found["memory_private"] == pytest.approx(32 * MIB, abs=8 * MIB)
    del block


def test_private_pages_are_part_of_the_resident_ones() -> None:
    private, resident = private_bytes(), resident_bytes()
    assert private is not None
    assert resident is not None
    assert 0 < private < resident

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Sequence
from itertools import accumulate

import pytest

from compat.model import STANDARD, MetricPolicy, Policy
from compat.probe.growth import READINGS, Growth
from tests.rig import Rig

PAGE = 4096
KIB = 1024
LATENCY = STANDARD["latency"]


def slope(readings: Sequence[int | None], calls: int = 10) -> float | None:
    """The slope over readings of so many bytes, ``calls`` calls apart."""
    growth = Growth(iter(readings).__next__)
    for number in range(len(readings)):
        growth.look(number * calls)
    return growth.slope()


def test_the_readings_of_a_steady_leak_give_its_slope() -> None:
    assert slope([10**8 + 7 * PAGE * step for step in range(READINGS)], calls=7) == PAGE


@pytest.mark.parametrize("place", range(1, READINGS))
def test_one_step_is_no_leak(place: int) -> None:
    assert slope([0 if number < place else 64 * PAGE for number in range(READINGS)]) == 0.0


def test_what_is_given_back_is_no_leak() -> None:
    assert slope(list(accumulate([10**8, 0, *[-PAGE] * (READINGS - 2)]))) == 0.0
    assert slope([PAGE * (number % 2) for number in range(READINGS)]) == 0.0


def test_without_all_readings_there_is_no_slope() -> None:
    assert slope([0] * (READINGS - 1)) is None
    assert slope([0, PAGE, *[None] * (READINGS - 2)]) is None


# Resident pages are those of the whole process, so it is a new one: what earlier tests left to be freed is not in it.
RESIDENT = """
from compat.probe.growth import READINGS, Growth
growth, kept = Growth(lambda: None), []
for number in range(READINGS):
    growth.look(number)
    kept.append(b"x" * (8 << 20))
print(growth.slope())
"""


def test_where_the_kernel_does_not_tell_resident_pages_are_read() -> None:
    told = subprocess.run([sys.executable, "-c", RESIDENT], check=True, capture_output=True, text=True).stdout
    assert float(told) == pytest.approx(8 << 20, rel=0.1)


def test_what_only_waits_for_the_collector_is_no_leak() -> None:
    before = gc.isenabled()
    gc.disable()
    try:
        growth = Growth()
        for number in range(READINGS):
            for _ in range(100):
                ring: list[object] = [bytearray(256 * KIB)]
                ring.append(ring)
            growth.look(100 * number)
        found = growth.slope()
    finally:
        if before:
            gc.enable()
    assert found is not None
    assert found < 4 * KIB  # and not 256 KiB a call


# Real leaks: 64 KiB a call that somebody keeps, in short work and in slow work; and what is none.
LEAKS = "kept = []\n\ndef prepare(params, tools):\n    def work():\n{work}\n        return {{}}\n    return work\n"
KEEPS = "        kept.append(b'x' * 65536)"
SLOW = "        import time\n        time.sleep(0.02)\n"
RELEASES = "        b'x' * 65536"
CYCLE = "        ring = [b'x' * 65536]\n        ring.append(ring)"
ONCE = "        kept or kept.append(b'x' * 4_000_000)"


@pytest.mark.parametrize(
    ("work", "least", "most"),
    [
        (KEEPS, 60 * KIB, 72 * KIB),
        (SLOW + KEEPS, 60 * KIB, 72 * KIB),
        (RELEASES, 0, KIB),
        (SLOW + RELEASES, 0, KIB),
        (CYCLE, 0, KIB),
        (ONCE, 0, KIB),
    ],
    ids=["leak", "slow leak", "none", "slow and none", "cycle", "once"],
)
def test_a_planted_leak_is_found_and_nothing_else(rig: Rig, work: str, least: float, most: float) -> None:
    result, _ = rig.run(LEAKS.format(work=work), metrics=[LATENCY])
    assert result.fault is None
    (leak,) = (one for one in result.measurements if one.metric == "leak")
    assert (leak.unit, len(leak.samples)) == ("B/call", 1)
    assert least <= leak.samples[0] <= most


def test_by_default_a_leak_of_a_page_a_call_is_judged() -> None:
    assert Policy().metric("leak") == MetricPolicy(absolute=PAGE)

"""Timing by the real binding, on a model of a GPU whose kernels take a known time with a cold cache and a warm one."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import pytest

from tests.probe.fake_cuda import Cuda, compile_library

MIB = 2**20
FLUSH_NS = 32 * MIB // 100  # what the model's memset of the least buffer takes

SETUP = """
fake = ctypes.CDLL("libcuda.so.1")
fake.fake_launch.argtypes = [ctypes.c_void_p, ctypes.c_longlong, ctypes.c_longlong]
device = Device()
calls, collecting = 0, set()

def work():
    global calls
    calls += 1
    if rest:
        time.sleep(rest)
    collecting.add(gc.isenabled())
    if calls == fail_at:
        raise ArithmeticError
    swing = 1 + unsteady * (calls % 2)
    fake.fake_launch(None, cold * swing, warm * swing)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_library(tmp_path_factory.mktemp("library"))


@pytest.fixture
def cuda(library: Path, tmp_path: Path) -> Cuda:
    return Cuda(library, tmp_path)


def measure(
    cuda: Cuda,
    cold: int,
    warm: int = 0,
    rest: float = 0.0,
    fail_at: int = 0,
    unsteady: int = 0,
    **variables: object,
) -> dict[str, Any]:
    """Samples of a kernel of ``cold`` ns, ``warm`` with its data in the cache; ``rest`` seconds of the host."""
    begin = f"cold, warm, rest, fail_at, unsteady = {(cold, warm or cold, rest, fail_at, unsteady)}\n"
    end = """
try:
    samples, problem = latency_samples(device, work), ""
except (ArithmeticError, CudaError) as error:
    samples, problem = (), f"{type(error).__name__} {error}"
answer = {
    "samples": samples, "problem": problem, "calls": calls, "held": fake.fake_held() - 1,
    "collected": sorted(collecting), "collecting": gc.isenabled(),
}
"""
    found: dict[str, Any] = cuda.run(begin + SETUP + end, **variables)
    return found


def median(found: dict[str, Any]) -> float:
    """The samples' median in ns: a busy machine delays some of them."""
    return statistics.median(found["samples"]) * 1e9


@pytest.mark.parametrize("cold", [2_000, 20_000, 400_000, 30_000_000])
def test_samples_are_the_device_s_seconds_per_call(cuda: Cuda, cold: int) -> None:
    found = measure(cuda, cold)
    assert 5 <= len(found["samples"]) <= 100
    assert median(found) == pytest.approx(cold, rel=0.02)
    assert found["held"] == 0


def test_data_is_never_in_the_cache(cuda: Cuda) -> None:
    assert median(measure(cuda, cold=300_000, warm=30_000)) == pytest.approx(300_000, rel=0.02)


def test_data_is_never_in_the_cache_in_a_mean_of_several_calls_either(cuda: Cuda) -> None:
    found = measure(cuda, cold=20_000, warm=2_000)
    assert found["calls"] > 2 * len(found["samples"])
    assert median(found) == pytest.approx(20_000, rel=0.02)


@pytest.mark.parametrize(("cache", "buffer"), [(4 * MIB, 32 * MIB), (50 * MIB, 100 * MIB)])
def test_the_buffer_is_twice_the_cache_and_not_small(cuda: Cuda, cache: int, buffer: int) -> None:
    found = measure(cuda, 400_000, 40_000, FAKE_CUDA_L2=cache)
    assert median(found) == pytest.approx(400_000, rel=0.02)
    calls = cuda.calls()
    assert [call for call in calls if call.startswith("cuMemAlloc_v2")] == [f"cuMemAlloc_v2 {buffer}"]
    assert {call for call in calls if call.startswith("cuMemset")} == {f"cuMemsetD8Async {buffer}"}
    assert calls.count(f"cuMemsetD8Async {buffer}") == found["calls"]


def test_the_host_s_share_of_a_launch_is_hidden_by_the_flush(cuda: Cuda) -> None:
    rest = FLUSH_NS * 1e-9 / 4
    assert median(measure(cuda, 400_000, rest=rest)) == pytest.approx(400_000, rel=0.05)


def test_a_host_that_is_slower_than_the_flush_is_seen(cuda: Cuda) -> None:
    assert median(measure(cuda, 400_000, rest=0.003)) > 2_500_000


@pytest.mark.parametrize("cold", [2_300, 5_500, 11_500])
def test_the_steps_of_the_clock_average_out(cuda: Cuda, cold: int) -> None:
    found = measure(cuda, cold, FAKE_CUDA_TICK=1024)
    assert median(found) == pytest.approx(cold, rel=0.05)  # single calls would be 2.0 or 3.1, 5.1 or 6.1, 11.3 us


def test_work_that_takes_no_time_ends_too(cuda: Cuda) -> None:
    found = measure(cuda, 0, FAKE_CUDA_TICK=1024)
    assert len(found["samples"]) >= 5
    assert median(found) < 1_000


def test_slow_work_is_not_repeated_more_than_is_needed(cuda: Cuda) -> None:
    found = measure(cuda, 50_000_000)
    assert len(found["samples"]) == 5
    assert found["calls"] <= 5 + 6  # a quarter of a second of warm-up


def test_work_that_never_settles_is_measured_all_the_same(cuda: Cuda) -> None:
    found = measure(cuda, 2_000_000, unsteady=1)
    assert found["calls"] <= 250 / 2.3 + len(found["samples"]) + 1  # a quarter of a second of warm-up
    assert {round(sample * 1e3) for sample in found["samples"]} >= {2, 4}


def test_it_takes_the_time_that_it_aims_at(cuda: Cuda) -> None:
    found = measure(cuda, 1_000_000)
    assert 10 <= len(found["samples"]) <= 45  # 60 ms of flushes and calls, 1.3 ms each
    found = measure(cuda, 2_000)
    assert found["calls"] <= 75 + 180 + 100  # warm-up, 60 ms of 0.34 ms each, and what makes the last sample whole


def test_a_gpu_has_time_to_raise_its_clocks(cuda: Cuda) -> None:
    found = measure(cuda, 110_000)
    warm_up = found["calls"] - len(found["samples"])  # calls of this length are not averaged
    assert warm_up >= 8  # 25 ms, where four calls are enough to be steady


@pytest.mark.parametrize("fail_at", [0, 1, 20])
def test_the_collector_rests_and_everything_is_given_back(cuda: Cuda, fail_at: int) -> None:
    found = measure(cuda, 20_000, fail_at=fail_at)
    assert found["problem"].startswith("ArithmeticError" if fail_at else "")
    assert bool(found["samples"]) is not bool(fail_at)
    assert (found["collected"], found["collecting"], found["held"]) == ([False], True, 0)


def test_a_collector_that_was_off_stays_off(cuda: Cuda) -> None:
    code = SETUP + "cold = warm = 20_000\nrest = fail_at = unsteady = 0\ngc.disable()\n"
    assert cuda.run(code + "latency_samples(device, work)\nanswer = gc.isenabled()") is False


@pytest.mark.parametrize("nth", [1, 30])
def test_a_kernel_s_fault_is_told_and_not_what_follows_from_it(cuda: Cuda, nth: int) -> None:
    found = measure(cuda, 20_000, FAKE_CUDA_FAIL=f"cuEventSynchronize@{nth}=700")
    assert found["problem"] == "CudaError cuEventSynchronize: CUDA_ERROR_ILLEGAL_ADDRESS (700)"


def test_a_gpu_without_room_for_the_buffer_is_an_error(cuda: Cuda) -> None:
    found = measure(cuda, 20_000, FAKE_CUDA_TOTAL=310 * MIB)
    assert (found["problem"], found["calls"]) == ("CudaError cuMemAlloc_v2: CUDA_ERROR_OUT_OF_MEMORY (2)", 0)

"""What the controller reads of the node around a case, from the machine and from a library of NVML's ABI."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from compat.model import STANDARD, THROTTLED
from compat.node.conditions import Watch
from tests.node.fake import call, compile_library, instance, uuid

# The arguments are the seconds that the case takes and the UUIDs.
WATCH = """
import json, os, subprocess, sys, time
from compat.model import plain
from compat.node.conditions import Watch
root = os.getpid() if os.environ.get("ROOT") else None
with Watch(sys.argv[2:], root) as watch:
    time.sleep(float(sys.argv[1]))
print(json.dumps(plain([watch.conditions, watch.measurements, watch.notes])))
"""
GPU = ("sm_clock", "temperature", "power", "throttled")


class Seen:
    """What a watch said, in a process that had the library."""

    def __init__(self, folder: Path, *uuids: str, seconds: float = 0.0, code: str = WATCH, **variables: str) -> None:
        self.conditions, self.measurements, self.notes = call(folder, code, str(seconds), *uuids, **variables)

    def samples(self, metric: str) -> list[float]:
        """The samples of one metric."""
        found: list[float] = next(m["samples"] for m in self.measurements if m["metric"] == metric)
        return found

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics there are."""
        return tuple(m["metric"] for m in self.measurements)


def test_readings_become_measurements_of_the_catalogue(library: Path) -> None:
    seen = Seen(library, uuid(0), FAKE_CLOCK="1980,1755", FAKE_TEMPERATURE="61,64", FAKE_POWER="412500,700000")
    assert seen.metrics == GPU
    assert seen.samples("sm_clock") == [1980, 1755]  # one before the case and one after it
    assert seen.samples("temperature") == [61, 64]
    assert seen.samples("power") == [412.5, 700]
    assert seen.samples("throttled") == [0]
    assert (seen.conditions["throttle"], seen.notes) == ([], [])
    for found in seen.measurements:
        metric = STANDARD[found["metric"]]
        assert (found["unit"], found["direction"], found["kind"]) == (metric.unit, metric.direction, metric.kind)


def test_a_case_is_read_every_50_ms(library: Path) -> None:
    readings = len(Seen(library, uuid(0), seconds=0.6).samples("sm_clock"))
    assert 4 <= readings <= 14  # a busy machine is late, and never early


def test_every_gpu_of_the_case_is_read(library: Path) -> None:
    seen = Seen(library, uuid(0), uuid(1), FAKE_CLOCK="1000,2000,1100,2100")
    assert seen.samples("sm_clock") == [1000, 2000, 1100, 2100]


def test_only_some_reasons_count_as_throttling_and_all_are_named(library: Path) -> None:
    bits = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 8 + 4, 0]
    seen = Seen(library, *[uuid(0)] * 7, FAKE_REASONS=",".join(map(str, bits)))
    assert seen.samples("throttled") == [pytest.approx(5 / 14)]
    names = "applications_clocks board_limit display_clocks hw_slowdown hw_thermal idle power_brake reason_0x800"
    assert seen.conditions["throttle"] == [*names.split(), "reliability", "sw_power_cap", "sw_thermal", "sync_boost"]
    assert set(seen.conditions["throttle"]) > THROTTLED


@pytest.mark.parametrize("reason", ["8", "32", "64", "128"])
def test_a_case_that_is_throttled_all_the_time(library: Path, reason: str) -> None:
    assert Seen(library, uuid(0), FAKE_REASONS=reason).samples("throttled") == [1]


@pytest.mark.parametrize("reason", ["1", "2", "4", "16", "256", "512", "1024"])
def test_a_clock_that_is_held_down_by_choice_is_not_throttling(library: Path, reason: str) -> None:
    seen = Seen(library, uuid(0), FAKE_REASONS=reason)
    assert seen.samples("throttled") == [0]
    assert len(seen.conditions["throttle"]) == 1


# -- what is missing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "lacking"),
    [
        (["-DWITHOUT_CLOCK"], "sm_clock"),
        (["-DWITHOUT_TEMPERATURE", "-DWITHOUT_TEMPERATURE_V"], "temperature"),
        (["-DWITHOUT_POWER"], "power"),
        (["-DWITHOUT_EVENT_REASONS", "-DWITHOUT_THROTTLE_REASONS"], "throttled"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_library_cannot_tell_is_absent_and_said(tmp_path: Path, flags: list[str], lacking: str) -> None:
    seen = Seen(compile_library(tmp_path, *flags), uuid(0), FAKE_REASONS="64")
    assert seen.metrics == tuple(metric for metric in GPU if metric != lacking)
    assert seen.notes == [f"NVML gave no {lacking}"]
    assert seen.conditions["throttle"] == ([] if lacking == "throttled" else ["hw_thermal"])


@pytest.mark.parametrize("flags", [["EVENT_REASONS", "TEMPERATURE_V"], ["THROTTLE_REASONS", "TEMPERATURE"]])
def test_a_function_of_either_name_will_do(tmp_path: Path, flags: list[str]) -> None:
    folder = compile_library(tmp_path, *[f"-DWITHOUT_{name}" for name in flags])
    seen = Seen(folder, uuid(0), FAKE_REASONS="64", FAKE_TEMPERATURE="93")
    assert (seen.samples("throttled"), seen.samples("temperature"), seen.notes) == ([1], [93, 93], [])


def test_errors_in_the_middle_are_no_readings(library: Path) -> None:
    seen = Seen(library, uuid(0), seconds=0.5, FAKE_CLOCK="1980,-15,-15,1755", FAKE_POWER="-3", FAKE_REASONS="64,-15")
    clocks = seen.samples("sm_clock")
    assert (clocks[0], set(clocks[1:])) == (1980, {1755})
    assert len(clocks) == len(seen.samples("temperature")) - 2
    assert seen.samples("throttled") == [1]  # of the one reading that told
    assert seen.metrics == ("sm_clock", "temperature", "throttled")
    assert seen.notes == ["NVML gave no power"]


def test_a_zero_is_no_reading(library: Path) -> None:
    seen = Seen(library, uuid(0), FAKE_CLOCK="0", FAKE_TEMPERATURE="0", FAKE_POWER="0,300000")
    assert seen.metrics == ("power", "throttled")
    assert seen.samples("power") == [300]
    assert seen.notes == ["NVML gave no sm_clock, temperature"]


@pytest.mark.parametrize("variables", [{"FAKE_LOST": "0"}, {"FAKE_LOST_LATER": "0"}, {"FAKE_INIT": "9"}])
def test_a_gpu_or_a_driver_that_is_gone_leaves_everything_absent(library: Path, variables: dict[str, str]) -> None:
    seen = Seen(library, uuid(0), **variables)
    assert (seen.measurements, seen.conditions["throttle"]) == ([], [])
    assert len(seen.notes) == 1
    assert seen.conditions["load"] is not None


def test_a_gpu_that_hangs_holds_nobody_up(library: Path) -> None:
    code = WATCH.replace("root =", "import compat.node.sampler as sampler; sampler._PATIENCE = 0.1\nroot =")
    seen = Seen(library, uuid(0), code=code, FAKE_HANG="20000")
    assert seen.measurements == []
    assert seen.notes == ["NVML stopped answering while the case ran"]


def test_a_mig_instance_has_the_readings_of_its_gpu(library: Path) -> None:
    assert Seen(library, instance(1), FAKE_MIG="1").metrics == GPU


# -- the memory of the case's processes --------------------------------------------------------------------------------

# A child and a grandchild hold memory on the GPU, more at one moment, and so does somebody else all the time.
HELD = """
import json, os, subprocess, sys, time
from pathlib import Path
from compat.model import plain
from compat.node.conditions import Watch
def held(*lines):
    new = Path(os.environ["FAKE_PROCESSES"] + ".new")
    new.write_text("".join(f"{pid} {number}\\n" for pid, number in lines))
    new.rename(os.environ["FAKE_PROCESSES"])
    time.sleep(0.25)
child = subprocess.Popen(
    ["sh", "-c", "sleep 60 & echo $!; exec setsid sleep 60"], stdout=subprocess.PIPE, text=True
)
grandchild = int(child.stdout.readline())
foreign = (os.getppid(), 9000)
with Watch(sys.argv[2:], eval(os.environ["ROOT"])) as watch:
    held(foreign)
    held(foreign, (child.pid, 100))
    held(foreign, (child.pid, 300), (grandchild, os.environ.get("GRANDCHILD", 40)))
    held(foreign, (child.pid, 200))
    held(foreign)
os.kill(grandchild, 9); child.kill(); child.wait()
print(json.dumps(plain([watch.conditions, watch.measurements, watch.notes])))
"""


def _held(library: Path, folder: Path, root: str, **variables: str) -> Seen:
    return Seen(library, uuid(0), code=HELD, ROOT=root, FAKE_PROCESSES=str(folder / "processes"), **variables)


@pytest.mark.parametrize(("root", "most"), [("os.getpid()", 340), ("child.pid", 340), ("grandchild", 40)])
def test_the_most_that_the_case_s_processes_held(library: Path, tmp_path: Path, root: str, most: int) -> None:
    seen = _held(library, tmp_path, root)
    assert seen.samples("memory_device") == [most]
    assert seen.notes == []


def test_the_older_list_of_processes_will_do(tmp_path: Path) -> None:
    folder = compile_library(tmp_path, "-DWITHOUT_PROCESSES_V3")
    assert _held(folder, tmp_path, "child.pid").samples("memory_device") == [340]


@pytest.mark.parametrize("unknown", ["-", "0"])
def test_a_sum_with_an_unknown_part_is_not_known(library: Path, tmp_path: Path, unknown: str) -> None:
    assert _held(library, tmp_path, "os.getpid()", GRANDCHILD=unknown).samples("memory_device") == [200]
    seen = _held(library, tmp_path, "grandchild", GRANDCHILD=unknown)
    assert "memory_device" not in seen.metrics
    assert seen.notes == ["NVML gave no memory_device"]


def test_without_a_root_nobody_s_memory_is_the_case_s(library: Path, tmp_path: Path) -> None:
    seen = _held(library, tmp_path, "None")
    assert (seen.metrics, seen.notes) == (GPU, [])


def test_a_library_that_lists_no_processes(tmp_path: Path) -> None:
    seen = _held(compile_library(tmp_path, "-DWITHOUT_PROCESSES"), tmp_path, "os.getpid()")
    assert (seen.metrics, seen.notes) == (GPU, ["NVML gave no memory_device"])


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_the_library_is_started_once_in_a_process(library: Path, tmp_path: Path) -> None:
    code = WATCH.replace(
        "with Watch", "from compat.node import this_node; this_node()\nfor _ in range(5):\n  with Watch"
    )
    Seen(library, uuid(0), code=code.replace("    time.sleep", "      time.sleep"), FAKE_LOG=str(tmp_path / "log"))
    assert (tmp_path / "log").read_text().splitlines() == ["init"]


def test_a_long_case_keeps_some_of_its_readings_and_the_share_of_all(library: Path) -> None:
    code = WATCH.replace("root =", "import compat.node.sampler as sampler; sampler._EVERY = 0.0002\nroot =")
    seen = Seen(library, uuid(0), uuid(1), seconds=1.0, code=code, FAKE_CLOCK="1000,2000,1000", FAKE_REASONS="64,0")
    clocks = seen.samples("sm_clock")
    assert 100 < len(clocks) <= 400
    assert clocks[:2] == [1000, 2000]
    assert 0 < seen.samples("throttled")[0] < 1 / len(clocks)


def test_without_gpus_two_files_are_read_and_no_thread_is_started() -> None:
    """By construction the cost is two reads: nothing else is opened, loaded or started."""
    code = """
import sys, threading
from compat.node.conditions import Watch
with Watch():  # what Python itself loads the first time
    pass
seen = []
sys.addaudithook(lambda event, arguments: seen.append((event, str(arguments[0]) if arguments else "")))
with Watch() as watch:
    pass
watch.conditions, watch.measurements
found = [(event, what) for event, what in seen if not event.startswith("object.")]
assert [what for _, what in found] == ["/proc/loadavg", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"], found
assert {event for event, _ in found} == {"open"}, found
assert threading.active_count() == 1
assert "pynvml" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# -- the machine itself ------------------------------------------------------------------------------------------------


def _host(folder: Path, **files: str) -> Path:
    names = {"load": "proc/loadavg", "governor": "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"}
    for key, text in files.items():
        path = folder / names[key]
        path.parent.mkdir(parents=True)
        path.write_bytes(text.encode("latin-1"))
    return folder


@pytest.mark.parametrize(
    ("files", "load", "governor"),
    [
        ({"load": "1.25 0.50 0.10 2/100 4711\n", "governor": "powersave\n"}, 1.25, "powersave"),
        ({"load": "0.00 0.00 0.00 1/100 1\n"}, 0.0, None),
        ({"load": "", "governor": ""}, None, None),
        ({"load": "garbage", "governor": "\xff\xfe"}, None, None),
        ({}, None, None),
    ],
)
def test_load_and_governor(tmp_path: Path, files: dict[str, str], load: Any, governor: Any) -> None:
    with Watch(host=_host(tmp_path, **files)) as watch:
        pass
    assert (watch.conditions.load, watch.conditions.governor) == (load, governor)
    assert (watch.conditions.throttle, watch.measurements, watch.notes) == ((), (), ())


def test_this_machine_has_a_load() -> None:
    with Watch() as watch:
        pass
    assert watch.conditions.load is not None
    assert watch.conditions.load >= 0
    assert watch.conditions.governor != ""


def test_an_error_of_the_case_passes_through() -> None:
    watch = Watch()
    with pytest.raises(KeyError), watch:
        raise KeyError("the case")
    assert watch.conditions.load is not None

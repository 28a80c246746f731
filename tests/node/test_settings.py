"""How a node is set, from files of /proc and /sys and from a library of NVML's ABI."""

from __future__ import annotations

import platform
import time
from pathlib import Path

import pytest

from compat.node.settings import read_settings
from tests.node.fake import call, compile_library, instance, uuid

READ = """
import json, pathlib, sys
from compat.node.settings import read_settings
print(json.dumps(read_settings(sys.argv[1:], pathlib.Path("/none"))))
"""
GPU = {
    "ECC": "on",
    "MIG": "off",
    "persistence": "on",
    "compute mode": "default",
    "power limit": "700 W",
    "applications clock": "1980 MHz",
    "applications memory clock": "2619 MHz",
    "maximum SM clock": "1980 MHz",
    "VBIOS": "96.00.89.00.01",
    "GSP firmware": "570.124.06",
}


def _of(*gpus: int, **changes: str | None) -> dict[str, str]:
    """The settings of these GPUs; a change has a name with underscores, and None where it is not there."""
    found = {**GPU, **{name.replace("_", " "): said for name, said in changes.items()}}
    return {f"{uuid(gpu)} {name}": said for gpu in gpus for name, said in found.items() if said is not None}


# -- the GPUs ----------------------------------------------------------------------------------------------------------


def test_each_gpu_is_named_so_that_none_hides_another(library: Path) -> None:
    assert call(library, READ, uuid(0), uuid(1)) == _of(0, 1)
    found = call(library, READ, uuid(0), uuid(1), FAKE_POWER_LIMIT="700000,350000")
    assert found == {**_of(0), **_of(1, power_limit="350 W")}


def test_only_the_gpus_that_are_named_are_read(library: Path) -> None:
    assert call(library, READ, uuid(1)) == _of(1)
    assert call(library, READ) == {}


def test_what_is_in_force_is_read_and_not_what_a_restart_would_bring(library: Path) -> None:
    found = call(library, READ, uuid(0), FAKE_ECC="0", FAKE_MIG="1", FAKE_PERSISTENCE="0")
    assert found == _of(0, ECC="off", MIG="on", persistence="off")


@pytest.mark.parametrize(
    ("value", "word"),
    [("0", "default"), ("1", "exclusive thread"), ("2", "prohibited"), ("3", "exclusive process"), ("7", "7")],
)
def test_compute_modes_are_words_and_a_new_one_its_number(library: Path, value: str, word: str) -> None:
    assert call(library, READ, uuid(0), FAKE_COMPUTE_MODE=value) == _of(0, compute_mode=word)


def test_a_power_limit_keeps_what_is_below_a_watt(library: Path) -> None:
    assert call(library, READ, uuid(0), FAKE_POWER_LIMIT="299500") == _of(0, power_limit="299.5 W")


def test_an_older_driver_says_what_was_set_through_itself(tmp_path: Path) -> None:
    assert call(compile_library(tmp_path, "-DWITHOUT_ENFORCED"), READ, uuid(0)) == _of(0, power_limit="650 W")


@pytest.mark.parametrize("code", ["-3", "-999"], ids=["not supported", "unknown"])
@pytest.mark.parametrize(
    ("variable", "lost"),
    [
        ("FAKE_ECC", ["ECC"]),
        ("FAKE_MIG", ["MIG"]),
        ("FAKE_PERSISTENCE", ["persistence"]),
        ("FAKE_COMPUTE_MODE", ["compute mode"]),
        ("FAKE_APPLICATIONS", ["applications clock", "applications memory clock"]),
        ("FAKE_MAXIMUM", ["maximum SM clock"]),
        ("FAKE_VBIOS", ["VBIOS"]),
        ("FAKE_GSP", ["GSP firmware"]),
    ],
)
def test_what_a_card_cannot_say_is_not_there(library: Path, variable: str, lost: list[str], code: str) -> None:
    assert call(library, READ, uuid(0), **{variable: code}) == _of(0, **dict.fromkeys(lost))


def test_an_empty_version_is_not_there(library: Path) -> None:
    assert call(library, READ, uuid(0), FAKE_VBIOS="", FAKE_GSP="") == _of(0, **{"VBIOS": None, "GSP firmware": None})


def test_a_library_without_these_functions_gives_nothing(tmp_path: Path) -> None:
    assert call(compile_library(tmp_path, "-DWITHOUT_SETTINGS"), READ, uuid(0)) == {}


@pytest.mark.parametrize("variables", [{"FAKE_INIT": "9"}, {"FAKE_LOST": "0"}, {"FAKE_LOST_LATER": "0"}])
def test_a_gpu_that_is_gone_gives_nothing(library: Path, variables: dict[str, str]) -> None:
    assert call(library, READ, uuid(0), **variables) == {}
    if "FAKE_INIT" not in variables:
        assert call(library, READ, uuid(0), uuid(1), **variables) == _of(1)


def test_a_mig_instance_is_set_as_its_gpu_is(library: Path) -> None:
    found = call(library, READ, instance(1), instance(1, 1), FAKE_MIG="0,1", FAKE_PLACES="xx")
    assert found == _of(1, MIG="on")


def test_a_mig_instance_that_is_no_more_gives_nothing(library: Path) -> None:
    assert call(library, READ, instance(1), FAKE_MIG="1", FAKE_PLACES=".x") == {}


def test_an_nvml_that_hangs_is_not_waited_for(library: Path) -> None:
    begin = time.monotonic()
    found = call(library, READ, uuid(0), uuid(1), FAKE_HANG="60000")
    assert time.monotonic() - begin < 30
    later = ("applications clock", "applications memory clock", "maximum SM clock", "VBIOS", "GSP firmware")
    assert found == _of(0, **dict.fromkeys(later))  # what was said before it hung stands


# -- the machine -------------------------------------------------------------------------------------------------------

FILES = {
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: Made-up CPU @ 3.00GHz\nflags\t: fpu\n\nprocessor\t: 1\n",
    "proc/sys/kernel/numa_balancing": "1\n",
    "proc/sys/kernel/osrelease": "6.1.0-13-amd64\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
    "sys/devices/system/cpu/cpufreq/boost": "1\n",
    "sys/devices/system/cpu/intel_pstate/no_turbo": "1\n",
    "sys/devices/system/cpu/smt/active": "0\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
}
MACHINE = {
    "CPU": "Made-up CPU @ 3.00GHz",
    "CPU boost": "on",
    "CPU governor": "powersave",
    "CPU turbo": "off",
    "NUMA balancing": "on",
    "SMT": "off",
    "kernel": "6.1.0-13-amd64",
    "transparent hugepages": "madvise",
}


def _host(folder: Path, **changes: str) -> Path:
    """A machine's files, with the text of some replaced; ``"-"`` leaves one out."""
    for name, text in FILES.items():
        said = next((new for part, new in changes.items() if part in name), text)
        if said != "-":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(said, encoding="utf-8")
    return folder


def test_a_machine_is_read(tmp_path: Path) -> None:
    assert read_settings(host=_host(tmp_path)) == MACHINE


@pytest.mark.parametrize(
    ("part", "text", "name", "word"),
    [
        ("numa_balancing", "0\n", "NUMA balancing", "off"),
        ("numa_balancing", "2\n", "NUMA balancing", "memory tiering"),
        ("no_turbo", "0\n", "CPU turbo", "on"),
        ("boost", "0\n", "CPU boost", "off"),
        ("smt", "1\n", "SMT", "on"),
        ("hugepage", "[always] madvise never\n", "transparent hugepages", "always"),
    ],
)
def test_words_for_what_the_kernel_says(tmp_path: Path, part: str, text: str, name: str, word: str) -> None:
    assert read_settings(host=_host(tmp_path, **{part: text})) == {**MACHINE, name: word}


@pytest.mark.parametrize("text", ["-", "", "\n", "\xff"], ids=["no file", "nothing", "a line without text", "no text"])
@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("cpuinfo", "CPU"),
        ("numa_balancing", "NUMA balancing"),
        ("osrelease", "kernel"),
        ("governor", "CPU governor"),
        ("hugepage", "transparent hugepages"),
    ],
)
def test_what_a_machine_does_not_say_is_not_there(tmp_path: Path, part: str, name: str, text: str) -> None:
    found = read_settings(host=_host(tmp_path, **{part: text}))
    assert found == {key: value for key, value in MACHINE.items() if key != name}


def test_a_machine_without_any_of_it_is_no_error(tmp_path: Path) -> None:
    assert read_settings(host=tmp_path) == {}


def test_this_machine_is_the_default() -> None:
    found = read_settings()
    assert found["kernel"] == platform.release()
    assert not [name for name in found if name.startswith("GPU-")]
    assert read_settings() == found

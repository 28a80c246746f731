"""``compat node`` as people start it, with a library of NVML's ABI under the real binding, and without any."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.node.fake import DRIVER, compile_library, instance, needs_no_driver, uuid
from tests.test_cli import compat


def _document(folder: Path, cwd: Path, **variables: str) -> Any:
    done = compat("node", "--json", cwd=cwd, LD_LIBRARY_PATH=str(folder), **variables)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def _text(folder: Path, cwd: Path, **variables: str) -> list[str]:
    quiet = {"FAKE_PENDING": "0", "FAKE_ECC": "0"}
    done = compat("node", cwd=cwd, LD_LIBRARY_PATH=str(folder), **{**quiet, **variables})
    assert (done.returncode, done.stderr) == (0, "")
    return [line.strip() for line in done.stdout.splitlines()]


def _problems(folder: Path, cwd: Path, **variables: str) -> list[str]:
    """What it says at the end; that made-up GPUs are on no bus is left out."""
    lines = _text(folder, cwd, **variables)
    start = max(n for n, line in enumerate(lines) if line.endswith(("problem", "problems", "in what was read")))
    return [line for line in lines[start + 1 :] if not line.endswith("is not on the PCI bus")]


WHOLE = {
    "product": "Made-up GPU",
    "architecture": "hopper",
    "compute_capability": "9.0",
    "memory_bytes": 80 << 30,
    "vbios": "96.00.89.00.01",
    "inforom": "G520.0200.00.05",
    "gsp_firmware": "570.124.06",
    "ecc": {"current": "on", "pending": "off"},
    "ecc_errors": {
        "corrected_volatile": 1,
        "corrected_aggregate": 2,
        "uncorrected_volatile": 3,
        "uncorrected_aggregate": 4,
    },
    "remapped_rows": {"corrected": 0, "uncorrected": 5, "pending": True, "failed": False},
    "mig": {"current": "off", "pending": "on"},
    "instances": [],
    "persistence": "on",
    "compute_mode": "default",
    "clocks": {
        "sm": 1755,
        "memory": 2619,
        "sm_most": 1980,
        "memory_most": 2619,
        "applications": 1980,
        "applications_memory": 2619,
    },
    "power_limit": 650.5,
    "power_limit_most": 700.0,
    "pcie": {"generation": 4, "generation_most": 5, "width": 8, "width_most": 16},
    "nvlinks": [
        {"number": 0, "up": True, "errors": {"replay": 7, "recovery": 0, "crc_flit": 0, "crc_data": 0}},
        {"number": 1, "up": False, "errors": {}},
    ],
    "fabric": "completed",
    "throttle": ["hw_thermal", "sw_power_cap"],
    "processes": [],
    "problem": None,
}
READS = {
    "FAKE_CORRECTED": "1",
    "FAKE_CORRECTED_LIFE": "2",
    "FAKE_UNCORRECTED": "3",
    "FAKE_UNCORRECTED_LIFE": "4",
    "FAKE_ROWS": "5",
    "FAKE_ROW_PENDING": "1",
    "FAKE_CLOCK": "1755",
    "FAKE_POWER_LIMIT": "650500",
    "FAKE_GENERATION": "4",
    "FAKE_WIDTH": "8",
    "FAKE_LINKS": "ud",
    "FAKE_REPLAYS": "7",
    "FAKE_REASONS": "68",
}


def test_everything_that_nvml_says_is_in_the_document(library: Path, tmp_path: Path) -> None:
    found = _document(library, tmp_path, **READS)
    assert (found["schema_version"], found["source"]) == (1, "this machine")
    assert found["driver"]["version"] == DRIVER
    assert found["driver"]["nvml"] == f"12.{DRIVER}"
    assert (found["driver"]["cuda"], found["driver"]["nvml_problem"]) == ("12.8", None)
    for index, gpu in enumerate(found["gpus"]):
        assert (gpu.pop("index"), gpu.pop("uuid")) == (index, uuid(index))
        assert gpu.pop("pci") == f"00000000:{0x3B + index:02x}:00.0"
        assert gpu == WHOLE
    assert len(found["gpus"]) == 2


def test_the_same_as_text(library: Path, tmp_path: Path) -> None:
    said = _text(library, tmp_path, **READS)
    for line in (
        f"version: {DRIVER}",
        "CUDA: up to 12.8",
        f"UUID: {uuid(1)}",
        "architecture: hopper",
        "ECC errors: uncorrected 3 now, 4 in its life; corrected 1 now, 2 in its life",
        "clocks: SM 1755 of 1980 MHz, memory 2619 of 2619 MHz",
        "power limit: 650.5 of 700 W",
        "PCIe: generation 4 of 5, x8 of 16",
        "NVLink: 1 of 2 up; errors: 7 replay, 0 recovery, 0 crc_flit, 0 crc_data",
        "throttle: hw_thermal, sw_power_cap",
        "processes: none",
        "container toolkit: not read",
    ):
        assert line in said


def test_a_sound_node_has_no_problem(library: Path, tmp_path: Path) -> None:
    assert _problems(library, tmp_path) == []


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FAKE_ECC": "1"}, "ECC is on, and will be off after a reset"),
        ({"FAKE_PENDING": "1", "FAKE_ECC": "1"}, "MIG is off, and will be on after a reset"),
        ({"FAKE_UNCORRECTED": "2"}, "2 uncorrected ECC errors since the driver was loaded"),
        ({"FAKE_UNCORRECTED_LIFE": "2"}, "2 uncorrected ECC errors in its life, none of them lately"),
        ({"FAKE_ROW_PENDING": "1"}, "a row of its memory waits for a reset to be replaced"),
        ({"FAKE_ROW_FAILED": "1"}, "a row of its memory could not be replaced"),
        ({"FAKE_WIDTH": "8"}, "its PCIe link is x8, and could be x16"),
        ({"FAKE_GENERATION": "1"}, "its PCIe link is of generation 1, and could be of 5"),
        (
            {"FAKE_GENERATION": "1", "FAKE_REASONS": "1"},
            "its PCIe link is of generation 1, and could be of 5; an idle GPU lowers it",
        ),
        ({"FAKE_LINKS": "uduudu"}, "NVLink 1, 4 of 6 down"),
        ({"FAKE_LINKS": "ddd"}, "none of its 3 NVLinks is up, as of a GPU that is not linked to another one"),
        ({"FAKE_FABRIC": "2"}, "its registration with the NVLink fabric is in progress"),
        ({"FAKE_LOST_LATER": "0"}, "GPU is lost"),
        ({"FAKE_LOST": "0"}, "GPU is lost"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_said_at_the_end(library: Path, tmp_path: Path, variables: dict[str, str], said: str) -> None:
    own = "GPU 0" if said == "GPU is lost" else uuid(0)
    assert _problems(library, tmp_path, FAKE_COUNT="1", **variables) == [f"{own}: {said}"]


def test_processes_of_others_are_named(library: Path, tmp_path: Path) -> None:
    processes = tmp_path / "processes"
    processes.write_text(f"{os.getpid()} {3 << 30}\n999999999 -\n")
    found = _document(library, tmp_path, FAKE_PROCESSES=str(processes), FAKE_COUNT="1")
    name = Path(f"/proc/{os.getpid()}/comm").read_text().strip()
    assert found["gpus"][0]["processes"] == [
        {"pid": os.getpid(), "name": name, "memory_bytes": 3 << 30},
        {"pid": 999999999, "name": None, "memory_bytes": None},
    ]
    said = f"other processes are on it: {os.getpid()} ({name}), 999999999 (out of sight)"
    assert _problems(library, tmp_path, FAKE_PROCESSES=str(processes), FAKE_COUNT="1") == [f"{uuid(0)}: {said}"]


def test_a_divided_gpu_names_its_instances(library: Path, tmp_path: Path) -> None:
    whole, divided = _document(library, tmp_path, FAKE_MIG="0,1", FAKE_PLACES=".,x.x")["gpus"]
    assert (whole["instances"], divided["instances"]) == ([], [instance(1), instance(1, 2)])
    assert (whole["mig"]["current"], divided["mig"]["current"]) == ("off", "on")


# -- what is missing ---------------------------------------------------------------------------------------------------


def test_a_node_without_a_gpu_is_a_node(tmp_path: Path) -> None:
    needs_no_driver()
    found = _document(tmp_path, tmp_path)
    assert found["driver"]["version"] is None
    assert "Not Found" in found["driver"]["nvml_problem"]
    assert found["machine"]["cores"] >= 1
    assert found["machine"]["kernel"] == os.uname().release
    said = _text(tmp_path, tmp_path)
    assert "version: not read" in said
    assert said[-1] == "No problem in what was read"


@pytest.mark.parametrize(
    ("flags", "missing"),
    [
        (["ECC"], {"ecc_errors": None, "remapped_rows": None}),
        (["NVLINK"], {"nvlinks": None}),
        (["SETTINGS"], {"ecc": None, "mig": None, "persistence": None, "vbios": None, "power_limit": None}),
        (["FACTS"], {"pci": None, "architecture": None, "inforom": None, "pcie": None, "fabric": None}),
        (["MIG"], {"mig": None, "instances": None}),
        (["PROCESSES"], {"processes": None}),
        (["MEMORY"], {"memory_bytes": None}),
        (["EVENT_REASONS", "THROTTLE_REASONS"], {"throttle": None}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_library_without_a_function_leaves_that_unread(
    tmp_path: Path, flags: list[str], missing: dict[str, None]
) -> None:
    folder = compile_library(tmp_path, *[f"-DWITHOUT_{name}" for name in flags])
    (gpu,) = _document(folder, tmp_path, FAKE_COUNT="1")["gpus"]
    assert {name: gpu[name] for name in missing} == missing
    assert gpu["uuid"] == uuid(0)
    said = _text(folder, tmp_path, FAKE_COUNT="1")
    assert [line for line in said if line.endswith(": not read")]


@pytest.mark.parametrize("takes", ["3", "2", "1"])
def test_the_newest_structure_that_the_library_takes_will_do(library: Path, tmp_path: Path, takes: str) -> None:
    gpus = _document(library, tmp_path, FAKE_FABRIC_TAKES=takes, FAKE_FABRIC="2")["gpus"]
    assert [gpu["fabric"] for gpu in gpus] == ["in progress"] * 2


def test_an_older_library_has_only_the_older_structure(tmp_path: Path) -> None:
    folder = compile_library(tmp_path, "-DWITHOUT_FABRIC_V", "-DWITHOUT_PROCESSES_V3", "-DWITHOUT_ENFORCED")
    gpu = _document(folder, tmp_path)["gpus"][1]
    assert (gpu["fabric"], gpu["processes"], gpu["power_limit"]) == ("completed", [], 650.0)


def test_a_gpu_without_nvlink_has_none_and_one_that_fails_in_the_middle_was_not_read(
    library: Path, tmp_path: Path
) -> None:
    assert [gpu["nvlinks"] for gpu in _document(library, tmp_path, FAKE_LINKS="-")["gpus"]] == [[], []]
    assert [gpu["nvlinks"] for gpu in _document(library, tmp_path, FAKE_LINKS="u?u")["gpus"]] == [None, None]


def test_what_is_newer_than_we_are_is_its_number(library: Path, tmp_path: Path) -> None:
    gpu = _document(library, tmp_path, FAKE_ARCHITECTURE="77", FAKE_COMPUTE_MODE="9", FAKE_FABRIC="8")["gpus"][0]
    assert (gpu["architecture"], gpu["compute_mode"], gpu["fabric"]) == ("77", "9", "8")


def test_a_gpu_that_is_lost_before_it_is_opened_is_named_beside_the_others(library: Path, tmp_path: Path) -> None:
    lost, other = _document(library, tmp_path, FAKE_LOST="0", **READS)["gpus"]
    assert {name: value for name, value in lost.items() if value is not None} == {"index": 0, "problem": "GPU is lost"}
    assert {name: other[name] for name in WHOLE} == WHOLE


def test_two_ways_to_name_a_node_are_refused(tmp_path: Path) -> None:
    done = compat("node", "--labels", "x", "--slurm", "y", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1

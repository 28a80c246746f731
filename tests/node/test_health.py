"""What happens to a GPU while a case runs, from a library of NVML's ABI and from the kernel's log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.node.fake import call, compile_library, instance, uuid

# The case writes to the kernel's log, if it is to. The first argument is the machine's files.
WATCH = """
import json, os, pathlib, sys
from compat.model import plain
from compat.node.conditions import Watch
host = pathlib.Path(sys.argv[1])
with Watch(sys.argv[2:], host=host) as watch:
    if "KERNEL_SAYS" in os.environ:
        with (host / "dev/kmsg").open("a") as log:
            log.write(os.environ["KERNEL_SAYS"])
print(json.dumps(plain([watch.conditions, watch.notes])))
"""
LINE = "3,9,1,-;NVRM: Xid (PCI:0000:{}:00): {}, pid=1\n"
NO_XIDS = "Xids were not read: neither the kernel's log nor NVML's events tell them"


def _host(folder: Path) -> Path:
    (folder / "dev").mkdir()
    (folder / "dev/kmsg").write_text("6,1,1,-;Linux version 6.1.0\n" + LINE.format("3b", 79))
    return folder


def _events(
    folder: Path, *gpus: str, host: Path = Path("/none"), code: str = WATCH, **variables: str
) -> tuple[list[dict[str, Any]], list[str]]:
    conditions, notes = call(folder, code, str(host), *(gpus or (uuid(0),)), **variables)
    return conditions.get("events", []), notes


def _event(kind: str, count: int = 1, number: int | None = None, gpu: str = uuid(0)) -> dict[str, Any]:
    return {"kind": kind, "gpu": gpu, "count": count, "number": number}


def test_a_quiet_case_has_no_event(library: Path) -> None:
    assert _events(library) == ([], [])


@pytest.mark.parametrize(
    ("variables", "event"),
    [
        ({"FAKE_UNCORRECTED": "1,3", "FAKE_UNCORRECTED_LIFE": "7,9"}, _event("ecc-uncorrected", 2)),
        ({"FAKE_UNCORRECTED": "1,0", "FAKE_UNCORRECTED_LIFE": "7,8"}, _event("ecc-uncorrected", 1)),
        ({"FAKE_CORRECTED": "0,5"}, _event("ecc-corrected", 5)),
        ({"FAKE_ROWS": "0,1"}, _event("row-uncorrected")),
        ({"FAKE_ROW_FAILED": "0,1"}, _event("row-failed")),
        ({"FAKE_LINKS": "uuu,udu"}, _event("nvlink-down", number=1)),
        ({"FAKE_LINKS": "u", "FAKE_REPLAYS": "4,10"}, _event("nvlink-errors", 6, 0)),
        ({"FAKE_XIDS": "79"}, _event("xid", number=79)),
        ({"FAKE_XIDS": "31.31"}, _event("xid", 2, 31)),
    ],
    ids=lambda value: str(value.get("kind", "")),
)
def test_what_changed_is_an_event_of_the_case(library: Path, variables: dict[str, str], event: dict[str, Any]) -> None:
    assert _events(library, **variables) == ([event], [])


@pytest.mark.parametrize(
    "variables",
    [
        {"FAKE_UNCORRECTED": "3", "FAKE_UNCORRECTED_LIFE": "9", "FAKE_CORRECTED": "4"},
        {"FAKE_ROWS": "2", "FAKE_ROW_FAILED": "1"},
        {"FAKE_LINKS": "udu"},
        {"FAKE_LINKS": "udu,uuu"},
        {"FAKE_UNCORRECTED": "5,0"},
    ],
    ids=["ECC", "rows", "a link that is down", "a link that comes up", "a counter that was reset"],
)
def test_what_was_so_before_is_no_event(library: Path, variables: dict[str, str]) -> None:
    assert _events(library, **variables) == ([], [])


def test_a_gpu_that_falls_off_the_bus_meanwhile(library: Path) -> None:
    found, _ = _events(library, FAKE_LOST_AFTER="0:130")
    assert _event("lost") in found
    both, _ = _events(library, uuid(0), uuid(1), FAKE_LOST_AFTER="1:130")
    assert [event["gpu"] for event in both if event["kind"] == "lost"] == [uuid(1)]


def test_events_name_the_gpu_that_an_instance_is_on(library: Path) -> None:
    found, notes = _events(library, instance(1), FAKE_MIG="1", FAKE_XIDS="94", FAKE_UNCORRECTED="0,1")
    assert (found, notes) == ([_event("ecc-uncorrected", gpu=uuid(1)), _event("xid", number=94, gpu=uuid(1))], [])


def test_each_gpu_has_its_own_events(library: Path) -> None:
    found, _ = _events(library, uuid(0), uuid(1), FAKE_XIDS="-,48.63")
    assert found == [_event("xid", number=number, gpu=uuid(1)) for number in (48, 63)]


# -- what cannot be read -----------------------------------------------------------------------------------------------


def test_what_cannot_be_read_after_the_case_is_said(library: Path) -> None:
    found, notes = _events(library, FAKE_LINKS="uu,u?", FAKE_ROWS="0,-3")
    assert (found, notes) == ([], [f"NVML gave no remapped rows, NVLinks of {uuid(0)} after the case"])


def test_xids_that_nobody_tells_are_said(tmp_path: Path) -> None:
    folder = compile_library(tmp_path, "-DWITHOUT_EVENTS")
    assert _events(folder) == ([], [NO_XIDS])


def test_xids_of_a_gpu_whose_address_cannot_be_read_are_not_known_from_the_log(tmp_path: Path) -> None:
    folder = compile_library(tmp_path, "-DWITHOUT_EVENTS", "-DWITHOUT_FACTS")
    assert _events(folder, host=_host(tmp_path), KERNEL_SAYS=LINE.format("3b", 79)) == ([], [NO_XIDS])


def test_a_gpu_without_counters_says_nothing_about_them(tmp_path: Path) -> None:
    folder = compile_library(tmp_path, "-DWITHOUT_ECC", "-DWITHOUT_NVLINK")
    assert _events(folder) == ([], [])


# -- the kernel's log --------------------------------------------------------------------------------------------------


def test_the_log_tells_the_xids_of_the_case_s_gpus(tmp_path: Path) -> None:
    folder = compile_library(tmp_path, "-DWITHOUT_EVENTS")
    lines = LINE.format("3b", 119) + LINE.format("3c", 48) + LINE.format("3b", 119)
    found, notes = _events(folder, host=_host(tmp_path), KERNEL_SAYS=lines)
    assert (found, notes) == ([_event("xid", 2, 119)], [])
    assert _events(folder, host=tmp_path) == ([], [])  # what was there before is no case's


def test_what_nvml_and_the_log_both_tell_is_one(library: Path, tmp_path: Path) -> None:
    host = _host(tmp_path)
    found, _ = _events(
        library, host=host, FAKE_XIDS="79.79", KERNEL_SAYS=LINE.format("3b", 79) + LINE.format("3b", 154)
    )
    assert found == [_event("xid", 2, 79), _event("xid", number=154)]


def test_the_log_tells_it_of_a_gpu_on_which_nvml_hangs(library: Path, tmp_path: Path) -> None:
    code = WATCH.replace("host =", "import compat.node.sampler as sampler; sampler._PATIENCE = 0.5\nhost =")
    code += "\nsys.stdout.flush(); os._exit(0)\n"
    found, notes = _events(
        library,
        host=_host(tmp_path),
        code=code,
        FAKE_HANG="60000",
        FAKE_CLOCK="1980",
        KERNEL_SAYS=LINE.format("3b", 79),
    )
    assert found == [_event("xid", number=79)]
    assert notes == ["NVML stopped answering while the case ran"]


def test_a_case_without_gpus_reads_no_log(tmp_path: Path) -> None:
    conditions, notes = call(
        tmp_path, WATCH.replace("sys.argv[2:]", "()"), str(_host(tmp_path)), KERNEL_SAYS=LINE.format("3b", 79)
    )
    assert ("events" not in conditions, notes) == (True, [])

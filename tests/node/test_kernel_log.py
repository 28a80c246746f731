"""Xids in the kernel's log: what is found there, and whose GPU it is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from compat.node.kernel_log import LogEnd, bus_address, read_xids
from tests.node.fake import call, uuid

GPUS = {"0000:3b:00": uuid(0), "0000:3c:00": uuid(1)}
FIRST = "6,1,1000,-;Linux version 6.1.0\n"
LINE = "3,1234,5678901234,-;NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, name=python, GPU has fallen off the bus.\n"


def _host(folder: Path, log: str | None) -> Path:
    if log is not None:
        (folder / "dev").mkdir(exist_ok=True)
        (folder / "dev/kmsg").write_text(log, encoding="utf-8")
    return folder


def test_an_xid_is_read_with_its_gpu_and_its_moment(tmp_path: Path) -> None:
    (found,) = read_xids(GPUS, _host(tmp_path, FIRST + LINE)) or ()
    assert (found.number, found.pci, found.gpu) == (79, "0000:3b:00", uuid(0))
    assert found.message == "pid=1234, name=python, GPU has fallen off the bus."
    assert found.seconds == pytest.approx(5678.901234)


@pytest.mark.parametrize(
    ("said", "number", "gpu"),
    [
        ("NVRM: Xid (PCI:0000:3c:00): 31, pid=7, Ch 00000010, intr 00000000. MMU Fault", 31, uuid(1)),
        ("NVRM: Xid (PCI:0000:3C:00): 13, Graphics Exception", 13, uuid(1)),
        ("NVRM: Xid (0000:3b:00): 43, Ch 00000008", 43, uuid(0)),
        ("NVRM: Xid (PCI:0000:3b:00 GPU-I:05): 94, pid='<unknown>', name=<unknown>, Contained", 94, uuid(0)),
        ("NVRM: Xid (PCI:0000:3b:00): 119, pid=1, name=a, Timeout after 6s of waiting for RPC response", 119, uuid(0)),
        ("NVRM: Xid (PCI:0000:99:00): 79", 79, None),
        ("NVRM: Xid (PCI:00000000:3b:00): 48, An uncorrectable double bit error", 48, uuid(0)),
    ],
)
def test_the_ways_in_which_drivers_write_it(tmp_path: Path, said: str, number: int, gpu: str | None) -> None:
    (found,) = read_xids(GPUS, _host(tmp_path, f"{FIRST}3,9,1000000,-;{said}\n")) or ()
    assert (found.number, found.gpu, found.seconds) == (number, gpu, 1.0)


@pytest.mark.parametrize(
    "said",
    [
        "NVRM: GPU at PCI:0000:3b:00: GPU-1234",
        "nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 28006, Non-fatal, Link 46",
        "audit: a line about NVRM and an Xid of 79",
        "NVRM: Xid (PCI:0000:3b:00): no number",
        "\xff\x00 NVRM",
    ],
)
def test_other_lines_are_none(tmp_path: Path, said: str) -> None:
    assert read_xids(GPUS, _host(tmp_path, f"{FIRST}6,2,3,-;{said}\n")) == ()


def test_a_log_without_xids_has_none_and_one_that_cannot_be_read_is_not_read(tmp_path: Path) -> None:
    assert read_xids(GPUS, _host(tmp_path, FIRST)) == ()
    assert read_xids(GPUS, _host(tmp_path / "none", None)) is None
    assert read_xids(GPUS, _host(tmp_path, "")) is None  # a kernel that has started has said something


def test_only_what_comes_after_is_a_case_s(tmp_path: Path) -> None:
    host = _host(tmp_path, FIRST + LINE)
    end = LogEnd(host)
    with (host / "dev/kmsg").open("a") as log:
        log.write(LINE.replace("79", "48"))
    assert [xid.number for xid in end.since(GPUS) or ()] == [48]
    assert end.since(GPUS) is None  # it was the end of asking
    assert LogEnd(host).since(GPUS) == ()
    assert LogEnd(tmp_path / "none").since(GPUS) is None


def test_this_machine_s_own_log_does_not_hold_anybody_up() -> None:
    end = LogEnd()
    found = end.since(GPUS)
    assert found == () if os.access("/dev/kmsg", os.R_OK) else found in (None, ())


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("00000000:3B:00.0", "0000:3b:00"),
        ("0000:3b:00", "0000:3b:00"),
        ("0001:00:00.0", "0001:00:00"),
        ("00010002:00:1F.0", "10002:00:1f"),
        ("10000:01:00.0", "10000:01:00"),
    ],
)
def test_an_address_is_the_same_however_it_is_written(said: str, address: str) -> None:
    assert bus_address(said) == address


READ = """
import json, pathlib, sys
from compat.model import plain
from compat.node.inventory import read_inventory
from compat.node.problems import problems
from compat.probe.driver import read_driver
host = pathlib.Path(sys.argv[1])
found = read_inventory(read_driver(str(host / "proc/driver/nvidia/version")), host)
print(json.dumps([plain(found), problems(found)]))
"""


def test_the_inventory_has_them_and_says_how_often(library: Path, tmp_path: Path) -> None:
    host = _host(tmp_path, FIRST + LINE + LINE + LINE.replace("3b:00): 79", "99:00): 13"))
    found, wrong = call(library, READ, str(host), FAKE_PENDING="0", FAKE_ECC="0")
    assert [(xid["number"], xid["gpu"]) for xid in found["xids"]] == [(79, uuid(0)), (79, uuid(0)), (13, None)]
    assert wrong == [
        "Xid 13 on 0000:99:00 since the machine was started",
        f"Xid 79 on {uuid(0)} since the machine was started, 2 times",
    ]
    unread, _ = call(library, READ, str(tmp_path / "none"), FAKE_PENDING="0", FAKE_ECC="0")
    assert unread["xids"] is None


# The device may not be read, as by people who are not root; the journal is asked.
JOURNAL = """
import json, sys
from compat.model import plain
from compat.node import kernel_log
kernel_log._device = lambda path: None
print(json.dumps(plain(kernel_log.read_xids(json.loads(sys.argv[1])))))
"""


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("echo '[    0.000000] kernel: Linux version 6.1.0'", []),
        ("echo '[   12.250000] kernel: NVRM: Xid (PCI:0000:3c:00): 48, pid=1'", [(48, uuid(1), 12.25)]),
        ("exit 0", None),  # somebody who may not read the kernel's part is told nothing
        ("exit 1", None),
    ],
)
def test_the_journal_tells_where_the_device_may_not_be_read(
    library: Path, tmp_path: Path, script: str, found: list[tuple[int, str, float]] | None
) -> None:
    program = tmp_path / "journalctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    said = call(library, JOURNAL, json.dumps(GPUS), PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert (said and [(xid["number"], xid["gpu"], xid["seconds"]) for xid in said]) == found

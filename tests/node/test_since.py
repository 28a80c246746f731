from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest

from compat.model import GpuHealth
from compat.model.inventory import EccErrors, GpuFacts, Inventory, NvLink, RemappedRows
from compat.node.kernel_log import read_xids
from compat.node.since import gpu_health, started, what_is_amiss, what_is_new, xids_since

UUID = "GPU-1"
BOOT = datetime.datetime(2027, 1, 31, 12, tzinfo=datetime.UTC)
GPU = GpuFacts(
    0, UUID, "00000000:3b:00.0", ecc_errors=EccErrors(0, 7, 0, 2), remapped_rows=RemappedRows(0, 0, False, False)
)


def after(seconds: float) -> datetime.datetime:
    return BOOT + datetime.timedelta(seconds=seconds)


def logged(folder: Path, *lines: str) -> Inventory:
    """An inventory whose Xids were read from a kernel log with these lines, by seconds after the start."""
    (folder / "dev").mkdir(exist_ok=True)
    (folder / "dev/kmsg").write_text("6,1,1000,-;Linux version 6.1\n" + "".join(f"{line}\n" for line in lines))
    return Inventory("this machine", gpus=(GPU,), xids=read_xids({"0000:3b:00": UUID}, folder))


def xid(number: int, seconds: float) -> str:
    return f"3,9,{int(seconds * 1e6)},-;NVRM: Xid (PCI:0000:3b:00): {number}, pid=1, name=python, words"


def test_xids_after_a_moment_are_told_and_others_are_not(tmp_path: Path) -> None:
    found = logged(tmp_path, xid(79, 100), xid(63, 300), xid(63, 301), xid(13, 302))
    assert xids_since(found, after(200), BOOT) == ["Xid 63 on GPU-1, 2 times, since 2027-01-31T12:03:20+00:00"]
    assert len(xids_since(found, after(50), BOOT)) == 2
    assert xids_since(found, after(400), BOOT) == []


def test_an_xid_without_a_time_may_be_new(tmp_path: Path) -> None:
    found = logged(tmp_path, xid(79, 100))
    (one,) = found.xids or ()
    untimed = replace(found, xids=(replace(one, seconds=None),))
    assert xids_since(untimed, after(500), BOOT) == ["Xid 79 on GPU-1, since 2027-01-31T12:08:20+00:00"]


def test_what_cannot_be_known_of_xids_is_said(tmp_path: Path) -> None:
    found = logged(tmp_path)
    (unread,) = xids_since(replace(found, xids=None), after(0), BOOT)
    assert unread.startswith("Xids were not read: the kernel's log can be read neither by /dev/kmsg nor by journalctl")
    (lost,) = xids_since(found, after(-60), BOOT)
    assert lost.startswith("the node was started again at 2027-01-31T12:00:00+00:00: what its log had said since ")
    (timeless,) = xids_since(found, after(0), None)
    assert "when it was started" in timeless


def test_a_node_without_gpus_has_no_xids() -> None:
    assert xids_since(Inventory("this machine", gpus=()), after(0), None) == []


def test_gpus_that_nobody_can_read_have_xids_all_the_same(tmp_path: Path) -> None:
    found = replace(logged(tmp_path, xid(79, 100)), gpus=None, on_the_bus=("0000:3b:00.0",))
    assert xids_since(found, after(1), BOOT)[0].startswith("Xid 79 on ")


def test_when_the_machine_was_started(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/uptime").write_text("90.50 100.00\n")
    assert started(tmp_path, after(90.5)) == BOOT
    (tmp_path / "proc/uptime").write_text("what\n")
    assert started(tmp_path) is None
    assert started(tmp_path / "nowhere") is None


BEFORE = GpuHealth(UUID, EccErrors(0, 7, 0, 2), RemappedRows(0, 0, False, False), (NvLink(0, True, {"replay": 1}),))


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (BEFORE, []),
        (replace(BEFORE, ecc=EccErrors(5, 12, 0, 2)), []),  # corrected
        (replace(BEFORE, links=(NvLink(0, True, {"replay": 9}),)), []),  # repaired
        (replace(BEFORE, ecc=EccErrors(0, 7, 0, 5)), ["3 uncorrected ECC errors on GPU-1"]),
        (replace(BEFORE, links=(NvLink(0, False),)), ["NVLink 0 of GPU-1 went down"]),
        (replace(BEFORE, rows=RemappedRows(0, 0, True, True)), ["a row of memory of GPU-1 could not be replaced"]),
        (replace(BEFORE, lost=True), ["GPU-1 fell off the bus"]),
        (replace(BEFORE, ecc=None), ["the ECC errors of GPU-1 cannot be read any more"]),
        (replace(BEFORE, links=None), ["the NVLinks of GPU-1 cannot be read any more"]),
        (
            replace(BEFORE, gpu="GPU-2", ecc=EccErrors(0, 0, 1, 1)),
            ["GPU-2 had 1 uncorrected ECC errors since its driver was loaded"],
        ),
    ],
)
def test_what_is_new_between_two_looks(now: GpuHealth, said: list[str]) -> None:
    assert what_is_new([BEFORE], [now]) == said


def test_what_is_amiss_where_nobody_looked_before() -> None:
    assert what_is_amiss([BEFORE]) == []
    assert what_is_amiss([replace(BEFORE, links=(NvLink(0, False), NvLink(1, False)))]) == []  # not linked to another
    assert what_is_amiss([replace(BEFORE, links=(NvLink(0, False), NvLink(1, True)))]) == ["NVLink 0 of GPU-1 is down"]
    (waits,) = what_is_amiss([replace(BEFORE, rows=RemappedRows(0, 1, True, False))])
    assert waits.endswith("waits for a reset to be replaced")


def test_the_health_of_an_inventory() -> None:
    nameless = GpuFacts(index=1, problem="GPU is lost")
    found = gpu_health(Inventory("this machine", gpus=(GPU, nameless)))
    assert found == (GpuHealth(UUID, GPU.ecc_errors, GPU.remapped_rows, None, False),)
    assert gpu_health(Inventory("this machine", gpus=None)) == ()

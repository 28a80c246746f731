"""Locked clocks are given back: on exit, on a kill of the controller, and at the next start after a kill of both."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.model import canonical
from compat.node.clocks import Record
from tests.node.fake import call, environment, uuid
from tests.rig import gone

# The arguments are the folder of the records and the UUIDs. It says "measuring" once, and goes on until it is told.
CONTROLLER = """
import sys
from pathlib import Path
from compat.errors import CompatError
from compat.node.clocks import LockedClocks
try:
    with LockedClocks(1200, sys.argv[2:], Path(sys.argv[1])):
        print("measuring", flush=True)
        word = sys.stdin.readline().strip()
        if word == "fail":
            raise SystemExit(7)
except CompatError as problem:
    print(problem, flush=True)
"""
UNDO = """
import json, sys
from pathlib import Path
from compat.errors import CompatError
from compat.node.clocks import undo_left
try:
    print(json.dumps(undo_left(Path(sys.argv[1]))))
except CompatError as problem:
    print(json.dumps(str(problem)))
"""


class Site:
    """A made-up machine: its library, its log, and the folder of its records."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.library = library
        self.records = folder / "records"
        self.variables = {"FAKE_LOG": str(folder / "log")}
        self._log = folder / "log"
        self.controllers: list[subprocess.Popen[str]] = []

    @property
    def log(self) -> list[str]:
        """What was done to clocks, in order."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [line for line in lines if line != "init"]

    def names(self) -> list[str]:
        """The files in the folder of records."""
        return sorted(path.name for path in self.records.glob("*"))

    def guardian(self, index: int = 0) -> int:
        """The process that the record of a GPU names."""
        return int(json.loads((self.records / f"locked-clocks-{uuid(index)}.json").read_text())["pid"])

    def controller(self, *indexes: int, **variables: str) -> subprocess.Popen[str]:
        """A controller that measures with locked clocks; its first line is still to be read."""
        command = [sys.executable, "-c", CONTROLLER, str(self.records), *map(uuid, indexes)]
        env = environment(self.library, **self.variables, **variables)
        process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.controllers.append(process)
        return process

    def measuring(self, *indexes: int, **variables: str) -> subprocess.Popen[str]:
        """A controller that has locked its clocks."""
        process = self.controller(*indexes, **variables)
        assert process.stdout is not None
        assert process.stdout.readline() == "measuring\n"
        return process

    def undo(self, **variables: str) -> list[str] | str:
        """What the next start undoes, or says."""
        found: list[str] | str = call(self.library, UNDO, str(self.records), **self.variables, **variables)
        return found

    def kill_both(self, controller: subprocess.Popen[str], guardian: int) -> None:
        """Leave the clocks locked."""
        for pid in (guardian, controller.pid):
            os.kill(pid, signal.SIGKILL)
        controller.wait()
        assert gone(guardian)


@pytest.fixture
def site(library: Path, tmp_path: Path) -> Iterator[Site]:
    site = Site(library, tmp_path)
    yield site
    for process in site.controllers:
        process.kill()
        process.communicate()


def _wait_for(site: Site, log: list[str]) -> None:
    until = time.monotonic() + 20
    while site.log != log:
        assert time.monotonic() < until, site.log
        time.sleep(0.02)


LOCK = [f"lock {uuid(index)} 1200 1200" for index in range(2)]
RESET = [f"reset {uuid(index)}" for index in range(2)]


def test_clocks_are_locked_while_measuring_and_reset_afterwards(site: Site) -> None:
    process = site.measuring(0, 1)
    assert site.log == LOCK
    assert site.names() == [f"locked-clocks-{uuid(index)}.json" for index in range(2)]
    guardian = site.guardian()
    assert os.getsid(guardian) == guardian  # a Ctrl-C does not reach it
    process.communicate("go on\n")
    assert process.returncode == 0
    assert site.log == LOCK + RESET  # before the controller ended
    assert site.names() == []
    assert gone(guardian)


def test_only_the_gpus_that_were_named_are_touched(site: Site) -> None:
    site.measuring(1).communicate("go on\n")
    assert site.log == [LOCK[1], RESET[1]]


def test_an_error_while_measuring_gives_the_clocks_back(site: Site) -> None:
    process = site.measuring(0)
    process.communicate("fail\n")
    assert process.returncode == 7
    assert site.log == [LOCK[0], RESET[0]]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_controller_that_is_killed_has_its_clocks_reset(site: Site, number: signal.Signals) -> None:
    process = site.measuring(0, 1)
    guardian = site.guardian()
    process.send_signal(number)
    process.wait(20)
    _wait_for(site, LOCK + RESET)
    assert gone(guardian)
    assert site.names() == []


def test_the_guardian_outlives_the_signals_that_end_a_session(site: Site) -> None:
    process = site.measuring(0)
    guardian = site.guardian()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        os.kill(guardian, number)
    assert not gone(guardian, within=0.3)
    assert site.log == [LOCK[0]]
    process.communicate("go on\n")
    assert site.log == [LOCK[0], RESET[0]]


def test_a_controller_whose_guardian_was_killed_resets_by_itself(site: Site) -> None:
    process = site.measuring(0)
    os.kill(site.guardian(), signal.SIGKILL)
    process.communicate("go on\n")
    assert process.returncode == 0
    assert site.log == [LOCK[0], RESET[0]]
    assert site.names() == []


# -- the next start ----------------------------------------------------------------------------------------------------


def test_what_a_killed_guardian_left_is_undone_once(site: Site) -> None:
    process = site.measuring(0)
    site.kill_both(process, site.guardian())
    assert site.log == [LOCK[0]]
    assert site.undo() == [uuid(0)]
    assert site.log == [LOCK[0], RESET[0]]
    assert site.undo() == []
    assert site.log == [LOCK[0], RESET[0]]
    assert site.names() == []


def test_what_a_living_run_holds_is_left_alone(site: Site) -> None:
    living = site.measuring(1)
    killed = site.measuring(0)
    site.kill_both(killed, site.guardian(0))
    assert site.undo() == [uuid(0)]
    assert site.log == [LOCK[1], LOCK[0], RESET[0]]
    assert site.names() == [f"locked-clocks-{uuid(1)}.json"]
    living.communicate("go on\n")
    assert site.log[3:] == [RESET[1]]


def test_a_process_that_took_the_guardian_s_number_is_no_guardian(site: Site) -> None:
    site.kill_both(site.measuring(0), site.guardian())
    record = site.records / f"locked-clocks-{uuid(0)}.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "pid": os.getpid()}))
    assert site.undo() == [uuid(0)]


@pytest.mark.parametrize(("index", "names"), [(0, []), (7, [f"locked-clocks-{uuid(7)}.json"])])
def test_a_record_of_another_boot_resets_nothing(site: Site, index: int, names: list[str]) -> None:
    """Ours goes away, since the clocks are free again; one of a GPU that is not here is another machine's."""
    site.records.mkdir()
    record = Record(uuid(index), 1200, "another boot", 4711)
    (site.records / f"locked-clocks-{uuid(index)}.json").write_text(canonical(record))
    assert site.undo() == []
    assert site.log == []
    assert site.names() == names


def test_clocks_that_cannot_be_reset_are_said_and_stay_on_record(site: Site) -> None:
    site.kill_both(site.measuring(0), site.guardian())
    names = site.names()
    said = site.undo(FAKE_NO_PERMISSION="1")
    assert said == (
        f"clocks of {uuid(0)}: a run that was killed left them locked at 1200 MHz, and they cannot be reset:"
        f" Insufficient Permissions; say as root: nvidia-smi -i {uuid(0)} --reset-gpu-clocks,"
        f" and then remove {site.records / names[0]}"
    )
    assert site.names() == names
    assert site.undo(FAKE_INIT="9") == said.replace("Insufficient Permissions", "NVML does not start on this node")
    assert site.undo() == [uuid(0)]


def test_clocks_that_cannot_be_reset_at_the_end_are_said(site: Site) -> None:
    process = site.controller(0, FAKE_LOST_LATER="-1")
    assert process.stdout is not None
    assert process.stdout.readline() == "measuring\n"
    os.kill(site.guardian(), signal.SIGKILL)
    record = site.records / site.names()[0]
    record.write_text(record.read_text().replace(uuid(0), uuid(9)))  # a GPU that is not there any more
    said, _ = process.communicate("go on\n")
    assert said.startswith(f"clocks of {uuid(9)}: a run that was killed left them locked at 1200 MHz")


def test_a_file_that_is_no_record_is_one_line(site: Site) -> None:
    site.records.mkdir()
    path = site.records / f"locked-clocks-{uuid(0)}.json"
    for text in ("", "{", "[]", '{"gpu": 1}'):
        path.write_text(text)
        assert site.undo() == f"{path}: is no record of ours; remove it"
    assert site.log == []


def test_a_start_without_records_writes_nothing(site: Site) -> None:
    assert site.undo() == []
    assert not site.records.exists()


# -- refusals ----------------------------------------------------------------------------------------------------------


def _said(site: Site, *indexes: int, **variables: str) -> str:
    process = site.controller(*indexes, **variables)
    said, _ = process.communicate()
    assert len(said.splitlines()) == 1
    return said.strip()


def test_without_the_right_to_lock_it_is_one_line(site: Site) -> None:
    assert _said(site, 0, FAKE_NO_PERMISSION="1") == (
        f"clocks: cannot be locked: {uuid(0)} at 1200 MHz: Insufficient Permissions;"
        " be root, or measure without locking them"
    )
    assert (site.log, site.names()) == ([], [])


def test_all_are_locked_or_none(site: Site) -> None:
    assert "Not Supported" in _said(site, 0, 1, FAKE_NO_LOCK="1")
    assert site.log == [LOCK[0], RESET[0]]
    assert site.names() == []


@pytest.mark.parametrize(
    ("indexes", "variables", "reason"),
    [
        ((), {}, "no case runs on a GPU of this node"),
        ((0,), {"FAKE_INIT": "9"}, "NVML does not start on this node"),
        ((9,), {}, "Not Found"),
    ],
)
def test_without_a_gpu_it_is_one_line(
    site: Site, indexes: tuple[int, ...], variables: dict[str, str], reason: str
) -> None:
    said = _said(site, *indexes, **variables)
    assert said.startswith("clocks: cannot be locked: ")
    assert reason in said
    assert (site.log, site.names()) == ([], [])


def test_two_runs_do_not_lock_one_gpu(site: Site) -> None:
    first = site.measuring(0)
    assert f"another run has locked those of {uuid(0)}" in _said(site, 1, 0)
    assert site.log == [LOCK[0], LOCK[1], RESET[1]]
    first.communicate("go on\n")
    assert site.log[3:] == [RESET[0]]


def test_a_folder_that_cannot_keep_records_is_one_line(site: Site) -> None:
    site.records.write_text("a file")
    assert _said(site, 0).startswith(f"{site.records}: cannot keep the records of locked clocks: ")
    assert site.log == []

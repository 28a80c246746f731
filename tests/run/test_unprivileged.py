"""In place, as a user without rights: no cgroup, nobody else's files. What cannot be bounded is in the evidence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.model import Arm, digest
from compat.store import Store
from compat.way import conclude
from tests.example import write_example
from tests.probe.test_harm import BOMB
from tests.unprivileged import NOBODY, as_nobody, nobodys_folder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    with nobodys_folder() as made:
        yield made


def _execute(folder: Path, *command: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """Execute a command as a user without rights, whose folder that is."""
    (folder / "tmp").mkdir()
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
        "COLUMNS": "80",
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder / "tmp"),
    }
    return subprocess.run(
        as_nobody(command), cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=seconds
    )


def _left(folder: Path) -> list[int]:
    """The processes whose temporary files would be in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder / "tmp").encode() in variables:
            found.append(int(process.name))
    return found


def test_a_run_of_a_user_without_rights_says_what_is_not_bounded(folder: Path) -> None:
    write_example(folder, add="1")
    done = _execute(folder, sys.executable, "-m", "compat", "run", "example.yaml", "--content", "site")
    assert (done.returncode, done.stderr) == (1, ""), done.stdout
    store = Store(folder / "out" / "example")
    if os.getuid() == 0:
        assert store.root.stat().st_uid == NOBODY
    evidence = store.evidence(digest(store.plan()))
    assert {record.arm for record in evidence} == set(Arm)
    said = (
        "not bounded here: the network, files of the user, memory of all processes together (each one is bounded), "
        "the number of processes beyond that of the user; a case could end its probe"
    )
    assert all(said in record.notes for record in evidence)
    assert not any(record.fault for record in evidence)
    verdict = conclude(store).verdict
    worse = {c.item.rpartition("/")[2] for c in verdict.comparisons if c.status.value == "regress"}
    assert worse == {"operator:adder[two]"}
    assert _left(folder) == []
    assert list((folder / "tmp").iterdir()) == []


# A case that goes on to start processes; then what its fault was, and seconds until its probe was closed.
BOMBED = """
import json, sys, time
from pathlib import Path
from compat.model import Runtime
from compat.run.in_place import InPlaceRuntime
from tests.rig import Rig, make_folders
folders = make_folders(Path(sys.argv[1]))
rig = Rig(InPlaceRuntime(Runtime("here"), folders), folders)
begin = time.monotonic()
result = rig.work(sys.argv[2], timeout=2.0)
kind = result.fault.kind.value
rig.is_as_new()
rig.close()
print(json.dumps([kind, time.monotonic() - begin]))
"""


def test_a_fork_bomb_of_a_user_without_rights_is_ended(folder: Path) -> None:
    begin = time.monotonic()
    done = _execute(folder, sys.executable, "-c", BOMBED, str(folder), BOMB.format(most=4000))
    assert done.returncode == 0, done.stderr[-2000:]
    kind, seconds = json.loads(done.stdout)
    assert kind in ("hang", "infrastructure")  # who has no more rights than a bomb may get too little time to say so
    assert seconds < 36  # each of it ends by itself after 40 s
    assert _left(folder) == []
    assert list((folder / "tmp").iterdir()) == []
    assert time.monotonic() - begin < 60

"""The store on a disk that is full or locked, and with several writers at once."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.errors import StoreError
from compat.model import digest
from compat.store import Store
from compat.store.verify import verify

from .build import EVIDENCE, PLAN, every_file, evidence, one_line
from .full import take


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB; tests that use it may fill it or mount it read-only."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_loses_what_it_could_not_take_and_nothing_else(small_disk: Path) -> None:
    store = Store(small_disk / "store", create=True)
    written = 0

    def fill() -> None:
        nonlocal written
        while written < 1000:
            store.put_evidence(evidence(pair=written))
            written += 1

    with pytest.raises(StoreError) as refused:
        fill()
    assert "No space left" in one_line(refused)
    assert 0 < written < 1000
    assert [record.pair for record in Store(store.root).evidence(EVIDENCE.plan)] == list(range(written))
    assert not [name for name in every_file(store) if ".new-" in name]
    data = b"x" * 100_000
    with pytest.raises(StoreError):
        store.put_blob(data)
    with pytest.raises(StoreError):
        store.blob(digest(data))
    min((store.root / "evidence" / EVIDENCE.plan / "n1").iterdir()).unlink()
    store.put_evidence(evidence(pair=written))  # room again


def test_a_full_disk_leaves_a_log_as_it_was(small_disk: Path) -> None:
    store = Store(small_disk / "store", create=True)
    written = [take(store), take(store)]
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 512):
            pass
    with pytest.raises(StoreError) as refused:
        take(store)
    assert "No space left" in one_line(refused)
    assert Store(store.root).lease("n1").entries() == tuple(written)
    filler.unlink()
    written.append(take(store))
    assert Store(store.root).lease("n1").entries() == tuple(written)
    assert verify(store, print).problems == 0


def test_a_read_only_disk_is_refused_for_writing_and_read(small_disk: Path) -> None:
    store = Store(small_disk / "store", create=True)
    store.put_evidence(EVIDENCE)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert Store(store.root, create=True).evidence(EVIDENCE.plan) == [EVIDENCE]
    for put in (lambda: store.put_evidence(EVIDENCE), lambda: store.put_blob(b"x"), lambda: store.put_plan(PLAN)):
        with pytest.raises(StoreError) as refused:
            put()
        assert "Read-only" in one_line(refused)
    with pytest.raises(StoreError) as refused:
        Store(small_disk / "another", create=True)
    one_line(refused)


WRITER = """
import sys
from pathlib import Path
from compat.store import Store
from {package}.build import IDENTITY, NODE, PLAN, evidence

store = Store(Path(sys.argv[1]), create=True)
for number in range(60):
    store.put_plan(PLAN), store.put_identity(IDENTITY), store.put_node(NODE)
    store.put_blob(b"blob %d" % (number % 7))
    store.put_evidence(evidence(runtime=sys.argv[2], pair=number))
"""


def test_two_writers_at_once_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    code = WRITER.format(package=__package__)
    folder = Path(__file__).parents[len(__package__.split("."))]
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "store"), name], cwd=folder) for name in "abc"
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    store = Store(tmp_path / "store")
    found = [(record.runtime, record.pair) for record in store.evidence(EVIDENCE.plan)]
    assert sorted(found) == [(name, pair) for name in "abc" for pair in range(60)]
    for name in "abc":  # each writer's records are in the order in which it wrote them
        assert [pair for writer, pair in found if writer == name] == list(range(60))
    names = [path.name for path in sorted((store.root / "evidence" / EVIDENCE.plan / "n1").iterdir())]
    assert len(names) == 180  # two writers may take the same number at once, and never the same name
    assert sum(1 for path in (store.root / "blobs").rglob("*") if path.is_file()) == 7
    assert (len(store.plan_digests()), len(store.identities()), len(store.nodes())) == (1, 1, 1)

"""Many files at once: each is whole or not there, and none has its name before it is on the disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from compat.errors import StoreError
from compat.store import folder
from compat.store.folder import FolderObjects

MANY = [(f"a/{number % 3}/{number:03d}", bytes([number])) for number in range(10)]


@pytest.fixture
def objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderObjects:
    """A folder that synchronises four files at a time."""
    monkeypatch.setattr(folder, "_FILES", 4)
    return FolderObjects(tmp_path)


def test_all_are_there_and_what_was_there_stays(objects: FolderObjects) -> None:
    assert objects.put("a/1/004", b"before")
    assert objects.put_many(iter(MANY)) == 9
    assert objects.names("") == sorted(name for name, _ in MANY)
    assert {name: objects.get(name) for name, _ in MANY} == dict(MANY) | {"a/1/004": b"before"}
    assert objects.put_many(MANY) == 0
    assert objects.put_many([]) == 0
    assert not list(objects.root.rglob(".new-*"))


def test_no_file_has_its_name_before_it_is_on_the_disk(objects: FolderObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    named, really = [], folder._synchronise

    def synchronise(place: Path) -> None:
        named.append(len(objects.names("")))
        really(place)
        assert len(objects.names("")) == named[-1]

    monkeypatch.setattr(folder, "_synchronise", synchronise)
    objects.put_many(MANY)
    assert named == [0, 4, 8]


def test_what_the_disk_refuses_has_no_name_and_leaves_nothing(
    objects: FolderObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(folder, "_synchronise", full)
    with pytest.raises(StoreError, match="cannot be written: No space left on device"):
        objects.put_many(MANY)
    assert [path for path in objects.root.rglob("*") if path.is_file()] == []


def test_much_is_synchronised_before_it_is_many(objects: FolderObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    times = []
    monkeypatch.setattr(folder, "_BYTES", 2)
    monkeypatch.setattr(folder, "_synchronise", lambda place: times.append(place))
    objects.put_many(MANY)
    assert len(times) == 5


def test_names_come_in_order_folder_by_folder(objects: FolderObjects) -> None:
    names = ["a-b/x", "a.c", "a/b/x", "a/b-c", "b"]
    objects.put_many([(name, b"") for name in names])
    assert list(objects.each("")) == objects.names("") == sorted(names)
    assert list(objects.each("a")) == ["a/b-c", "a/b/x"]
    assert list(objects.each("none")) == list(objects.each("b")) == []

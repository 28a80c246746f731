"""Logs: one entry for each number, each naming the one before it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from compat.errors import StoreError
from compat.model import SCHEMA_VERSION, Lease
from compat.store import Store


def lease(number: int, previous: str, action: str = "take") -> Lease:
    return Lease(SCHEMA_VERSION, "n1", number, previous, action, "torch", "me", "2026-11-20T12:00:00+00:00")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", create=True)


def test_entries_come_back_in_order(store: Store) -> None:
    log = store.lease("n1")
    written = [log.append(lease), log.append(lambda n, p: lease(n, p, "release")), log.append(lease)]
    assert store.lease("n1").entries() == tuple(written)
    assert [entry.number for entry in written] == [1, 2, 3]
    assert store.lease("n2").entries() == ()


def test_who_has_not_seen_the_last_entry_appends_nothing(store: Store) -> None:
    log = store.lease("n1")
    log.append(lease, seen=0)
    for seen in (0, 2):
        with pytest.raises(StoreError, match="since we looked; look at what it says, and decide again"):
            log.append(lease, seen=seen)
    assert len(log.entries()) == 1


def test_of_two_who_have_seen_the_same_one_wins(store: Store) -> None:
    def slow(number: int, previous: str) -> Lease:
        store.lease("n1").append(lease)  # somebody else, meanwhile
        return lease(number, previous, "release")

    with pytest.raises(StoreError, match="has an entry 1 since we looked"):
        store.lease("n1").append(slow)
    assert [entry.action for entry in store.lease("n1").entries()] == ["take"]


def test_a_log_with_a_gap_or_another_past_is_refused(store: Store) -> None:
    log = store.lease("n1")
    for _ in range(3):
        log.append(lease)
    folder = store.root / "leases/n1"
    second = (folder / "000002.json").read_bytes()
    (folder / "000002.json").unlink()
    with pytest.raises(StoreError, match="is not entry 2 of its log: one before it is missing, or was changed"):
        log.entries()
    (folder / "000002.json").write_bytes(second + b"\n")
    with pytest.raises(StoreError, match="is not entry 3 of its log"):
        log.entries()
    (folder / "000002.json").write_bytes(second.replace(b"torch", b"torcs"))
    with pytest.raises(StoreError, match="is not entry 3 of its log"):
        log.entries()


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_torn_entry_is_refused_and_nothing_is_appended_to_it(store: Store, cut: int) -> None:
    log = store.lease("n1")
    log.append(lease)
    path = store.root / "leases/n1/000001.json"
    path.write_bytes(path.read_bytes()[:cut])
    for act in (log.entries, lambda: log.append(lease)):
        with pytest.raises(StoreError, match="is torn or not ours"):
            act()
    assert not (store.root / "leases/n1/000002.json").exists()


def test_the_last_entry_has_no_other_after_it_and_is_held_to_its_sum(store: Store) -> None:
    log = store.lease("n1")
    log.append(lease)
    path = store.root / "leases/n1/000001.json"
    whole = path.read_bytes()
    for changed in (whole.replace(b'"take"', b'"tale"'), whole + b" ", whole.replace(b'"me"', b'"you"')):
        path.write_bytes(changed)
        for act in (log.entries, lambda: log.append(lease)):
            with pytest.raises(StoreError, match="is not what was written: its content was changed"):
                act()
    path.write_bytes(whole)
    assert len(log.entries()) == 1


def test_an_entry_of_a_newer_version_is_refused(store: Store) -> None:
    log = store.lease("n1")
    log.append(lambda number, previous: replace(lease(number, previous), schema_version=SCHEMA_VERSION + 1))
    for act in (log.entries, lambda: log.append(lease)):
        with pytest.raises(StoreError, match=f"has schema version {SCHEMA_VERSION + 1}, this version reads"):
            act()


def test_an_appender_that_was_killed_before_its_entry_is_no_entry(store: Store) -> None:
    log = store.lease("n1")
    log.append(lease)
    sums = store.root / "sums/leases/n1/000002.json"
    sums.mkdir()
    (sums / ("0" * 64)).touch()
    log.append(lambda number, previous: lease(number, previous, "release"))
    assert [entry.action for entry in store.lease("n1").entries()] == ["take", "release"]

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from compat.errors import StoreError, UsageError
from compat.model import digest
from compat.store import Store
from compat.store.attestations import attestations, find_verdict, put_attestation
from compat.store.verify import verify

from .build import VERDICT, every_file, one_line


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", create=True)


def test_statements_are_kept_under_what_they_are_about(store: Store) -> None:
    about, other = "1" * 64, "2" * 64
    names = [put_attestation(store, about, data) for data in (b"one", b"two", b"one")]
    assert names[0] == names[2] == f"attestations/{about}/{digest(b'one')}.json"
    put_attestation(store, other, b"one")
    assert attestations(store, about) == {names[0]: b"one", names[1]: b"two"}
    assert attestations(store, "3" * 64) == {}
    assert len(every_file(store)) == 4


def test_a_verdict_is_found_by_the_beginning_of_its_digest(store: Store) -> None:
    store.put_verdict(VERDICT)
    other = replace(VERDICT, ring="early")
    store.put_verdict(other)
    for verdict in (VERDICT, other):
        name = digest(verdict)
        for length in (8, 16, 17, 40, 64):
            assert find_verdict(store, name[:length]) == (verdict, name)
            assert find_verdict(store, name[:length].upper()) == (verdict, name)


def test_a_verdict_of_a_store_from_before_there_were_rings_is_found(store: Store) -> None:
    name = digest(VERDICT)
    store.objects.put(f"verdicts/{name}.json", store.text(VERDICT))
    assert find_verdict(store, name[:5]) == find_verdict(store, name) == (VERDICT, name)


@pytest.mark.parametrize("start", ["", "x", "0" * 64, "..", "*"])
def test_a_beginning_of_none_is_refused(store: Store, start: str) -> None:
    store.put_verdict(VERDICT)
    with pytest.raises(UsageError, match="has 0 verdicts whose digest begins with"):
        find_verdict(store, start)


def test_a_beginning_of_several_is_refused(store: Store) -> None:
    by_letter: dict[str, int] = {}
    for number in range(17):
        letter = store.put_verdict(replace(VERDICT, reasons=(str(number),)))[0]
        by_letter[letter] = by_letter.get(letter, 0) + 1
    several = max(by_letter, key=lambda letter: by_letter[letter])
    with pytest.raises(UsageError, match=f"has {by_letter[several]} verdicts .* give more of the digest"):
        find_verdict(store, several)


def test_the_end_of_a_digest_counts_too(store: Store) -> None:
    name = store.put_verdict(VERDICT)
    with pytest.raises(UsageError, match="has 0 verdicts whose digest begins with"):
        find_verdict(store, name[:-1] + ("0" if name[-1] != "0" else "1"))


def test_a_verdict_that_was_changed_is_found_to_be(store: Store) -> None:
    name = store.put_verdict(VERDICT)
    (path,) = (store.root / "verdicts").rglob("*.json")
    path.write_bytes(path.read_bytes().replace(b"slower", b"faster"))
    with pytest.raises(StoreError) as refused:
        find_verdict(store, name)
    assert "is not what its name says: its content was changed" in one_line(refused)


def test_verify_looks_at_them(store: Store) -> None:
    name = put_attestation(store, "1" * 64, b"one")
    said: list[str] = []
    assert verify(store, said.append).counts["attestations"] == 1
    assert said == []
    (store.root / name).write_bytes(b"two")
    (store.root / "attestations/other.json").write_bytes(b"{}")
    assert verify(store, said.append).problems == 2
    assert sorted(said) == [
        f"{name}: is not what its name says: its content was changed",
        "attestations/other.json: is not a document of a store",
    ]


def test_a_bucket_keeps_them_as_a_folder_does(place: str) -> None:
    store = Store(place, create=True)
    name = store.put_verdict(VERDICT)
    kept = put_attestation(store, name, b"one")
    again = Store(place)
    assert attestations(again, name) == {kept: b"one"}
    assert find_verdict(again, name[:12]) == (VERDICT, name)
    assert verify(again, print).counts["attestations"] == 1

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from compat.errors import StoreError
from compat.model import SCHEMA_VERSION, Conditions, EventKind, HealthEvent, canonical, digest
from compat.store import Store

from .build import EVIDENCE, IDENTITY, NODE, PLAN, VERDICT, every_file, evidence, one_line


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", create=True)


def test_everything_comes_back_equal(store: Store) -> None:
    assert store.put_plan(PLAN) == digest(PLAN)
    assert store.put_identity(IDENTITY) == digest(IDENTITY)
    store.put_node(NODE)
    store.put_evidence(EVIDENCE)
    store.put_evidence(evidence(fault=None, pair=5))
    assert store.put_verdict(VERDICT) == digest(VERDICT)
    again = Store(store.root)
    assert again.plan() == again.plan(digest(PLAN)) == again.plan(digest(PLAN)[:6]) == PLAN
    assert again.plan_digests() == (digest(PLAN),)
    assert again.identities() == {digest(IDENTITY): IDENTITY}
    assert again.nodes() == {"n1": NODE}
    assert again.evidence(digest(PLAN)) == [EVIDENCE, evidence(fault=None, pair=5)]
    assert again.verdicts() == [VERDICT]
    assert again.evidence("0" * 64) == []


@pytest.mark.parametrize("data", [b"", b"\x00\xff\n", bytes(range(256)) * 5000])
def test_bytes_come_back_equal(store: Store, data: bytes) -> None:
    name = store.put_blob(data)
    assert name == digest(data) == store.put_blob(data)
    assert Store(store.root).blob(name) == data
    assert every_file(store) == [f"blobs/sha256/{name[:2]}/{name}", "store.json"]


def test_every_float_comes_back_to_its_last_bit(store: Store) -> None:
    numbers = random.Random(1)  # noqa: S311 - test values
    samples = tuple(numbers.uniform(0, 1) * 10.0 ** numbers.randint(-300, 300) for _ in range(2000))
    measured = replace(EVIDENCE.measurements[0], samples=samples)
    store.put_evidence(evidence(measurements=(measured,)))
    (found,) = store.evidence(EVIDENCE.plan)
    assert found.measurements[0].samples == samples


def test_what_is_written_stays_as_it_is(store: Store) -> None:
    for put in (store.put_plan, store.put_plan):
        put(PLAN)
    path = store.root / store.put_evidence(EVIDENCE)
    before = path.read_bytes()
    assert store.put_evidence(evidence(pair=9)) != path
    assert path.read_bytes() == before
    assert [record.pair for record in store.evidence(EVIDENCE.plan)] == [4, 9]


def test_evidence_is_numbered_in_the_order_written_even_across_a_gap(store: Store) -> None:
    paths = [store.root / store.put_evidence(evidence(pair=pair)) for pair in range(4)]
    assert [path.name[:7] for path in paths] == ["000000-", "000001-", "000002-", "000003-"]
    assert [path.stem[7:] for path in paths] == [digest(record)[:16] for record in store.evidence(EVIDENCE.plan)]
    paths[1].unlink()
    assert "/000004-" in store.put_evidence(evidence(pair=4))
    assert [record.pair for record in store.evidence(EVIDENCE.plan)] == [0, 2, 3, 4]


def test_the_newest_plan_is_the_one_meant(store: Store) -> None:
    other = replace(PLAN, name="other")
    store.put_plan(PLAN)
    store.put_plan(other)
    os.utime(store.root / "plans" / f"{digest(PLAN)}.json", ns=(1, 1))
    assert store.plan() == other
    assert store.plan_digests() == (digest(PLAN), digest(other))


def test_a_clock_that_was_set_back_makes_no_plan_older(store: Store) -> None:
    plans = [replace(PLAN, name=str(number)) for number in range(5)]
    for number, plan in enumerate(plans):
        name = store.put_plan(plan)
        os.utime(store.root / "plans" / f"{name}.json", ns=(10**18 - number, 10**18 - number))
    assert store.plan() == plans[-1]
    assert store.plan_digests() == tuple(map(digest, plans))
    store.put_plan(plans[0])  # a run that goes on
    assert store.plan() == plans[-1]


def test_plans_of_an_older_store_keep_the_order_of_their_age(store: Store) -> None:
    plans = [replace(PLAN, name=str(number)) for number in range(3)]
    for number, plan in enumerate(plans):
        name = store.put_plan(plan)
        os.utime(store.root / "plans" / f"{name}.json", ns=(10**18 + number, 10**18 + number))
    shutil.rmtree(store.root / "order")
    assert store.plan_digests() == tuple(map(digest, plans))
    newer = replace(PLAN, name="newer")
    name = store.put_plan(newer)
    os.utime(store.root / "plans" / f"{name}.json", ns=(1, 1))
    assert store.plan_digests() == (*map(digest, plans), name)
    other = store.root / "plans" / f"{digest(replace(PLAN, name='other'))}.json"
    other.write_text(canonical(replace(PLAN, name="other")))  # by a gpu-compat that keeps no order
    assert store.plan().name == "other"
    os.utime(other, ns=(1, 1))
    assert store.plan() == newer


def test_a_plan_that_was_stored_before_its_nouns_got_more_fields_is_read(store: Store) -> None:
    """As it was written in November 2026: without coverage, levels, cells; its name is the digest of that text."""
    text = canonical(PLAN)
    name = "4915024dfabe9ff5e059cedf78d5d937f857cae200082779a79996c74e0d77f9"
    assert not [word for word in ("coverage", "level", "remedy", "windows", "cuda_compat") if f'"{word}"' in text]
    folder = store.root / "plans"
    folder.mkdir()
    (folder / f"{name}.json").write_text(text)
    assert store.plan(name) == PLAN


def test_no_plan_and_several_plans(store: Store) -> None:
    with pytest.raises(StoreError) as refused:
        store.plan()
    assert "holds no plan" in one_line(refused)
    with pytest.raises(StoreError, match="has 0 plans"):
        store.plan("ab")
    by_letter: dict[str, int] = {}
    for number in itertools.count():
        name = store.put_plan(replace(PLAN, name=str(number)))
        by_letter[name[0]] = by_letter.get(name[0], 0) + 1
        if by_letter[name[0]] == 2:
            break
    with pytest.raises(StoreError) as refused:
        store.plan(name[0])
    assert "has 2 plans" in one_line(refused)


# -- what was changed behind our back ----------------------------------------------------------------------------------

READERS: dict[str, tuple[Callable[[Store], object], str]] = {
    "plan": (lambda store: store.plan(), f"plans/{digest(PLAN)}.json"),
    "identity": (lambda store: store.identities(), f"identities/{digest(IDENTITY)}.json"),
    "verdict": (
        lambda store: store.verdicts(),
        f"verdicts/{VERDICT.plan}/{VERDICT.ring}/000000-{digest(VERDICT)[:16]}.json",
    ),
    "node": (lambda store: store.nodes(), "nodes/n1.json"),
    "evidence": (
        lambda store: store.evidence(EVIDENCE.plan),
        f"evidence/{digest(PLAN)}/n1/000000-{digest(EVIDENCE)[:16]}.json",
    ),
}
BY_DIGEST = ("plan", "identity", "verdict")
HELD = (*BY_DIGEST, "node")  # to their names, or to a sum


@pytest.fixture
def full(store: Store) -> Store:
    store.put_plan(PLAN)
    store.put_identity(IDENTITY)
    store.put_verdict(VERDICT)
    store.put_node(NODE)
    store.put_evidence(EVIDENCE)
    return store


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("cut", [0, 1, 0.5, -1], ids=["empty", "one byte", "half", "all but one byte"])
def test_a_torn_document_is_found(full: Store, kind: str, cut: float) -> None:
    read, name = READERS[kind]
    path = full.root / name
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * cut) if isinstance(cut, float) else cut])
    with pytest.raises(StoreError) as refused:
        read(full)
    assert "torn" in one_line(refused)
    assert path.name in str(refused.value)


@pytest.mark.parametrize("kind", HELD)
def test_a_changed_byte_is_found(full: Store, kind: str) -> None:
    read, name = READERS[kind]
    path = full.root / name
    data = path.read_bytes()
    old, new = {"identity": (b"2.2.6", b"2.2.7"), "node": (b"570.1", b"570.2")}.get(kind, (b"0.1.0", b"0.1.1"))
    changed = data.replace(old, new)
    assert changed != data
    path.write_bytes(changed)
    with pytest.raises(StoreError) as refused:
        read(full)
    assert "not what its name says" in one_line(refused)


def test_a_changed_or_lost_blob_is_found(store: Store) -> None:
    name = store.put_blob(b"some bytes")
    path = store.root / "blobs" / "sha256" / name[:2] / name
    path.write_bytes(b"Some bytes")
    with pytest.raises(StoreError) as refused:
        store.blob(name)
    assert "not what its name says" in one_line(refused)
    path.unlink()
    with pytest.raises(StoreError) as refused:
        store.blob(name)
    assert "cannot be read" in one_line(refused)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("text", ["[]", "null", '{"a": 1}', "\\xff"], ids=["list", "null", "other", "not JSON"])
def test_a_document_that_is_not_ours_is_found(full: Store, kind: str, text: str) -> None:
    read, name = READERS[kind]
    (full.root / name).write_text(text, encoding="utf-8")
    with pytest.raises(StoreError) as refused:
        read(full)
    assert "not ours" in one_line(refused)


@pytest.mark.parametrize("kind", ["plan", "verdict", "evidence"])
def test_a_document_of_another_schema_version_is_refused(full: Store, kind: str) -> None:
    read, name = READERS[kind]
    path = full.root / name
    document = json.loads(path.read_bytes())
    path.unlink()
    document["schema_version"] = SCHEMA_VERSION + 1
    renamed = path.with_stem(digest(document)) if kind in BY_DIGEST else path
    renamed.write_text(canonical(document), encoding="utf-8")
    with pytest.raises(StoreError) as refused:
        read(full)
    assert f"has schema version {SCHEMA_VERSION + 1}" in one_line(refused)


def test_a_record_from_before_there_were_events_is_read_and_keeps_its_name(store: Store) -> None:
    path = store.root / store.put_evidence(EVIDENCE)
    older = json.loads(path.read_bytes())
    assert older["conditions"] == {"load": None, "governor": None, "throttle": []}  # as it was written then
    happened = Conditions(events=(HealthEvent(EventKind.XID, "GPU-1", 2, 79), HealthEvent(EventKind.LOST, "GPU-2")))
    store.put_evidence(evidence(conditions=happened))
    again = Store(store.root).evidence(digest(PLAN))
    assert [record.conditions for record in again] == [Conditions(), happened]


def test_half_written_files_of_a_killed_writer_are_not_documents(full: Store) -> None:
    folder = full.root / "evidence" / EVIDENCE.plan / "n1"
    (folder / ".new-abc").write_bytes(canonical(EVIDENCE).encode()[:100])
    assert full.evidence(EVIDENCE.plan) == [EVIDENCE]
    assert "/000001-" in full.put_evidence(evidence(pair=5))


@pytest.mark.parametrize("change", [{"driver": "580.1"}, {"labels": {}}, {"gpus": NODE.gpus[:1]}, {"kernel": "6.2"}])
def test_a_node_that_changed_is_a_contradiction(full: Store, change: dict[str, object]) -> None:
    full.put_node(NODE)
    with pytest.raises(StoreError) as refused:
        full.put_node(replace(NODE, **change))  # type: ignore[arg-type]  # one field each
    assert "is not as it was" in one_line(refused)
    assert full.nodes() == {"n1": NODE}


@pytest.mark.parametrize("change", [{"driver": "580.1"}, {"kernel": "6.2"}, {"memory_bytes": 4096}, {"cores": 1}])
def test_an_upgraded_node_is_the_same_machine(full: Store, change: dict[str, object]) -> None:
    full.put_node(NODE)
    full.put_node(replace(NODE, **change), upgraded=True)  # type: ignore[arg-type]  # one field each
    assert full.nodes() == {"n1": NODE}  # as it was when measuring began; every run says what it had


@pytest.mark.parametrize("change", [{"labels": {}}, {"gpus": NODE.gpus[:1]}, {"hostname": "other"}])
def test_an_upgraded_node_with_other_gpus_or_labels_is_another(full: Store, change: dict[str, object]) -> None:
    full.put_node(NODE)
    with pytest.raises(StoreError):
        full.put_node(replace(NODE, **change), upgraded=True)  # type: ignore[arg-type]  # one field each


# -- what cannot be kept -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["\udc80", "a\ud800b"])
def test_a_document_that_could_not_be_read_again_is_not_written(store: Store, text: str) -> None:
    before = every_file(store)
    with pytest.raises(StoreError) as refused:
        store.put_evidence(evidence(notes=(text,)))
    assert "cannot be written" in one_line(refused)
    assert every_file(store) == before


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_not_written(store: Store, value: float) -> None:
    before = every_file(store)
    with pytest.raises(StoreError) as refused:
        store.put_evidence(evidence(seconds=value))
    assert "cannot be written" in one_line(refused)
    assert every_file(store) == before


# -- folders that are no stores ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ['{"layout": 1}', '{"layout": 3}', '{"layout": "1"}', '{"layout": null}', '{"layout": true}']
)
def test_another_layout_is_refused(store: Store, text: str) -> None:
    (store.root / "store.json").write_text(text, encoding="utf-8")
    for create in (False, True):
        with pytest.raises(StoreError) as refused:
            Store(store.root, create=create)
        assert "has layout" in one_line(refused)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "{}", '"layout"', "[" * 100_000])
def test_a_torn_marker_is_refused(store: Store, text: str) -> None:
    (store.root / "store.json").write_text(text, encoding="utf-8")
    with pytest.raises(StoreError) as refused:
        Store(store.root, create=True)
    assert "is torn or not ours" in one_line(refused)


def test_a_folder_that_is_not_a_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(StoreError) as refused:
            Store(path)
        assert "is not a store" in one_line(refused)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("below", [False, True])
def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path, create: bool, below: bool) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    with pytest.raises(StoreError) as refused:
        Store(tmp_path / "file" / "store" if below else tmp_path / "file", create=create)
    one_line(refused)


def test_a_file_in_place_of_a_folder_inside_is_refused(store: Store) -> None:
    (store.root / "evidence").write_text("not a folder", encoding="utf-8")
    with pytest.raises(StoreError) as refused:
        store.put_evidence(EVIDENCE)
    assert "cannot be written" in one_line(refused)

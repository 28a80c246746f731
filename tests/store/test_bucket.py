"""A bucket as a place: what it holds comes back, names are written once, and every failure is one clear line."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from compat.errors import CompatError, StoreError, UsageError
from compat.model import digest
from compat.store import Store, is_store
from compat.store.bucket import BucketObjects
from compat.store.place import objects_at
from tests.s3 import S3

from .build import EVIDENCE, IDENTITY, NODE, PLAN, VERDICT, evidence


@pytest.fixture
def bucket(s3: S3) -> BucketObjects:
    found = objects_at(f"{s3.bucket()}/a/b")
    assert isinstance(found, BucketObjects)
    return found


def test_everything_comes_back_equal(place: str) -> None:
    store = Store(place, create=True)
    assert not is_store(f"{place}-other")
    assert is_store(place)
    store.put_plan(PLAN)
    store.put_identity(IDENTITY)
    store.put_node(NODE)
    blob = store.put_blob(bytes(range(256)) * 50)
    for pair in (4, 5):
        store.put_evidence(evidence(pair=pair))
    store.put_verdict(VERDICT)
    again = Store(place)
    assert again.plan() == PLAN
    assert again.identities() == {digest(IDENTITY): IDENTITY}
    assert again.nodes() == {"n1": NODE}
    assert again.evidence(digest(PLAN)) == [EVIDENCE, evidence(pair=5)]
    assert again.verdicts() == [VERDICT]
    assert again.blob(blob) == bytes(range(256)) * 50
    assert "/000002-" in again.put_evidence(evidence(pair=6))
    with pytest.raises(StoreError, match="cannot be read: No such file"):
        again.blob("0" * 64)


def test_a_name_is_written_once_however_large_the_object_is(bucket: BucketObjects, s3: S3) -> None:
    large = bytes(110 << 20)  # more than s3fs writes at once by itself
    for data in (b"", b"x", large):
        name = f"blobs/{len(data)}"
        assert bucket.put(name, data)
        assert not bucket.put(name, b"another")
        assert not bucket.put(name, data)
        assert bucket.get(name) == data
    written = [(method, condition) for method, path, condition in s3.requests if "/blobs/" in path and method != "GET"]
    assert {method for method, _ in written} == {"PUT", "HEAD"}, "nothing is written in parts"
    assert all(condition == "*" for method, condition in written if method == "PUT")


def test_names_are_listed_page_after_page_in_order(
    bucket: BucketObjects, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")  # of a page, instead of a thousand
    names = [f"evidence/{number:04d}" for number in range(33)]
    for name in reversed(names):
        bucket.put(name, b"")
    bucket.put("evidence-of-others/x", b"")
    assert bucket.names("evidence") == names
    assert sum(method == "GET" for method, _, _ in s3.requests) == 4
    assert sorted(bucket.every()) == ["evidence-of-others/x", *names]
    assert bucket.names("nothing") == []


def test_documents_that_were_listed_are_read_ahead_each_once(bucket: BucketObjects, s3: S3) -> None:
    documents = {f"evidence/{number:03d}.json": b"%d" % number for number in range(70)}
    assert bucket.put_many(documents.items()) == 70
    assert bucket.put_many([*documents.items(), ("evidence/new", b"")]) == 1
    assert bucket.names("evidence") == [*documents, "evidence/new"]
    s3.requests.clear()
    assert {name: bucket.get(name) for name in documents} == documents
    assert bucket.get("evidence/none.json") is None
    read = [path.rpartition("/")[2] for method, path, _ in s3.requests if method == "GET"]
    assert sorted(read) == sorted([*(name.rpartition("/")[2] for name in documents), "none.json"])
    assert bucket.get("evidence/000.json") == b"0", "what was read once is not kept"


def test_an_answer_that_is_lost_is_no_other_writer(bucket: BucketObjects, s3: S3) -> None:
    """The client asks again, and is told that the name is taken: by itself."""
    assert bucket.put("first", b"1")
    s3.lost_answers = 1
    assert bucket.put("second", b"2")
    assert s3.lost_answers == 0
    assert [condition for method, path, condition in s3.requests if path.endswith("second")].count("*") == 2
    assert bucket.get("second") == b"2"
    s3.lost_answers = 1
    assert not bucket.put("second", b"3")


@pytest.mark.parametrize("large", [False, True])
def test_a_server_that_writes_over_what_is_there_is_refused(s3: S3, large: bool) -> None:
    address = f"{s3.bucket()}/store"
    s3.unconditional = True
    with pytest.raises(StoreError, match="ignores If-None-Match") as refused:
        Store(address, create=True)
    assert len(str(refused.value).splitlines()) == 1
    assert not is_store(address), "nothing is there that looks like a store"
    s3.unconditional = False
    Store(address, create=True)
    s3.unconditional = True  # it was moved to another server
    moved = Store(address)
    before = moved.objects.names("")
    with pytest.raises(StoreError, match="ignores If-None-Match"):
        moved.put_blob(bytes(110 << 20) if large else b"x")
    assert moved.objects.names("") == before


def test_a_server_that_does_not_know_conditions_is_refused(s3: S3) -> None:
    s3.unknowing = True
    with pytest.raises(StoreError, match="does not know conditional writes"):
        Store(f"{s3.bucket()}/store", create=True)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(CompatError) as refused:
        act()
    said = str(refused.value)
    assert len(said.splitlines()) == 1
    for secret in ("a-secret-of-the-tests", "AKIDEXAMPLE", "hunter2"):
        assert secret not in said
    return said


def test_failures_are_one_line_without_a_secret(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"{s3.bucket()}/store"
    assert "is not a store" in refusal(lambda: Store(address))
    assert "there is no such bucket" in refusal(lambda: Store("s3://no-such-bucket/store"))
    assert "there is no such bucket" in refusal(lambda: Store("s3://no-such-bucket/store", create=True))
    s3.forbidding = True
    assert "access is refused; look at the credentials" in refusal(lambda: Store(address))
    s3.forbidding = False
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "access is refused; look at the credentials" in refusal(lambda: Store(address))


def test_no_network_is_one_line_without_a_secret(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}/hunter2")
    said = refusal(lambda: Store("s3://bucket/store"))
    assert said.startswith("s3://bucket/store/store.json: cannot be read: the server does not answer")


@pytest.mark.parametrize(
    "address", ["s3://", "s3:///prefix", "s3://key:hunter2@bucket/prefix", "gs://bucket/prefix", "s3://a b/c"]
)
def test_what_is_no_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(UsageError) as refused:
        Store(address)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("word", ["s3://bucket/a/b/", "s3://bucket/a/b", Path("s3://bucket/a/b"), "S3://bucket//a/b"])
def test_ways_to_write_an_address(word: str | Path) -> None:
    assert objects_at(word).where == "s3://bucket/a/b"


def test_without_s3fs_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    assert "pip install 'gpu-compat[s3]'" in refusal(lambda: Store("s3://bucket/store"))

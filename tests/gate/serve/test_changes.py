"""What ``compat serve`` tells while its store changes, breaks, hangs, and is whole again."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from compat.model import Decision, Plan, digest
from compat.store import Store
from compat.way.board import Board
from tests.example import write_example
from tests.gate.serve.serving import TOKEN, Serving, eventually, serving
from tests.gate.serve.test_serve import PAYLOAD, document
from tests.gate.stores import MATRIX, upgrade, watch_of, write_verdict
from tests.s3 import serve as s3_server
from tests.test_cli import compat


def test_a_new_verdict_is_told(tmp_path: Path) -> None:
    store, plan = upgrade(tmp_path / "store")
    path = f"/v1/{MATRIX}/rings/canary"
    with serving(tmp_path / "store", tmp_path) as found:
        assert document(found.client.get(path))["reasons"] == ["ring canary was not judged yet"]
        for ago, decision in ((3.0, Decision.GO), (2.0, Decision.NO_GO), (1.0, Decision.GO)):
            own = write_verdict(store, plan, decision, ago=ago)
            assert decided(found, path, decision)["digests"]["verdict"] == own
        assert document(found.client.get(f"/v1/{MATRIX}/rings/early?enter=1"))["decision"] == "GO"
        store.put_watch(watch_of(plan, "Xid 79 of GPU-1"))
        decided(found, f"/v1/{MATRIX}/rings/early?enter=1", Decision.HOLD)
        assert found.said() == []


def test_a_store_in_a_bucket_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        place = f"{server.bucket()}/stores/one"
        store, plan = upgrade(place)
        path = f"/v1/{MATRIX}/rings/canary"
        with serving(place, tmp_path) as found:
            assert document(found.client.get(path))["reasons"] == ["ring canary was not judged yet"]
            write_verdict(store, plan, Decision.NO_GO)
            assert decided(found, path, Decision.NO_GO)["nodes"] == ["gpu-1"]
            asked = len(server.requests)
            for _ in range(100):
                assert found.client.get(path).status_code == 200
            assert len(server.requests) - asked < 50  # looks, and no requests for requests
            server.forbidding = True
            eventually(found.client, path, 503)
            server.forbidding = False
            decided_again = eventually(found.client, path, 200)
            assert document(decided_again)["decision"] == "NO-GO"
            assert all(TOKEN not in line and "secret" not in line for line in found.said())


def test_a_ring_that_has_to_be_attested_waits_for_a_trusted_signature(tmp_path: Path) -> None:
    matrix = write_example(tmp_path, ring=", attested: true}\n  - {name: early, after: canary, tiers: [cpu]")
    assert "attested: true" in matrix.read_text()
    words = ("--ring", "canary", "--content", "site", "--store", "store")
    assert compat("run", "example.yaml", *words, cwd=tmp_path).returncode == 0
    for name in ("ann", "eve"):
        assert compat("key", "new", name, cwd=tmp_path).returncode == 0
    path = "/v1/example/rings/early?enter=1"
    with serving(tmp_path / "store", tmp_path, "--trust", str(tmp_path / "ann.pub")) as found:
        assert "has no signature that could be checked" in document(found.client.get(path))["reasons"][0]
        for key, said in (("eve", "is HOLD: the signature of ring canary: "), ("ann", "GO")):
            done = compat("attest", "store", "--ring", "canary", "--key", key, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            until = time.monotonic() + 30
            while said not in (first := said_first(found, path)):
                assert time.monotonic() < until, first
                time.sleep(0.1)
        assert document(found.client.get("/v1/example/rings/canary"))["decision"] == "GO"  # a verdict that is signed
        assert found.said() == []


def said_first(found: Serving, path: str) -> str:
    """The decision, and the first reason."""
    answer = document(found.client.get(path))
    return " ".join([answer["decision"], *answer["reasons"][:1]])


def decided(found: Serving, path: str, decision: Decision) -> dict[str, Any]:
    until = time.monotonic() + 30
    while (answer := document(found.client.get(path)))["decision"] != decision.value:
        assert time.monotonic() < until, answer
        time.sleep(0.05)
    return answer


def test_a_newer_plan_of_the_matrix_begins_anew(tmp_path: Path) -> None:
    store, plan = upgrade(tmp_path / "store")
    write_verdict(store, plan, Decision.GO)
    path = f"/v1/{MATRIX}/rings/canary"
    with serving(tmp_path / "store", tmp_path) as found:
        assert document(found.client.get(path))["decision"] == "GO"
        _, newer = upgrade(tmp_path / "store", soak=60.0)
        decided(found, path, Decision.HOLD)
        assert document(found.client.get(f"{path}?plan={digest(plan)}"))["decision"] == "GO"
        assert document(found.client.get(path))["digests"]["plan"] == digest(newer)


def test_a_soak_ends_by_time_alone(tmp_path: Path) -> None:
    store, plan = upgrade(tmp_path / "store", soak=63.0)
    write_verdict(store, plan, Decision.GO, ago=1.0)  # 60 s ago
    path = f"/v1/{MATRIX}/rings/early?enter=1"
    with serving(tmp_path / "store", tmp_path) as found:
        assert "are left" in document(found.client.get(path))["reasons"][0]
        until = time.monotonic() + 30
        while "nobody has looked at node gpu-1" not in document(found.client.get(path))["reasons"][0]:
            assert time.monotonic() < until
            time.sleep(0.1)
        store.put_watch(watch_of(plan))
        decided(found, path, Decision.GO)


@pytest.mark.parametrize("harm", ["gone", "torn", "changed", "another layout"])
def test_a_store_that_breaks_is_503_until_it_is_whole_again(tmp_path: Path, harm: str) -> None:
    place = tmp_path / "store"
    store, plan = upgrade(place)
    write_verdict(store, plan, Decision.GO, ago=2.0)
    shutil.copytree(place, tmp_path / "kept")
    path = f"/v1/{MATRIX}/rings/canary"
    with serving(place, tmp_path) as found:
        assert document(found.client.get(path))["decision"] == "GO"
        break_store(place, harm, store, plan)
        broken = eventually(found.client, path, 503)
        assert broken.content == b""
        assert found.client.post(f"/flagger/{MATRIX}/canary", json=PAYLOAD).status_code == 503
        assert found.client.post(f"/flagger-rollback/{MATRIX}/canary", json=PAYLOAD).status_code == 503
        assert httpx.get(f"{found.url}/healthz").status_code == 503
        assert httpx.get(f"{found.url}{path}").status_code == 401  # not even that is said
        assert "compat_store_readable 0\n" in found.client.get("/metrics").text
        assert "compat_gate_decision" not in found.client.get("/metrics").text
        (line,) = found.said()
        assert line.startswith("compat: the store cannot be read, every answer is 503: ")
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(tmp_path / "kept", place)
        assert document(eventually(found.client, path, 200))["decision"] == "GO"
        assert found.said()[-1] == "compat: the store can be read again"


@pytest.mark.parametrize("kind", ["verdicts", "nodes", "plans"])
def test_a_document_that_was_read_already_and_is_changed_is_503(tmp_path: Path, kind: str) -> None:
    store, plan = upgrade(tmp_path / "store")
    write_verdict(store, plan, Decision.NO_GO)
    path = f"/v1/{MATRIX}/rings/canary"
    with serving(tmp_path / "store", tmp_path) as found:
        assert document(found.client.get(path))["decision"] == "NO-GO"
        (file,) = (tmp_path / "store" / kind).rglob("*.json")
        data = file.read_bytes()
        file.write_bytes(data.replace(b"gpu-1", b"gpu-2").replace(b'"NO-GO"', b'"GO"').replace(b"canary", b"canarz"))
        assert eventually(found.client, path, 503).content == b""
        assert "was changed" in found.said()[0]
        file.write_bytes(data)
        assert document(eventually(found.client, path, 200))["decision"] == "NO-GO"


def test_a_pipe_in_the_store_is_not_waited_for(tmp_path: Path) -> None:
    store, plan = upgrade(tmp_path / "store")
    write_verdict(store, plan, Decision.GO)
    path = f"/v1/{MATRIX}/rings/canary"
    with serving(tmp_path / "store", tmp_path) as found:
        assert document(found.client.get(path))["decision"] == "GO"
        os.mkfifo(next((tmp_path / "store/verdicts").rglob("*.json")).with_name("000009-aaaaaaaaaaaaaaaa.json"))
        assert eventually(found.client, path, 503).content == b""
        assert "it is no regular file" in found.said()[0]


def test_a_store_that_hangs_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that cannot be read to its end, as on a disk that went away."""
    store, plan = upgrade(tmp_path / "store")
    write_verdict(store, plan, Decision.GO)
    hanging, back, lines, get = threading.Event(), threading.Event(), list[str](), store.objects.get

    def slow(name: str) -> bytes | None:
        if hanging.is_set():
            back.wait(60)
        return get(name)

    monkeypatch.setattr(store.objects, "get", slow)
    monkeypatch.setattr("compat.way.board._STALE", 2.0)
    board = Board(store, lines.append)
    board.start()
    assert board.fresh
    hanging.set()
    wait(lambda: not board.fresh)
    hanging.clear()
    back.set()
    wait(lambda: board.fresh)
    board.stop()
    assert lines == []


def wait(done: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not done():
        assert time.monotonic() < until
        time.sleep(0.05)


def break_store(place: Path, harm: str, store: Store, plan: Plan) -> None:
    if harm == "gone":
        shutil.rmtree(place)
        return
    if harm == "another layout":
        (place / "store.json").unlink()
        return
    write_verdict(store, plan, Decision.NO_GO)
    new = sorted((place / "verdicts").rglob("*.json"))[-1]
    text = new.read_text()
    new.write_text(text[:-10] if harm == "torn" else text.replace('"NO-GO"', '"GO"'))

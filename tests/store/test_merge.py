from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from compat.errors import CompatError, StoreError, UsageError
from compat.model import Arm, Evidence, Node, Output, digest
from compat.store import Store, merge
from compat.store.verify import verify
from tests.s3 import S3
from tests.store.build import IDENTITY, NODE, PLAN, evidence
from tests.store.full import REHEARSAL, WATCH

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a store with runs of both arms of some pairs, and their outputs."""

    def _make(name: str, pairs: range, node: Node = NODE, **changes: object) -> Path:
        store = Store(tmp_path / name, create=True)
        store.put_plan(PLAN)
        store.put_node(node)
        store.put_identity(IDENTITY)
        for pair in pairs:
            for arm in Arm:
                blob = store.put_blob(f"{arm.value} {pair}".encode())
                outputs = (Output("y", "<f4", (1,), blob),)
                store.put_evidence(evidence(pair=pair, arm=arm, outputs=outputs, node=node.id, **changes))
        return tmp_path / name

    return _make


def runs(store: Path) -> list[Evidence]:
    return sorted(Store(store).evidence(digest(PLAN)), key=lambda e: (e.node, e.pair, e.arm.value))


def test_all_runs_of_all_stores_are_there_once(make: Make, tmp_path: Path) -> None:
    other = replace(NODE, id="n2", hostname="other")
    stores = [make("a", range(1, 3)), make("b", range(3, 5)), make("c", range(1, 3), other), make("d", range(1, 3))]
    merged = merge(stores, tmp_path / "all")
    assert (merged.nodes, merged.runs, merged.new) == (2, 12, 12)
    found = runs(tmp_path / "all")
    assert [(e.node, e.pair) for e in found] == [("n1", p) for p in (1, 1, 2, 2, 3, 3, 4, 4)] + [
        ("n2", p) for p in (1, 1, 2, 2)
    ]
    store = Store(tmp_path / "all")
    assert {e.identity for e in found} == store.identities().keys()
    assert [store.blob(e.outputs[0].digest) for e in found][:2] == [b"candidate 1", b"known_good 1"]
    assert merge(stores, tmp_path / "all").new == 0
    assert runs(tmp_path / "all") == found
    assert merge([*stores, make("e", range(7, 8))], tmp_path / "all").new == 2


def refused(stores: list[Path], output: Path, said: str, kind: type[CompatError] = StoreError) -> None:
    with pytest.raises(kind, match=said) as raised:
        merge(stores, output)
    assert len(str(raised.value).splitlines()) == 1
    assert not output.exists()


def test_one_run_with_two_contents_is_refused(make: Make, tmp_path: Path) -> None:
    stores = [make("a", range(1, 3)), make("b", range(2, 4), seconds=0.5)]
    refused(stores, tmp_path / "all", "b: has another pair 2 of .* on node höst than .*a; .*leave one of the two out")


def test_another_plan_is_refused(make: Make, tmp_path: Path) -> None:
    first, second = make("a", range(1, 2)), make("b", range(2, 3))
    third = Store(tmp_path / "c", create=True)
    third.put_plan(replace(PLAN, name="other"))
    refused(
        [first, second, tmp_path / "c"], tmp_path / "all", "c: is of the plan [0-9a-f]{12}, and .*a of [0-9a-f]{12}"
    )
    Store(tmp_path / "d", create=True)
    refused([first, tmp_path / "d"], tmp_path / "all", "d: is of the plan none")
    with pytest.raises(StoreError, match="is a store of the plan"):
        merge([first], tmp_path / "c")
    assert Store(tmp_path / "c").evidence(digest(PLAN)) == []


def test_a_node_that_is_not_what_it_was_is_refused(make: Make, tmp_path: Path) -> None:
    stores = [make("a", range(1, 2)), make("b", range(2, 3), replace(NODE, driver="580.1"))]
    refused(stores, tmp_path / "all", "b: node höst is not as in .*a")


def test_what_evidence_names_has_to_be_there(make: Make, tmp_path: Path) -> None:
    for number, folder in enumerate(("nodes", "identities", "blobs")):
        store = make(f"s{number}", range(1, 2))
        next(path for path in (store / folder).rglob("*") if path.is_file()).unlink()
        refused([store], tmp_path / "all", "without|cannot be read")


def test_a_changed_document_is_refused(make: Make, tmp_path: Path) -> None:
    store = make("a", range(1, 2))
    path = next((store / "evidence").rglob("*.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "seconds": 0.0}))
    refused([store], tmp_path / "all", "its content was changed")


def test_watches_and_rehearsals_are_brought_along_once(make: Make, tmp_path: Path) -> None:
    stores = [make("a", range(1, 2)), make("b", range(2, 3))]
    other = replace(WATCH, findings=("an Xid",))
    for store, watch in zip(stores, (WATCH, other), strict=True):
        Store(store).put_watch(watch)
        Store(store).put_rehearsal(REHEARSAL)
    for _ in range(2):
        merge(stores, tmp_path / "all")
        merged = Store(tmp_path / "all")
        assert sorted(merged.watches(digest(PLAN)), key=lambda w: w.findings) == [WATCH, other]
        assert merged.rehearsals(digest(PLAN)) == [REHEARSAL]
    assert verify(merged, print).problems == 0
    path = next((stores[1] / "watches").rglob("*.json"))
    path.write_bytes(path.read_bytes().replace(b"an Xid", b"an xid"))
    refused(stores, tmp_path / "more", "its content was changed")


def test_the_text_of_the_matrix_is_brought_along(make: Make, tmp_path: Path) -> None:
    store = make("a", range(1, 2))
    assert Store(store).put_blob(b"matrix") == PLAN.matrix_digest
    merge([make("b", range(2, 3)), store], tmp_path / "all")
    assert Store(tmp_path / "all").blob(PLAN.matrix_digest) == b"matrix"


def test_merges_at_once_into_one_store_write_each_run_once(make: Make, tmp_path: Path) -> None:
    stores = [make("a", range(1, 20)), make("b", range(20, 39))]
    words = [sys.executable, "-m", "compat", "merge", *map(str, stores), "--output", str(tmp_path / "all")]
    merges = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [each.communicate(timeout=120) for each in merges]
    assert [each.returncode for each in merges] == [0] * 4, said
    assert len(list((tmp_path / "all" / "evidence").rglob("*.json"))) == 76
    found = verify(Store(tmp_path / "all"), print)
    assert (found.problems, found.remarks) == (0, [])


def test_a_bucket_is_merged_into_and_from(make: Make, tmp_path: Path, s3: S3) -> None:
    bucket = s3.bucket()
    first, second = make("a", range(1, 3)), make("b", range(3, 5))
    assert merge([first], f"{bucket}/first").new == 4
    assert merge([f"{bucket}/first", second], f"{bucket}/all").new == 8
    assert merge([f"{bucket}/all"], tmp_path / "all").new == 8
    assert runs(tmp_path / "all") == sorted([*runs(first), *runs(second)], key=lambda e: (e.node, e.pair, e.arm.value))
    with pytest.raises(StoreError, match=f"{bucket}/all: has another pair 1 of "):
        merge([make("c", range(1, 2), seconds=0.5), f"{bucket}/all"], tmp_path / "more")
    with pytest.raises(UsageError, match="is merged from and into"):
        merge([f"{bucket}/all/"], f"{bucket}/all")


def test_a_store_is_not_merged_into_itself(make: Make, tmp_path: Path) -> None:
    store = make("a", range(1, 2))
    with pytest.raises(UsageError, match="is merged from and into"):
        merge([store], tmp_path / "." / "a")


KILLED = """
import os, signal, sys
from pathlib import Path
left, link = int(sys.argv[1]), os.link

def dying(*arguments):
    global left
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    link(*arguments)

os.link = dying
from compat.store import merge
merge([Path(name) for name in sys.argv[3:]], Path(sys.argv[2]))
"""


@pytest.mark.parametrize("documents", range(20))
def test_a_merge_that_is_killed_is_completed_by_another(make: Make, tmp_path: Path, documents: int) -> None:
    stores = [make("a", range(1, 3)), make("b", range(3, 5))]
    words = [str(documents), str(tmp_path / "all"), *map(str, stores)]
    done = subprocess.run([sys.executable, "-c", KILLED, *words], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    if (tmp_path / "all" / "store.json").exists():
        left = Store(tmp_path / "all")
        for record in left.evidence(digest(PLAN)):  # what is there is whole
            assert record.identity in left.identities()
            assert left.blob(record.outputs[0].digest)
    assert merge(stores, tmp_path / "all").runs == 8
    assert len(runs(tmp_path / "all")) == 8

"""compat store verify: any change of a byte is found, and all that one document says of another."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from compat.model import Arm, digest
from compat.store import Store
from compat.store.verify import Verified, verify
from tests.s3 import S3
from tests.test_cli import compat

from .build import NODE, PLAN, VERDICT
from .full import fill, judged, measure, promote, record


def look(store: Store) -> tuple[Verified, list[str]]:
    lines: list[str] = []
    found = verify(store, lines.append)
    assert found.problems == len(lines)
    assert all(len(line) <= 300 and line.isprintable() for line in lines)
    return found, lines


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path / "store", create=True)
    fill(found)
    return found


def test_a_whole_store_has_no_problem(place: str) -> None:
    store = Store(place, create=True)
    assert look(store)[1] == []
    fill(store)
    found, lines = look(Store(place))
    assert (lines, found.remarks) == ([], [])
    assert found.counts == {
        "plans": 1,
        "nodes": 1,
        "identities": 1,
        "evidence": 4,
        "blobs": 4,
        "verdicts": 1,
        "watches": 1,
        "rehearsals": 1,
        "baselines": 2,
        "leases": 1,
    }


KINDS = (
    "plans",
    "nodes",
    "identities",
    "evidence",
    "verdicts",
    "watches",
    "rehearsals",
    "baselines",
    "leases",
    "blobs",
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_changed_byte_is_found(store: Store, kind: str) -> None:
    """At every place of a document of each kind: another digit, the other case, a space, no bit alike."""
    path = max(path for path in (store.root / kind).rglob("*") if path.is_file())  # of a log the last one
    data = path.read_bytes()
    unfound = []
    for at, old in enumerate(data):
        for new in {old ^ 1, (old ^ 0x20, ord(" "), ord("\n"), old ^ 0xFF)[at % 4]} - {old}:
            path.write_bytes(data[:at] + bytes([new]) + data[at + 1 :])
            if not _problems_of(store, path):
                unfound.append((at, new))
    assert unfound == []
    for other in (data + b" ", data + b"\n", b" " + data, data[:-1], b"", data + data):
        path.write_bytes(other)
        assert look(store)[1], other
    path.write_bytes(data)
    assert look(store)[1] == []


def _problems_of(store: Store, changed: Path) -> int:
    """How many there are, without reading again what nobody changed."""
    name = str(changed.relative_to(store.root))
    objects = store.objects
    top = name.split("/")[0]

    class Only:
        where = objects.where
        put, get, has, names = objects.put, objects.get, objects.has, objects.names
        age_order, address, make = objects.age_order, objects.address, objects.make

        def every(self) -> Iterator[str]:
            return (
                each for each in objects.every() if each == name or (top in ("baselines", "leases") and top in each)
            )

    narrow = Store(store.root)
    narrow.objects = Only()
    return verify(narrow, lambda _: None).problems


def test_a_changed_byte_ends_the_command_with_2_and_a_line(store: Store) -> None:
    whole = compat("store", "verify", str(store.root), cwd=store.root.parent)
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout == (
        f"{store.root}: no problem (2 in baselines, 4 in blobs, 4 in evidence, 1 in identities, 1 in leases,"
        " 1 in nodes, 1 in plans, 1 in rehearsals, 1 in verdicts, 1 in watches)\n"
    )
    path = store.root / "baselines/prod/000002.json"
    path.write_bytes(path.read_bytes().replace(b'"you"', b'"You"'))
    done = compat("store", "verify", str(store.root), cwd=store.root.parent)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith("baselines/prod: is not what was written: its content was changed\n")
    assert ": 1 problem (" in done.stdout
    refused = compat("baseline", "list", str(store.root), cwd=store.root.parent)
    assert refused.returncode == 2, "nobody goes by it meanwhile"
    assert "its content was changed" in refused.stderr


def test_problems_are_counted_where_they_are_too_many_to_print(store: Store) -> None:
    for number in range(60):
        (store.root / f"plans/{number}.json").write_text("{}")
    done = compat("store", "verify", str(store.root), cwd=store.root.parent)
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert len(lines) == 52
    assert lines[50] == "and 10 more"
    assert ": 60 problems (" in lines[51]


def test_verify_says_what_is_no_store(tmp_path: Path) -> None:
    done = compat("store", "verify", "nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "compat: nowhere: is not a store: it has no store.json; name the folder of a run\n"


# -- what one document says of another ---------------------------------------------------------------------------------


def lost(kind: str) -> Callable[[Store], None]:
    def spoil(store: Store) -> None:
        for path in list((store.root / kind).rglob("*")):
            if path.is_file():
                path.unlink()

    return spoil


def moved(store: Store) -> None:
    (store.root / f"evidence/{digest(PLAN)}/n1").rename(store.root / f"evidence/{digest(PLAN)}/n2")


def renamed(store: Store) -> None:
    shutil.move(store.root / "baselines/prod", store.root / "baselines/other")
    shutil.move(store.root / "sums/baselines/prod", store.root / "sums/baselines/other")


def contradicting(store: Store) -> None:
    store.put_evidence(replace(record(store, 1), seconds=9.0))


def stray(store: Store) -> None:
    store.put_evidence(replace(record(store, 7), item="operator:none[x]@y"))


def other_ring(store: Store) -> None:
    store.put_verdict(replace(VERDICT, ring="early"))


def other_matrix(store: Store) -> None:
    store.put_verdict(replace(VERDICT, matrix_digest=digest("another")))


def lying(store: Store) -> None:
    promote(store, replace(judged([]), plan=VERDICT.plan, reasons=()))


def not_as_it_was(store: Store) -> None:
    """The verdict is there, and the promotion says that it rests on other evidence."""
    verdict = judged([record(store, 1)], 1)
    store.put_verdict(verdict)
    entry = promote(store, verdict)
    path = store.root / f"baselines/prod/{entry.number:06d}.json"
    changed = replace(entry, evidence="0" * 64)
    path.unlink()
    assert store.put_once(f"baselines/prod/{entry.number:06d}.json", store.text(changed))


def without_an_entry(store: Store) -> None:
    (store.root / "baselines/prod/000001.json").unlink()


def foreign(store: Store) -> None:
    (store.root / "evidence" / "notes.txt").write_text("mine")


def strange(store: Store) -> None:
    (store.root / "blobs/sha256/\x1b[31m").write_text("")


SPOILT: dict[str, tuple[Callable[[Store], None], str]] = {
    "no plan": (lost("plans"), "names the plan [0-9a-f]{12}, which is not here"),
    "no node": (lost("nodes"), "names the node n1, which is not here"),
    "no identity": (lost("identities"), "names the identity [0-9a-f]{12}, which is not here"),
    "no outputs": (lost("blobs"), r"names the output y \([0-9a-f]{12}\), which is not here"),
    "no verdict": (lost("verdicts"), "names the verdict [0-9a-f]{12}, which is not here"),
    "no sums": (lost("sums/baselines"), "baselines/prod: is not what was written"),
    "records of another node": (moved, "is of plan [0-9a-f]{12}, node n1"),
    "two records of a run": (contradicting, "is of the same run as"),
    "a record of no item": (stray, "is a run of operator:none.*, which its plan does not have"),
    "a verdict of no ring": (other_ring, "is of the ring early, which its plan does not have"),
    "a verdict of another matrix": (other_matrix, "is of another matrix or policy than its plan"),
    "a promotion without its verdict": (lying, "names the verdict [0-9a-f]{12}, which is not here"),
    "a promotion of something else": (not_as_it_was, "says of the verdict [0-9a-f]{12} what is not in it"),
    "a log that lacks an entry": (without_an_entry, "is not entry 1 of its log"),
    "a log of another name": (renamed, "baselines/other/000001.json: is of another log"),
    "a file of somebody": (foreign, "evidence/notes.txt: is not a document of a store"),
    "a name with an escape": (strange, r"blobs/sha256/\\x1b\[31m: is not a document"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_said_and_is_not_so_is_found(store: Store, name: str) -> None:
    spoil, said = SPOILT[name]
    spoil(store)
    _, lines = look(Store(store.root))
    assert [line for line in lines if re.search(said, line)], lines


# -- what is only to be said -------------------------------------------------------------------------------------------


def test_what_is_no_harm_is_a_remark(store: Store) -> None:
    (store.root / "report.html").write_text("a report")
    (store.root / "verdict.json").write_text("{}")
    (store.root / ".measuring-n1").write_text("process 1")
    assert look(store)[0].remarks == []
    (store.root / "notes.txt").write_text("mine")
    (store.root / "evidence" / digest(PLAN) / "n1" / ".new-abc").write_text("half")
    (store.root / "order" / "000007-0123456789abcdef").write_text("")
    (store.root / "sums/nodes/n9.json").mkdir()
    (store.root / "sums/nodes/n9.json" / ("0" * 64)).write_text("")
    store.put_evidence(record(store, 3))
    again = store.root / store.put_evidence(record(store, 4))
    shutil.copy(again, again.with_name(again.name.replace("000005", "000009")))
    found, lines = look(store)
    assert lines == []
    assert found.remarks == [
        "1 files that are not of the store",
        "1 half-written files that a killed writer left (or one is writing now)",
        "1 plans that a killed writer had only begun",
        "1 records that are there twice",
        "1 sums of documents that a killed writer had only begun",
        "1 verdicts of ring canary, reached from other evidence than is there now",
    ]


def test_a_store_from_before_there_were_sums_is_read_and_then_has_them(store: Store) -> None:
    shutil.rmtree(store.root / "sums/nodes")
    shutil.rmtree(store.root / "order")
    older = Store(store.root)
    assert older.nodes() == {"n1": NODE}
    assert older.plan() == PLAN
    found, lines = look(older)
    assert lines == []
    assert found.remarks == ["1 nodes of an older gpu-compat, which has kept no sum of them"]
    older.put_node(replace(NODE, driver="580.1"), upgraded=True)  # the first document stays, and has no sum of another
    assert look(older)[1] == []
    older.put_node(NODE)
    assert look(older)[0].remarks == []


def test_evidence_of_another_ring_is_not_the_verdicts(tmp_path: Path) -> None:
    """The digest is over what the ring judges: not over runs on nodes without its labels."""
    store = Store(tmp_path / "store", create=True)
    done = measure(store, range(1, 3))
    store.put_verdict(judged(done))
    store.put_node(replace(NODE, id="n2", labels={}))
    store.put_evidence(record(store, 1, Arm.KNOWN_GOOD, "n2"))
    found, lines = look(store)
    assert (lines, found.remarks) == ([], [])


def test_verify_reads_a_bucket_through_the_front_door(s3: S3, tmp_path: Path) -> None:
    address = f"{s3.bucket()}/one"
    fill(Store(address, create=True))
    done = compat("store", "verify", address, cwd=tmp_path, **s3.environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{address}: no problem (")


def test_more_runs_than_are_sorted_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compat.store.spill._AT_ONCE", 2)
    assert look(store)[0].remarks == []
    contradicting(store)
    assert any("is of the same run as" in line for line in look(store)[1])

"""The runs of a plan, one after the other and item by item."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat.errors import StoreError
from compat.model import Evidence, canonical, digest
from compat.store import Store

from .build import EVIDENCE, NODE, evidence, one_line

ITEMS = ("plain[a]@b", "näme[ü]@b", 'with "quotes" and \\, or "item":"other",', "\n", "")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three runs of each item, on two nodes, an item after the other each time."""
    made = Store(tmp_path / "store", create=True)
    for pair in range(3):
        for item in ITEMS:
            made.put_evidence(evidence(item=item, pair=pair, node=f"n{pair % 2}", notes=(f'"item":"{pair}"',)))
    return made


def write(store: Store, text: str) -> Path:
    """A document that is called by its digest, whatever it says."""
    folder = store.root / "evidence" / EVIDENCE.plan / NODE.id
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"000000-{digest(text)[:16]}.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_run_is_there_once_in_the_order_written(store: Store) -> None:
    runs = store.runs(EVIDENCE.plan)
    assert list(runs.each()) == store.evidence(EVIDENCE.plan)
    assert [(run.node, run.pair) for run in runs.each()] == [("n0", 0)] * 5 + [("n0", 2)] * 5 + [("n1", 1)] * 5
    assert [(run, canonical(run).encode()) for run in runs.each()] == list(runs.texts())
    assert [text for _, text in runs.texts()] == [text for _, text in runs.raw()]


def test_the_runs_of_an_item_whatever_it_is_called(store: Store) -> None:
    runs = store.runs(EVIDENCE.plan)
    assert set(runs) == set(ITEMS)
    assert len(runs) == len(ITEMS)
    for item in ITEMS:
        assert runs[item] == [run for run in store.evidence(EVIDENCE.plan) if run.item == item]
    assert runs.get("another") is None
    assert dict(store.runs("0" * 64)) == {}


def test_a_text_that_begins_as_if_it_were_another_items_is_refused(store: Store) -> None:
    write(store, canonical(EVIDENCE).replace('"installation":', '"item":"other","installation":', 1))
    runs = store.runs(EVIDENCE.plan)
    with pytest.raises(StoreError) as refused:
        runs["other"]
    assert "and its text begins as if it were of 'other'" in one_line(refused)


@pytest.mark.parametrize("cut", [0, 1, 500, -1])
def test_a_torn_document_is_found_by_whoever_reads_its_item(store: Store, cut: int) -> None:
    path = write(store, canonical(evidence(item="torn")))
    path.write_bytes(path.read_bytes()[:cut])

    def read_all() -> list[list[Evidence]]:
        runs = store.runs(EVIDENCE.plan)
        return [runs[item] for item in runs]

    with pytest.raises(StoreError) as refused:
        read_all()
    assert "torn" in one_line(refused)


def test_a_document_that_was_changed_is_not_copied(store: Store) -> None:
    path = write(store, canonical(EVIDENCE))
    path.write_text(path.read_text(encoding="utf-8").replace('"pair":4', '"pair":5'), encoding="utf-8")
    with pytest.raises(StoreError, match="its content was changed"):
        list(store.runs(EVIDENCE.plan).raw())

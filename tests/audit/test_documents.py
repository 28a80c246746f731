"""A published document of a verdict stands where it says what the verdict says, whatever was learned since."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from compat.model import SCHEMA_VERSION, Rehearsal
from compat.store import Store
from tests.test_attest import compat


def went_back(store: Store, at: str) -> Rehearsal:
    verdict = store.verdicts()[-1]
    made = Rehearsal(
        SCHEMA_VERSION, verdict.plan, "canary", verdict.nodes[0], at, "ada", real=False, good=True,
        phases={"command": 12.5},
    )  # fmt: skip
    store.put_rehearsal(made)
    return made


def stands(here: Path) -> bool:
    done = compat("audit", "store/verdict.json", cwd=here)
    assert "Traceback" not in done.stderr
    return done.returncode == 0


def test_a_document_with_a_way_back_stands_and_one_that_came_later_changes_nothing(here: Path, store: Store) -> None:
    went_back(store, "2026-11-20T12:00:00+00:00")
    assert compat("report", "store", "--ring", "canary", cwd=here).returncode == 0
    document = json.loads((here / "store/verdict.json").read_text())
    assert document["measures"]["rollback_seconds"] == document["rollback"]["seconds"] == 12.5
    assert stands(here)
    store.put_rehearsal(replace(went_back(store, "2026-11-21T12:00:00+00:00"), at="2026-11-22T12:00:00+00:00"))
    assert stands(here)


def test_a_way_back_or_a_measure_that_was_changed_is_found(here: Path, store: Store) -> None:
    went_back(store, "2026-11-20T12:00:00+00:00")
    assert compat("report", "store", "--ring", "canary", cwd=here).returncode == 0
    path = here / "store/verdict.json"
    text = path.read_text()
    for old, new in (('"seconds": 12.5', '"seconds": 1.5'), ('"rollback_seconds": 12.5', '"rollback_seconds": 1.5')):
        assert old in text
        path.write_text(text.replace(old, new))
        assert not stands(here)


def test_a_document_of_before_there_were_measures_stands(here: Path) -> None:
    path = here / "store/verdict.json"
    document = json.loads(path.read_text())
    del document["measures"]
    path.write_text(json.dumps(document, indent=2) + "\n")
    assert stands(here)

"""What was changed, lost or replaced since is found, and named."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from compat.errors import CompatError
from compat.model import Evidence, canonical, digest
from compat.store import Store
from compat.way.audit import audit
from tests.audit.build import the_verdict_s, trust_of, wrong
from tests.test_attest import compat


def test_every_kind_of_document_counts(here: Path, once: Path) -> None:
    """A changed byte anywhere in what a verdict rests on: it does not stand, or it is not read at all."""
    numbers = random.Random(8)  # noqa: S311 - which bytes
    store = Store(here / "store")
    name = the_verdict_s(store)
    kinds = {
        kind: sorted(path for path in (here / "store" / kind).rglob("*") if path.is_file())
        for kind in ("plans", "nodes", "evidence", "identities", "blobs", "verdicts", "attestations")
    }
    assert all(kinds.values())
    trusted = trust_of(here)
    for paths in kinds.values():
        for path in paths:
            data = path.read_bytes()
            for place in sorted({0, len(data) - 1, *(numbers.randrange(len(data)) for _ in range(8))}):
                path.write_bytes(data[:place] + bytes([data[place] ^ (1 << numbers.randrange(7))]) + data[place + 1 :])
                assert not _stands(here / "store", name, trusted), f"{path.name}, byte {place}"
            path.write_bytes(data)
    assert _stands(here / "store", name, trusted)


def _stands(place: Path, name: str, trusted: tuple) -> bool:
    from compat.way.given_verdict import given_verdict

    try:
        given = given_verdict(name, place)
    except CompatError:
        return False
    return audit(given.store, given.verdict, trusted).stands


def test_every_byte_of_a_verdict_s_file_counts(here: Path) -> None:
    from compat.way.given_verdict import given_verdict

    (file,) = (here / "store/verdicts").rglob("*.json")
    given = here / "given.json"
    data = file.read_bytes()
    for place in range(0, len(data), 3):
        given.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        try:
            found = given_verdict(str(given), here / "store")
        except CompatError:
            continue
        assert found.problem or digest(found.verdict) != digest(data), place


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda root: shutil.rmtree(root / "plans"), "plan: "),
        (lambda root: shutil.rmtree(root / "evidence"), "evidence: "),
        (lambda root: shutil.rmtree(root / "blobs"), "outputs: "),
        (lambda root: shutil.rmtree(root / "nodes"), "nodes: not there: "),
        (lambda root: shutil.rmtree(root / "identities"), "runtimes: not there: "),
        (lambda root: shutil.rmtree(root / "verdicts"), "verdict: "),
        (lambda root: next((root / "evidence").rglob("*.json")).unlink(), "evidence: "),
    ],
)
def test_what_is_gone_is_named(here: Path, change: Callable[[Path], object], said: str) -> None:
    verdict = Store(here / "store").verdicts()[-1]
    change(here / "store")
    found = audit(Store(here / "store"), verdict)
    assert not found.stands
    assert wrong(found)[0].startswith(said)


def test_a_set_of_evidence_that_cannot_be_found_again_is_said(here: Path, store: Store) -> None:
    (first, *_) = sorted((here / "store/evidence").rglob("*.json"))
    first.unlink()
    done = compat("audit", the_verdict_s(store), "store", cwd=here)
    assert (done.returncode, done.stderr) == (1, "")
    assert "no set of the 7 records that are there has this digest" in done.stdout
    assert done.stdout.endswith("It does not stand: 1 check failed\n")


def test_a_record_that_was_replaced_by_another_is_not_what_it_rested_on(here: Path, store: Store) -> None:
    verdict = store.verdicts()[-1]
    path = sorted((here / "store/evidence").rglob("*.json"))[0]
    record = json.loads(path.read_bytes())
    other = canonical({**record, "seconds": 99.0}).encode()
    path.with_name(f"000000-{digest(other)[:16]}.json").write_bytes(other)
    path.unlink()
    assert isinstance(Store(here / "store").evidence(verdict.plan)[0], Evidence)  # the store itself sees nothing
    assert wrong(audit(Store(here / "store"), verdict))[0].startswith("evidence: ")


def test_a_node_that_is_not_as_it_was_signed_is_found(here: Path) -> None:
    (path,) = (here / "store/nodes").glob("*.json")
    path.write_text(path.read_text().replace('"kernel":"', '"kernel":"9'))
    store = Store(here / "store")
    assert wrong(audit(store, store.verdicts()[-1]))[0].startswith("nodes: ")
    shutil.rmtree(here / "store/sums/nodes")  # as in a store that is older than these sums
    assert audit(store, store.verdicts()[-1]).stands  # the judge says the same
    found = audit(store, store.verdicts()[-1], trust_of(here))
    assert any("is not as it was when it was signed" in why for why in wrong(found))


def test_a_report_s_document_that_was_changed_is_found(here: Path) -> None:
    path = here / "store/verdict.json"
    path.write_text(path.read_text().replace('"all 9 comparisons', '"all 99 comparisons'))
    done = compat("audit", "store/verdict.json", cwd=here)
    assert done.returncode == 1
    assert "WRONG verdict" in done.stdout
    assert "the document does not say what that verdict says" in done.stdout

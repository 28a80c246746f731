from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope

from compat.errors import StoreError
from compat.gate.envelope import payload, seal
from compat.gate.promotion import PROMOTION, check_promotion, check_promotion_envelope, sign_promotion
from compat.model import Decision, Promotion, digest, plain
from compat.store import Store
from compat.store.attestations import attestations
from tests.gate.build import ANN, BEN, EVE, NOW, envelope, public
from tests.gate.build import PROMOTION as ENTRY

TRUSTED = public(ANN, BEN)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", create=True)


def test_a_signed_override_is_borne_out_by_who_signed_it(store: Store) -> None:
    assert ENTRY.override
    name = sign_promotion(store, ENTRY, [ANN])
    assert list(attestations(store, digest(ENTRY))) == [name]
    assert check_promotion(store, ENTRY, TRUSTED, NOW) == ()
    assert check_promotion(store, ENTRY, TRUSTED, NOW + datetime.timedelta(days=3000)) == ()  # it says what was done
    assert "no key that is trusted" in check_promotion(store, ENTRY, public(EVE), NOW)[0]
    assert check_promotion(store, ENTRY, TRUSTED, NOW, needed=2)
    sign_promotion(store, ENTRY, [EVE])  # somebody else's beside it does no harm
    assert check_promotion(store, ENTRY, TRUSTED, NOW) == ()


def test_others_read_it_as_in_toto(store: Store) -> None:
    sign_promotion(store, ENTRY, [ANN])
    (data,) = attestations(store, digest(ENTRY)).values()
    opened = Envelope.from_dict(json.loads(data))
    assert opened.verify(public(ANN), 1)
    Statement.copy_from_pb(json_format.Parse(opened.payload, statement_pb2.Statement())).validate()
    document = json.loads(opened.payload)
    assert document["predicateType"] == PROMOTION
    assert document["predicate"]["override"] is True
    assert document["predicate"]["promotion"] == plain(ENTRY)
    assert {one["name"] for one in document["subject"]} == {"baseline:h100:3", "verdict", "evidence", "plan"}


def test_without_a_signature_it_is_refused(store: Store) -> None:
    assert check_promotion(store, ENTRY, TRUSTED, NOW) == ("it is not signed",)


CHANGES = {
    "number": 4, "previous": "", "baseline": "a100", "by": "ben", "at": "2026-11-29T11:00:01+00:00", "reason": "no",
    "stack": {"runtime": "x"}, "verdict": "0" * 64, "decision": Decision.GO, "evidence": "0" * 64,
    "nodes": {"n1": "0" * 64}, "ring": "early", "plan": "0" * 64, "policy": "0" * 64, "matrix_digest": "0" * 64,
    "action": "expire", "expires": "2030-01-01", "schema_version": 2, "compat_version": "9",
    "content": {"a": "0" * 64}, "oldest": 1,
}  # fmt: skip


@pytest.mark.parametrize("field", CHANGES)
def test_whatever_is_changed_in_the_entry_is_found(store: Store, field: str) -> None:
    sign_promotion(store, ENTRY, [ANN])
    (data,) = attestations(store, digest(ENTRY)).values()
    changed = replace(ENTRY, **{field: CHANGES[field]})
    assert check_promotion(store, changed, TRUSTED, NOW) == ("it is not signed",)  # it is kept under another digest
    (why,) = check_promotion_envelope(data, TRUSTED, changed, NOW)
    assert why == "it is of another promotion, or the promotion was changed"


def test_every_byte_of_the_entry_s_document_counts(store: Store) -> None:
    """Each byte changed: the log sees it; and whoever gets past the log has no signature for what it says now."""
    log = store.baseline("h100")
    entry = log.append(lambda number, previous: replace(ENTRY, number=number, previous=previous))
    sign_promotion(store, entry, [ANN])
    name = "baselines/h100/000001.json"
    path = store.root / name
    data = path.read_bytes()
    still = 0
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(StoreError):
            log.entries()
        try:
            found = store.read(name, Promotion)
        except StoreError:
            continue
        still += 1
        assert check_promotion(store, found, TRUSTED, NOW) or found == entry, place
    assert still > 100  # else nothing was asked of the signature


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{}", "no envelope"),
        (envelope(ANN), "it is of no promotion"),
        (seal({"_type": "else"}, [ANN]), "no statement of in-toto"),
        (seal([], [ANN]), "no statement of in-toto"),  # type: ignore[arg-type]
    ],
    ids=["nothing", "a verdict", "a thing", "a list"],
)
def test_what_is_signed_and_is_no_promotion_is_refused(data: bytes, said: str) -> None:
    assert said in check_promotion_envelope(data, TRUSTED, ENTRY, NOW)[0]


@pytest.mark.parametrize("at", ["2026-11-29T12:01:01+00:00", "2026-11-29T12:00:00", "today"])
def test_one_from_the_future_is_refused(store: Store, at: str) -> None:
    entry: Promotion = replace(ENTRY, at=at)
    sign_promotion(store, entry, [ANN])
    assert "which is still to come" in check_promotion(store, entry, TRUSTED, NOW)[0]


def test_a_signature_is_of_one_entry_of_one_log(store: Store) -> None:
    sign_promotion(store, ENTRY, [ANN])
    (data,) = attestations(store, digest(ENTRY)).values()
    other = replace(ENTRY, number=1, previous="")
    assert payload(data)
    assert check_promotion_envelope(data, TRUSTED, other, NOW)

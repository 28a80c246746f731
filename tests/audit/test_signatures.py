"""What an audit says of signatures, and of the baselines that came of a verdict."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from compat.model import Decision, Verdict, digest
from compat.store import Store
from compat.way.audit import audit
from tests.audit.build import the_verdict_s, trust_of, wrong
from tests.test_attest import compat, promotion


def test_who_asks_for_a_signature_gets_one_or_it_does_not_stand(here: Path, store: Store) -> None:
    name = the_verdict_s(store)
    assert compat("audit", name, "store", "--trust", "ann.pub", cwd=here).returncode == 0
    done = compat("audit", name, "store", "--trust", "eve.pub", cwd=here)
    assert done.returncode == 1
    assert "WRONG signature     no signature of this verdict is by a key that is trusted" in done.stdout
    assert compat("audit", name, "store", cwd=here).returncode == 0
    shutil.rmtree(here / "store/attestations")
    assert compat("audit", name, "store", "--trust", "ann.pub", cwd=here).returncode == 1


def test_a_signature_that_has_expired_since_still_says_who_signed(here: Path) -> None:
    import datetime

    from compat.gate.envelope import seal
    from compat.gate.keys import signing_key
    from compat.way.signed import attest

    shutil.rmtree(here / "store/attestations")
    store, key = Store(here / "store"), signing_key(str(here / "ann"))
    then = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    attest(store, lambda said: seal(said, [key]), 3600.0, "canary", now=then)
    found = audit(store, store.verdicts()[-1], trust_of(here))
    assert found.stands
    assert any("at 2026-01-01T00:00:00+00:00, valid until 2026-01-01T01:00:00+00:00" in c.said for c in found.checks)


def test_an_envelope_of_another_verdict_is_found(here: Path, store: Store) -> None:
    verdict = store.verdicts()[-1]
    (path,) = (here / "store/attestations").rglob("*.json")
    other = replace(verdict, reasons=("another",))
    store.put_verdict(other)
    place = here / "store/attestations" / digest(other)
    place.mkdir()
    shutil.copy(path, place)
    assert "signature: it is of another verdict" in str(wrong(audit(store, other, trust_of(here))))


def test_baselines_that_came_of_it_are_shown_and_say_what_it_says(here: Path, store: Store) -> None:
    verdict, log = store.verdicts()[-1], store.baseline("fleet")
    bound = _bound(verdict)
    log.append(lambda number, previous: promotion(verdict, number, previous, **bound))
    found = audit(store, verdict, trust_of(here))
    assert found.stands
    assert any("promoted to fleet, entry 1, by ann" in check.said for check in found.checks)
    log.append(lambda number, previous: promotion(verdict, number, previous, **{**bound, "evidence": "0" * 64}))
    assert "its evidence is not the verdict's" in str(wrong(audit(store, verdict)))


def test_an_override_has_to_be_signed_for_who_asks_for_signatures(here: Path, store: Store) -> None:
    from compat.gate.keys import signing_key
    from compat.gate.promotion import sign_promotion

    verdict, log = store.verdicts()[-1], store.baseline("fleet")
    changes = {**_bound(verdict), "decision": Decision.HOLD, "reason": "it burns"}  # by the gate: it had to soak
    entry = log.append(lambda number, previous: promotion(verdict, number, previous, **changes))
    found = audit(store, verdict)
    assert found.stands
    assert "promoted to fleet, entry 1, by ann" in str(found.checks)
    assert "by override: it burns; it is not signed" in str(wrong(audit(store, verdict, trust_of(here))))
    sign_promotion(store, entry, [signing_key(str(here / "eve"))])
    assert "by override: it burns; it is signed by no key that is trusted" in str(
        wrong(audit(store, verdict, trust_of(here)))
    )
    sign_promotion(store, entry, [signing_key(str(here / "ann"))])
    found = audit(store, verdict, trust_of(here))
    assert found.stands
    assert "by override: it burns; signed" in str(found.checks)


def test_what_was_not_go_was_not_promoted_as_go(store: Store) -> None:
    hold = replace(store.verdicts()[-1], decision=Decision.HOLD)
    store.put_verdict(hold)
    store.baseline("fleet").append(lambda number, previous: promotion(hold, number, previous, **_bound(hold)))
    assert "its decision is not the verdict's" in str(wrong(audit(store, hold)))


def _bound(verdict: Verdict) -> dict[str, object]:
    """What an entry of a baseline says of its verdict."""
    return {
        "stack": verdict.candidate, "verdict": digest(verdict), "evidence": verdict.evidence, "plan": verdict.plan,
        "ring": verdict.ring, "matrix_digest": verdict.matrix_digest, "policy": digest(verdict.policy),
    }  # fmt: skip

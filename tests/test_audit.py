"""Why a verdict was what it was: everything it rested on is there, unchanged, and judged again says the same."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from compat.errors import CompatError
from compat.judge import judge
from compat.model import Audited, Decision, Evidence, Verdict, Waiver, WaiverUse, canonical, digest
from compat.store import Store
from compat.way.audit import audit
from compat.way.conclude import blobs, judge_digest
from tests.example import write_example
from tests.test_attest import compat, promotion

TWO_RINGS = "\n  - {name: early, tiers: [cpu], after: canary}"


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example, measured and GO, its verdict signed."""
    folder = tmp_path_factory.mktemp("once")
    matrix = write_example(folder)
    matrix.write_text(matrix.read_text().rstrip() + TWO_RINGS + "\n")
    for words in (
        ("run", "example.yaml", "--content", "site", "--store", "store", "--ring", "canary"),
        ("key", "new", "ann"),
        ("key", "new", "eve"),
        ("attest", "store", "--ring", "canary", "--key", "ann", "--output", "go.json"),
    ):
        done = compat(*words, cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.fixture
def here(once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(once, tmp_path / "here"))


@pytest.fixture
def store(here: Path) -> Store:
    return Store(here / "store")


def the_verdict_s(store: Store) -> str:
    (found,) = store.verdicts(ring="", plan="")
    return digest(found)


def wrong(found: Audited) -> list[str]:
    return [f"{check.what}: {check.said}" for check in found.checks if check.stands is False]


def more(store: Store, pair: int, **changes: object) -> None:
    """Evidence that comes later: the same case again, of both arms."""
    plan = digest(store.plan())
    for record in store.evidence(plan)[:8]:
        store.put_evidence(replace(record, pair=record.pair + pair, **changes))  # type: ignore[arg-type]


# -- it stands ---------------------------------------------------------------------------------------------------------


def test_it_is_named_by_its_digest_or_its_file_or_the_report_s(here: Path, store: Store) -> None:
    name = the_verdict_s(store)
    (file,) = (here / "store/verdicts").rglob("*.json")
    said = set()
    for words in (
        *((start, "store") for start in (name, name[:4], name[:40].upper())),
        *((str(path),) for path in (file, "store/verdict.json")),
        (str(file), "store"),
    ):
        done = compat("audit", *words, "--trust", "ann.pub", cwd=here)
        assert (done.returncode, done.stderr) == (0, "")
        said.add(done.stdout)
    (text,) = said
    assert text.startswith("GO for ring canary of example, judged at ")
    assert text.endswith("It stands: GO\n")
    for word in ("plan", "matrix", "policy", "content", "evidence", "nodes", "runtimes", "outputs", "judged again"):
        assert f"\nok    {word} " in text
    assert "ok    signature     by " in text
    assert "ok    matrix text " in text


def test_as_a_document(here: Path, store: Store) -> None:
    done = compat("audit", the_verdict_s(store), "store", "--json", cwd=here)
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found["stands"] is True
    assert (found["decision"], found["again"], found["verdict"]) == ("GO", "GO", the_verdict_s(store))
    assert {check["what"]: check["stands"] for check in found["checks"]}["judged again"] is True


def test_evidence_that_came_later_does_not_change_it(here: Path, store: Store) -> None:
    verdict = store.verdicts()[-1]
    more(store, 100, seconds=0.25)
    store.put_evidence(replace(store.evidence(verdict.plan)[0], pair=7, item="another"))
    fresh = Store(here / "store")
    found = audit(fresh, verdict)
    assert (found.stands, wrong(found)) == (True, [])
    assert "8 more are there" not in canonical(found)
    assert "more are there, of later or of other rings" in canonical(found)
    assert compat("judge", "store", "--ring", "canary", cwd=here).returncode == 0
    assert len({digest(v) for v in fresh.verdicts()}) == 2
    assert all(audit(fresh, each).stands for each in fresh.verdicts())


def test_a_later_record_that_is_torn_does_not_change_it_and_is_said(store: Store) -> None:
    verdict = store.verdicts()[-1]
    name = store.put_evidence(replace(store.evidence(verdict.plan)[0], pair=50))
    (store.root / name).write_bytes(b"{}")
    found = audit(Store(store.root), verdict)
    assert found.stands
    assert any("not what it rested on" in check.said for check in found.checks)


def test_a_verdict_that_does_not_say_how_many_records_there_were_is_found_by_trying(store: Store) -> None:
    verdict = replace(store.verdicts()[-1], records={})
    store.put_verdict(verdict)
    for pair in (100, 200, 300):
        more(store, pair, started="2031-01-01T00:00:00+00:00")
    found = audit(Store(store.root), verdict)
    assert (found.stands, wrong(found)) == (True, [])


def test_a_ring_after_another_is_judged_by_what_that_one_rested_on(here: Path) -> None:
    assert compat("gate", "store", "--ring", "early", cwd=here).returncode == 0
    store = Store(here / "store")
    early = store.verdicts(digest(store.plan()), "early")[-1]
    assert audit(store, early).stands
    # what the ring before sees later makes it NO-GO now; then, it was GO
    record = next(r for r in store.evidence(early.plan) if r.arm.value == "candidate")
    store.put_evidence(replace(record, pair=9, outputs=()))
    found = audit(Store(here / "store"), early)
    assert (found.stands, wrong(found)) == (True, [])


def test_its_own_day_counts_for_waivers_and_not_today(tmp_path: Path) -> None:
    write_example(tmp_path, add="1")
    assert compat("run", "example.yaml", "--content", "site", "--store", "store", cwd=tmp_path).returncode == 1
    store = Store(tmp_path / "store")
    plan = store.plan()
    waiver = Waiver("operator:adder[two]", "outputs", "adds one more by design", "ana", "2026-01-31")
    evidence = store.evidence(digest(plan))
    started = [replace(record, started="2026-01-30T12:00:00+00:00") for record in evidence]
    shutil.rmtree(tmp_path / "store/evidence")
    store = Store(tmp_path / "store")
    for record in started:
        store.put_evidence(record)
    given = plan, "canary", started, store.identities(), store.nodes(), blobs(store)
    now, later = (judge(*given, f"{day}T13:00:00+00:00", (waiver,)) for day in ("2026-01-31", "2026-02-01"))
    assert (now.decision, later.decision) == (Decision.GO, Decision.NO_GO)
    now = replace(now, judge=judge_digest())
    store.put_verdict(now)
    found = audit(store, now)
    assert (found.stands, wrong(found)) == (True, [])
    assert any("ana accepted outputs of operator:adder[two] until 2026-01-31" in check.said for check in found.checks)


def test_what_a_calibration_said_is_asked_for_and_checked(here: Path) -> None:
    store = Store(here / "store")
    plan, (plain,) = store.plan(), store.verdicts()
    quiet = Store(here / "quiet", create=True)  # the known-good stack beside itself, and nothing measured yet
    quiet.put_plan(replace(plan, candidate=plan.known_good))
    verdict = replace(plain, calibration="0" * 64)
    store.put_verdict(verdict)
    assert wrong(audit(store, verdict))[0].startswith("calibration: it was judged with one that is not given")
    other = audit(store, verdict, calibration=here / "quiet")
    assert wrong(other)[0].startswith("calibration: it is not the one that the verdict was judged with")
    assert wrong(audit(store, verdict, calibration=here / "nowhere"))[0].endswith("name the folder of a run")
    assert audit(store, plain, calibration=here / "quiet").stands  # it says nothing, and nothing is what was said


# -- another judge -----------------------------------------------------------------------------------------------------


def test_another_judge_that_agrees_is_said(store: Store) -> None:
    verdict = replace(store.verdicts()[-1], judge="0" * 64)
    store.put_verdict(verdict)
    found = audit(store, verdict)
    assert found.stands
    (again,) = (check.said for check in found.checks if check.what == "judged again")
    assert again.startswith("GO, by another judge (")
    assert "not 000000000000)" in again


def test_another_judge_that_says_something_else_is_said_with_what(store: Store) -> None:
    old = store.verdicts()[-1]
    first = old.comparisons[0]
    comparisons = (replace(first, status=type(first.status).REGRESS), *old.comparisons[1:])
    verdict = replace(old, judge="0" * 64, decision=Decision.NO_GO, comparisons=comparisons)
    store.put_verdict(verdict)
    found = audit(store, verdict)
    assert not found.stands
    assert wrong(found) == [
        f"judged again: GO, by another judge ({judge_digest()[:12]}, not 000000000000); it was NO-GO: "
        "all 9 comparisons of 2 cases on 1 node are fine"
    ]
    assert any(f"{first.item} {first.metric}: was regress, is {first.status.value}" in c.said for c in found.checks)


def test_one_judge_that_says_something_else_of_the_same_is_wrong(store: Store) -> None:
    old = store.verdicts()[-1]
    for change in ({"reasons": ("because",)}, {"nodes": ()}, {"comparisons": old.comparisons[1:]}):
        verdict = replace(old, **change)  # type: ignore[arg-type]
        store.put_verdict(verdict)
        assert wrong(audit(store, verdict))[0].startswith("judged again: GO, by the same judge; not the same: ")


# -- it does not stand -------------------------------------------------------------------------------------------------


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
    trusted = _trusted(here)
    for paths in kinds.values():
        for path in paths:
            data = path.read_bytes()
            for place in sorted({0, len(data) - 1, *(numbers.randrange(len(data)) for _ in range(8))}):
                path.write_bytes(data[:place] + bytes([data[place] ^ (1 << numbers.randrange(7))]) + data[place + 1 :])
                assert not _stands(here / "store", name, trusted), f"{path.name}, byte {place}"
            path.write_bytes(data)
    assert _stands(here / "store", name, trusted)


def _trusted(here: Path) -> tuple:
    from compat.gate.keys import trusted_keys

    return trusted_keys([str(here / "ann.pub")])


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
    found = audit(store, store.verdicts()[-1], _trusted(here))
    assert any("is not as it was when it was signed" in why for why in wrong(found))


def test_a_report_s_document_that_was_changed_is_found(here: Path) -> None:
    path = here / "store/verdict.json"
    path.write_text(path.read_text().replace('"all 9 comparisons', '"all 99 comparisons'))
    done = compat("audit", "store/verdict.json", cwd=here)
    assert done.returncode == 1
    assert "WRONG verdict" in done.stdout
    assert "the document does not say what that verdict says" in done.stdout


# -- signatures and baselines ------------------------------------------------------------------------------------------


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
    found = audit(store, store.verdicts()[-1], _trusted(here))
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
    assert "signature: it is of another verdict" in str(wrong(audit(store, other, _trusted(here))))


def test_baselines_that_came_of_it_are_shown_and_say_what_it_says(here: Path, store: Store) -> None:
    verdict, log = store.verdicts()[-1], store.baseline("fleet")
    bound = _bound(verdict)
    log.append(lambda number, previous: promotion(verdict, number, previous, **bound))
    found = audit(store, verdict, _trusted(here))
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
    assert "by override: it burns; it is not signed" in str(wrong(audit(store, verdict, _trusted(here))))
    sign_promotion(store, entry, [signing_key(str(here / "eve"))])
    assert "by override: it burns; it is signed by no key that is trusted" in str(
        wrong(audit(store, verdict, _trusted(here)))
    )
    sign_promotion(store, entry, [signing_key(str(here / "ann"))])
    found = audit(store, verdict, _trusted(here))
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("00",), "is no file, and a digest needs a store"),
        (("zz", "store"), "has 0 verdicts whose digest begins with 'zz'"),
        (("", "store"), "word 2: is empty"),
        (("0" * 64, "store"), "has 0 verdicts"),
        (("00", "nowhere"), "is not a store"),
        (("example.yaml",), "is in no store"),
        (("example.yaml", "store"), "is torn or no verdict"),
        (("go.json", "store"), "is torn or not ours: schema_version: Field required"),
        (("digests.json", "store"), "is torn or not ours"),
        (("soon.json", "store"), "is torn or not ours: judged_at: 'soon' is no moment"),
        (("far.json", "store"), "is torn or not ours: judged_at: '9999-12-31T23:59:59+00:00' is no moment"),
        (("waived.json", "store"), "is torn or not ours: waivers.0.waiver.expires: 'never' is no day"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(here: Path, words: tuple[str, ...], said: str) -> None:
    (here / "digests.json").write_text('{"digests": []}')
    waived = WaiverUse(Waiver("*", "*", "why", "ann", "never"), "in force", 1)
    write(here / "soon.json", here, judged_at="soon")
    write(here / "far.json", here, judged_at="9999-12-31T23:59:59+00:00")
    write(here / "waived.json", here, waivers=(waived,))
    done = compat("audit", *words, cwd=here)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def write(file: Path, here: Path, **changes: object) -> None:
    """The store's verdict as somebody changed it."""
    (verdict,) = Store(here / "store").verdicts()
    file.write_text(canonical(replace(verdict, **changes)))  # type: ignore[arg-type]


def test_a_ring_that_is_none_of_its_plan_s_does_not_stand(here: Path, store: Store) -> None:
    (verdict,) = store.verdicts()
    write(here / "other.json", here, ring="production")
    for name in ("other.json", store.put_verdict(replace(verdict, ring="production"))):
        done = compat("audit", name, "store", cwd=here)
        assert (done.returncode, done.stderr) == (1, "")
        assert "WRONG ring         'production' is none of its plan's\n" in done.stdout


def test_a_torn_moment_of_a_stored_verdict_is_one_line(here: Path) -> None:
    (file,) = (here / "store/verdicts").rglob("*.json")
    file.write_text(file.read_text().replace('"judged_at":"20', '"judged_at":"soon 20'))
    name = file.stem.rpartition("-")[2]
    for words in (("audit", name, "store"), ("gate", "store", "--stored", "--ring", "canary")):
        done = compat(*words, cwd=here)
        assert done.returncode == 2
        assert "is torn or not ours: judged_at: 'soon 20" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_an_audit_writes_nothing(here: Path, store: Store) -> None:
    before = {path: path.read_bytes() for path in (here / "store").rglob("*") if path.is_file()}
    assert compat("audit", the_verdict_s(store), "store", "--trust", "ann.pub", cwd=here).returncode == 0
    assert {path: path.read_bytes() for path in (here / "store").rglob("*") if path.is_file()} == before

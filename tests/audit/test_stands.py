"""A verdict stands where everything it rested on is there, unchanged, and judged again says the same."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from compat.judge import judge
from compat.model import Decision, Waiver, canonical, digest
from compat.store import Store
from compat.way.audit import audit
from compat.way.conclude import blobs, judge_digest
from tests.audit.build import more, the_verdict_s, wrong
from tests.example import write_example
from tests.test_attest import compat


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

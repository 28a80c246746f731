"""What is read of a store besides the verdict that is shown: earlier ones, rings, looks. Bounded, and no error."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from compat.model import Decision, Status, digest
from compat.report.history import history_view
from compat.report.past import History
from compat.store import Store
from compat.way import history, past_verdicts, series
from compat.way.history import read_history
from tests.example import write_example
from tests.report import build
from tests.test_cli import compat
from tests.way.story import DAYS, GEMM, POOL, plan, story, verdict


def read(folder: Path) -> History:
    store, new, last = story(folder)
    return read_history(store, new, last, digest(last), store.rehearsals(digest(new)))


def test_earlier_verdicts_come_from_the_earlier_plan_too(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.problems == []
    canary = found.verdicts["canary"]
    assert [one.judged_at[8:10] for one in canary] == ["15", "14", "13", "12", "11", "10"]
    assert [one.plan == digest(plan()) for one in canary] == [True] * 3 + [False] * 3
    assert canary[0].digest == found.digest
    assert canary[0].counts == {Status.PASS: 17, Status.REGRESS: 1}
    assert len(found.verdicts["early"]) == 1


def test_each_says_what_is_another_since_the_one_before(tmp_path: Path) -> None:
    newest, before, first_of_plan, *_, first = read(tmp_path).verdicts["canary"]
    assert newest.changed is not None
    assert (newest.changed.failed_names, newest.changed.fixed, newest.changed.before) == ((POOL,), 0, before.digest)
    assert before.changed is not None
    assert (before.changed.failed, before.changed.fixed_names) == (0, (POOL, GEMM))
    assert first_of_plan.changed is not None
    assert first_of_plan.changed.other_plan
    assert not before.changed.other_plan
    assert first.changed is None


def test_the_sentinels_are_those_that_were_looked_at(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.sentinels == [GEMM]
    effects = [[one.effect for one in past.effects] for past in reversed(found.verdicts["canary"])]
    assert effects == [[] if slower is None else [slower] for slower, _ in DAYS]


def test_without_a_look_they_are_those_that_would_be(tmp_path: Path) -> None:
    store, new, last = story(tmp_path)
    for path in (tmp_path / "watches").rglob("*.json"):
        path.unlink()
    found = read_history(store, new, last, digest(last), ())
    assert GEMM in found.sentinels
    assert len(found.sentinels) > 1


def test_where_the_rings_stand_is_what_the_gates_say(tmp_path: Path) -> None:
    overview = read(tmp_path).overview
    assert overview is not None
    canary, early = overview.stands
    assert (canary.decision, early.decision) == (Decision.NO_GO, Decision.HOLD)
    assert early.since == "2025-11-14T08:00:00+00:00"
    assert list(overview.held) == [build.NODE.id]


def test_an_upgrade_to_something_else_is_no_earlier_one(tmp_path: Path) -> None:
    store, new, last = story(tmp_path)
    other = dataclasses.replace(plan(), name="another", matrix_digest=digest("another"))
    store.put_plan(other)
    said = dataclasses.replace(verdict(other, 16, 0.0, failed=False), matrix="another")
    store.put_verdict(said)
    third = dataclasses.replace(new, matrix_digest=digest("third"))
    store.put_plan(third)
    newest = verdict(third, 17, 0.0, failed=False)
    store.put_verdict(newest)
    found = read_history(store, third, newest, digest(newest), ())
    assert [one.judged_at[8:10] for one in found.verdicts["canary"]] == ["17", "15", "14", "13", "12", "11", "10"]
    found = read_history(store, new, last, digest(last), ())  # and a later plan is none either
    assert len(found.verdicts["canary"]) == len(DAYS)
    found = read_history(store, other, said, digest(said), ())
    assert len(found.verdicts["canary"]) == 1


def test_a_verdict_that_cannot_be_read_is_said_and_the_rest_is_there(tmp_path: Path) -> None:
    store, new, last = story(tmp_path)
    broken = sorted((tmp_path / "verdicts" / digest(plan(later=False)) / "canary").iterdir())[1]
    broken.write_bytes(broken.read_bytes().replace(b"NO-GO", b"GO", 1))
    found = read_history(store, new, last, digest(last), ())
    assert [one.judged_at[8:10] for one in found.verdicts["canary"]] == ["15", "14", "13", "12", "10"]
    (problem,) = found.problems
    assert "its content was changed" in problem
    assert found.overview is not None  # it rests on this plan's verdicts alone


@pytest.mark.parametrize(("earlier", "after"), [(False, "15"), (True, "12")])
def test_what_changed_is_not_said_after_one_that_cannot_be_read(tmp_path: Path, earlier: bool, after: str) -> None:
    store, new, last = story(tmp_path)
    folder = tmp_path / "verdicts" / digest(plan(later=not earlier)) / "canary"
    sorted(folder.iterdir())[1].write_bytes(b"torn")
    found = read_history(store, new, last, digest(last), ())
    canary = found.verdicts["canary"]
    (gap,) = (one for one in canary if one.gap)
    assert (gap.judged_at[8:10], gap.changed) == (after, None)
    assert [one.judged_at[8:10] for one in canary if one.changed is None] == [after, "10"]
    (shown, *_) = (ring for ring in history_view(last, found, (), {}).verdicts if ring.ring == "canary")
    said = {row.judged_at[8:10]: row.said for row in shown.rows}
    assert said[after] == "the one before was not read: what changed is not known"
    assert (found.torn["canary"], found.more["canary"]) == (1, 0)
    assert shown.more == "Not shown: 1 verdict that could not be read"


@pytest.mark.parametrize(("torn", "following"), [(1, "14"), (3, "12")])
def test_a_plan_that_was_passed_over_leaves_a_gap(tmp_path: Path, torn: int, following: str) -> None:
    store, new, _ = story(tmp_path)
    third = dataclasses.replace(new, matrix_digest=digest("third"))
    store.put_plan(third)
    newest = verdict(third, 17, 0.0, failed=False)
    store.put_verdict(newest)
    for one in sorted((tmp_path / "verdicts" / digest(new) / "canary").iterdir())[-torn:]:
        one.write_bytes(b"torn")
    found = read_history(store, third, newest, digest(newest), ())
    assert [(one.judged_at[8:10], one.gap) for one in found.verdicts["canary"]][:2] == [
        ("17", True),
        (following, False),
    ]
    assert (found.torn["canary"], found.unread["canary"]) == ((0, 1) if torn == 3 else (1, 0))


def test_verdicts_of_several_plans_are_in_the_order_of_time(tmp_path: Path) -> None:
    store, new, last = story(tmp_path)
    old = plan(later=False)
    again = verdict(old, 16, 0.001, failed=False)
    store.put_verdict(again)
    found = read_history(store, new, last, digest(last), ())
    canary = found.verdicts["canary"]
    assert [one.judged_at[8:10] for one in canary] == ["16", "15", "14", "13", "12", "11", "10"]
    assert [one.changed.before if one.changed else None for one in canary] == [
        *(one.digest for one in canary[1:]),
        None,
    ]
    assert canary[0].changed is not None
    assert (canary[0].changed.other_plan, canary[0].changed.fixed_names) == (True, (POOL,))
    assert found.newer == []

    found = read_history(store, old, again, digest(again), ())  # what is of a later plan is not shown, and said
    assert [one.judged_at[8:10] for one in found.verdicts["canary"]] == ["16", "12", "11", "10"]
    assert found.newer == [digest(new)]
    said = (
        f"1 newer plan of this upgrade has verdicts, which are not shown here: the newest is plan {digest(new)[:12]}."
    )
    assert history_view(again, found, (), {}).said == (said,)


def test_a_clock_that_was_set_back_leaves_the_order_of_a_plan(tmp_path: Path) -> None:
    store, new, _ = story(tmp_path)
    last = verdict(new, 9, 0.001, failed=False)
    store.put_verdict(last)
    found = read_history(store, new, last, digest(last), ())
    assert [one.judged_at[8:10] for one in found.verdicts["canary"]] == ["09", "15", "14", "13", "12", "11", "10"]


def test_what_was_lost_may_lie_before_that_of_another_plan(tmp_path: Path) -> None:
    store, new, last = story(tmp_path)
    old = plan(later=False)
    for day in (16, 17):
        store.put_verdict(verdict(old, day, 0.001, failed=False))
    sorted((tmp_path / "verdicts" / digest(old) / "canary").iterdir())[-2].write_bytes(b"torn")
    found = read_history(store, new, last, digest(last), ())
    gaps = [(one.judged_at[8:10], one.gap) for one in found.verdicts["canary"]]
    # That of the 16th lies somewhere between those of the 17th and of the 12th: nobody knows where.
    assert gaps == [("17", True), ("15", True), ("14", True), ("13", True), ("12", False), ("11", False), ("10", False)]


def test_where_a_ring_stands_is_not_said_where_a_verdict_of_its_plan_is_not_read(tmp_path: Path) -> None:
    store, new, last = story(tmp_path)
    broken = min((tmp_path / "verdicts" / digest(new) / "canary").iterdir())
    for text in (b"{", b'{"schema_version": 1}', b"\xff"):
        broken.write_bytes(text)
        found = read_history(store, new, last, digest(last), ())
        assert found.overview is None
        assert any("where its rings stand cannot be said" in problem for problem in found.problems)
        assert found.verdicts["canary"][0].digest == digest(last)


def test_a_torn_look_or_log_is_said(tmp_path: Path) -> None:
    store, new, last = story(tmp_path)
    (watch, *_) = (tmp_path / "watches").rglob("*.json")
    watch.write_bytes(b"{}")
    (lease,) = (tmp_path / "leases").rglob("*.json")
    lease.write_bytes(b"{}")
    found = read_history(store, new, last, digest(last), ())
    assert [problem.split(" could not be read")[0] for problem in found.problems] == [
        "the looks at its nodes",
        "where its rings stand",
    ]
    assert len(found.verdicts["canary"]) == len(DAYS)


def test_of_many_the_newest_are_shown_and_it_is_said_how_many_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, new, _ = story(tmp_path)
    for day in range(16, 30):
        last = verdict(new, day, 0.001 * day, failed=False)
        store.put_verdict(last)
    for second in range(4):
        last = dataclasses.replace(verdict(new, 30, 0.0, failed=False), judged_at=f"2025-11-30T08:00:0{second}+00:00")
        store.put_verdict(last)
    found = read_history(store, new, last, digest(last), ())
    shown = found.verdicts["canary"]
    assert (len(shown), found.more["canary"], found.unread["canary"]) == (20, 4, 0)
    assert shown[-1].changed is not None
    assert found.overview is not None
    assert found.overview.stands[0].since == "2025-11-16T08:00:00+00:00"  # by all of them
    monkeypatch.setattr(series, "_AHEAD", 0)
    found = read_history(store, new, last, digest(last), ())
    assert (len(found.verdicts["canary"]), found.more["canary"], found.unread["canary"]) == (20, 1, 1)


def test_reading_ends_with_its_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = max(path.stat().st_size for path in (story(tmp_path)[0].root / "verdicts").rglob("*.json"))
    monkeypatch.setattr(history, "_BUDGET", 2 * size)
    store, new, last = Store(tmp_path), plan(), verdict(plan(), 15, *DAYS[-1])
    found = read_history(store, new, last, digest(last), ())
    assert 2 <= len(found.verdicts["canary"]) <= 3
    assert found.overview is None
    assert "older ones left out" in found.problems[-1]


def test_few_plans_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_verdicts, "_PLANS", 0)
    found = read(tmp_path)
    assert (len(found.verdicts["canary"]), found.unread["canary"]) == (3, 1)


def test_a_report_of_a_real_store_has_its_history(tmp_path: Path) -> None:
    write_example(tmp_path)
    words = ("run", "example.yaml", "--ring", "canary", "--content", "site")
    assert compat(*words, cwd=tmp_path).returncode == 0
    first = (tmp_path / "out/example/report.html").read_text()
    assert "there is no history yet" in first
    write_example(tmp_path, add="1")
    assert compat(*words, cwd=tmp_path).returncode == 1
    text = (tmp_path / "out/example/report.html").read_text()
    assert "there is no history yet" not in text
    assert "1 case newly not fine; the one before is of another plan of this upgrade" in text
    document = json.loads((tmp_path / "out/example/verdict.json").read_text())
    assert document["digests"]["verdict"] in text

    (old,) = (path for path in (tmp_path / "out/example/verdicts").rglob("*.json") if b'"GO"' in path.read_bytes())
    old.write_bytes(old.read_bytes()[:-1])
    done = compat("report", "out/example", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "out/example/report.html").read_text()
    assert "A verdict could not be read: " in text
    assert "there is no history yet" not in text
    assert "the first one in this store" not in text
    assert "its content was changed" in text

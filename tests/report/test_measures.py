"""The five measures: what they say with numbers, and that what is not known is never good."""

from __future__ import annotations

import dataclasses

import pytest

from compat.model import SCHEMA_VERSION, Decision, Rehearsal, Rejection, Skew, Status, Verdict, Window
from compat.report.measures import Measure
from compat.report.view import View, view
from tests.report import build

_KEYS = ["pass_rate", "regressions", "version_skew", "rollback_seconds", "support_days"]


def by_key(shown: View) -> dict[str, Measure]:
    return {measure.key: measure for measure in shown.measures}


def of(verdict: Verdict, rehearsals: tuple[Rehearsal, ...] = (), **plan: object) -> dict[str, Measure]:
    return by_key(view(verdict, dataclasses.replace(build.plan(), **plan), (build.NODE,), {}, (), rehearsals))


def rehearsal(at: str, *, good: bool = True, **more: object) -> Rehearsal:
    made = Rehearsal(
        SCHEMA_VERSION, build.verdict().plan, "canary", build.NODE.id, at, "ada", real=False, good=good,
        phases={"command": 33.0, "sentinels": 8.4}, findings=() if good else ("driver 580 is there still",),
    )  # fmt: skip
    return dataclasses.replace(made, **more)


@pytest.mark.parametrize("made", [build.demo, build.path, build.go, build.hold, build.empty, build.hostile])
def test_there_are_five_in_one_order(made) -> None:
    shown = made()
    assert [measure.key for measure in shown.measures] == _KEYS
    assert all(measure.tone in ("good", "bad", "hold", "info") and measure.said for measure in shown.measures)


def test_of_nothing_nothing_is_known_and_none_is_good() -> None:
    found = by_key(build.empty())
    assert {measure.tone for measure in found.values()} == {"hold"}
    assert {measure.number for measure in found.values()} == {None}
    assert [found[key].value for key in _KEYS] == ["none", "not known", "not read", "not rehearsed", "not known"]


def test_a_rate_and_regressions_are_of_what_is_required() -> None:
    found = by_key(build.path())  # which has a regression that is shown only
    rate, worse = found["pass_rate"], found["regressions"]
    assert (rate.value, rate.tone, rate.number) == ("66.6 %", "bad", 12 / 18)  # cut, not rounded
    assert rate.said == (
        "12 of 18 required comparisons passed; of the others 3 regress, 1 invalid, 1 inconclusive, 1 fixed."
    )
    assert (worse.value, worse.tone, worse.number) == ("3", "bad", 3.0)
    assert worse.said == (
        "3 required comparisons of 3 cases shown to be worse; 2 not settled, and may be worse; "
        "1 more shown only, not judged for the ring."
    )


def test_it_says_100_percent_of_all_and_of_nothing_less() -> None:
    assert (by_key(build.go())["pass_rate"].value, by_key(build.go())["pass_rate"].tone) == ("100 %", "good")
    (one, *_) = (found for found in build.comparisons() if found.status is Status.PASS)
    many = (*(one for _ in range(2999)), dataclasses.replace(one, status=Status.INCONCLUSIVE))
    found = of(dataclasses.replace(build.verdict(), comparisons=many))
    assert (found["pass_rate"].value, found["pass_rate"].tone) == ("99.9 %", "hold")
    assert (found["regressions"].value, found["regressions"].tone) == ("0", "hold")


@pytest.mark.parametrize("status", [Status.UNCOVERED, Status.FIXED, Status.WAIVED])
def test_where_nothing_passed_none_is_good(status: Status) -> None:
    (one, *_) = (found for found in build.comparisons() if found.status is Status.PASS)
    made = dataclasses.replace(build.verdict(), comparisons=(dataclasses.replace(one, status=status),) * 5)
    found = of(made)
    assert (found["pass_rate"].value, found["pass_rate"].tone) == ("0.0 %", "hold")
    assert (found["regressions"].value, found["regressions"].tone) == ("0", "hold")
    assert ("5 cannot be told apart here" in found["regressions"].said) is (status is Status.UNCOVERED)


def test_what_was_not_planned_and_is_in_the_way_of_go_is_named() -> None:
    passed = tuple(found for found in build.comparisons() if found.status is Status.PASS)
    made = dataclasses.replace(build.verdict(), comparisons=passed, decision=Decision.HOLD)
    unplaced = tuple(Rejection(f"driver 580.{n}", "no node of ring canary has it", blocking=True) for n in range(3))
    blocked = "; not covered, and in the way of GO: driver 580.0 (no node of ring canary has it)"
    found = of(made, rejections=unplaced)
    for key in ("pass_rate", "regressions"):
        assert found[key].tone == "hold"
        assert found[key].said.endswith(f"{blocked}, and 2 more.")
    elsewhere = (dataclasses.replace(unplaced[0], ring="early"), dataclasses.replace(unplaced[1], blocking=False))
    found = of(made, rejections=elsewhere)
    assert {found[key].tone for key in ("pass_rate", "regressions")} == {"good"}
    assert "in the way of GO" not in found["pass_rate"].said
    found = of(dataclasses.replace(made, comparisons=()), rejections=unplaced[:1])
    assert found["pass_rate"].said == f"No required comparison was made{blocked}."


def test_what_is_accepted_is_said() -> None:
    found = build.comparisons()
    waived = tuple(
        dataclasses.replace(one, status=Status.WAIVED, waived=Status.REGRESS) if one.status is Status.REGRESS else one
        for one in found
        if one.status in (Status.PASS, Status.REGRESS)
    )
    worse = of(dataclasses.replace(build.verdict(), comparisons=waived))["regressions"]
    assert (worse.value, worse.tone) == ("0", "good")
    assert worse.said.endswith("3 more accepted by a waiver.")


def test_skew_that_the_candidate_alone_has_holds() -> None:
    new = Skew("driver", "the driver's parts", {"kernel module": "570.211", "libcuda": "580.159"}, new=True)
    old = Skew("nodes", "glibc", {"canary-01": "2.36", "canary-02": "2.39"}, new=False)
    found = of(dataclasses.replace(build.verdict(), skew=(new, old)))["version_skew"]
    assert (found.value, found.tone, found.number) == ("1 new", "hold", 1.0)
    assert "kernel module 570.211, libcuda 580.159; 1 in the known-good, too" in found.said
    found = of(dataclasses.replace(build.verdict(), skew=(old,)))["version_skew"]
    assert (found.value, found.tone, found.number) == ("0 new", "info", 0.0)
    found = of(build.verdict())["version_skew"]
    assert (found.value, found.tone, found.number) == ("none", "good", 0.0)


def test_a_way_back_has_seconds_where_it_was_good() -> None:
    found = of(build.verdict(), (rehearsal("2025-11-19T10:00:00Z"),))["rollback_seconds"]
    assert (found.value, found.tone, found.number) == ("41 s", "good", 41.4)
    assert found.said == "Good after 41.4 s, rehearsed on node canary-01 of ring canary, 2025-11-19 10:00 UTC."


def test_a_way_back_that_failed_since_is_bad_whatever_was_before() -> None:
    failed = rehearsal("2025-11-19T11:00:00Z", good=False)
    found = of(build.verdict(), (failed, rehearsal("2025-11-19T10:00:00Z")))["rollback_seconds"]
    assert (found.value, found.tone) == ("41 s", "bad")
    assert found.said.endswith("was not good: driver 580 is there still.")
    found = of(build.verdict(), (failed,))["rollback_seconds"]
    assert (found.value, found.tone, found.number) == ("not good", "bad", None)


@pytest.mark.parametrize(
    ("since", "settled"),
    [
        ({}, True),
        ({"pattern": "model:*"}, False),
        ({"real": True}, False),  # a look says nothing of the way that was rehearsed
        ({"real": True, "phases": {"rollback": 60.0, "sentinels": 8.4}}, True),
        ({"node": "another"}, False),
    ],
)
def test_only_a_whole_way_back_makes_up_for_one_that_failed(since: dict[str, object], settled: bool) -> None:
    told = (
        rehearsal("2025-11-19T10:00:00Z"),
        rehearsal("2025-11-19T11:00:00Z", good=False),
        rehearsal("2025-11-19T13:30:00+02:00", **since),  # half an hour later
    )
    found = of(build.verdict(), told)["rollback_seconds"]
    assert found.tone == ("good" if settled else "bad")
    assert ("was not good: driver 580 is there still" in found.said) is not settled
    partly = not settled and "node" not in since
    assert ("what was good there since was not the whole way" in found.said) is partly


def test_a_look_makes_up_for_a_node_that_was_not_back() -> None:
    first = rehearsal("2025-11-19T10:00:00Z")
    failed = rehearsal("2025-11-19T11:00:00Z", good=False, real=True)
    looked = rehearsal("2025-11-19T11:30:00Z", real=True)
    assert of(build.verdict(), (first, failed, looked))["rollback_seconds"].tone == "good"
    narrowed = dataclasses.replace(looked, pattern="model:*")
    assert of(build.verdict(), (first, failed, narrowed))["rollback_seconds"].tone == "bad"


def test_a_narrowed_or_an_old_way_back_is_not_good_enough() -> None:
    found = of(build.verdict(), (rehearsal("2025-11-19T10:00:00Z", pattern="model:*"),))["rollback_seconds"]
    assert (found.value, found.tone) == ("not rehearsed", "hold")
    ring = dataclasses.replace(build.plan().rings[0], rehearsal=7 * 86400.0)
    found = of(build.verdict(), (rehearsal("2025-11-01T10:00:00Z"),), rings=(ring,))["rollback_seconds"]
    assert (found.value, found.tone) == ("41 s", "hold")
    assert "that is 19 days ago, the ring asks for one in the last 7" in found.said


def test_ages_are_counted_to_now_and_numbers_stay_those_of_the_verdict() -> None:
    """What is judged again a year later and came to the same is the verdict that was there."""
    ring = dataclasses.replace(build.plan().rings[0], rehearsal=7 * 86400.0)
    windows = tuple(Window(axis, name, "2025-12-01", False, "a table") for axis, name in build.CANDIDATE.items())
    plan = dataclasses.replace(build.plan(), rings=(ring,), windows=windows)

    def at(now: str) -> dict[str, Measure]:
        back = rehearsal("2025-11-19T10:00:00Z")
        return by_key(view(build.verdict(), plan, (build.NODE,), {}, (), (back,), now=now))

    then, later = at("2025-11-20T09:00:00Z"), at("2026-11-20T09:00:00Z")
    assert [then[key].tone for key in ("rollback_seconds", "support_days")] == ["good", "good"]
    assert then["support_days"].value == "11 days"
    assert [later[key].tone for key in ("rollback_seconds", "support_days")] == ["hold", "bad"]
    assert "that is 366 days ago, the ring asks for one in the last 7" in later["rollback_seconds"].said
    assert later["support_days"].value == "over for 354 days"
    assert later["support_days"].said.endswith("which was 354 days ago; 11 left on the day of the verdict.")
    assert {key: one.number for key, one in then.items()} == {key: one.number for key, one in later.items()}
    ahead = at("2025-11-19T09:00:00Z")["rollback_seconds"]
    assert (ahead.tone, "that is still to come" in ahead.said) == ("hold", True)


def test_without_days_at_the_verdict_there_is_no_number_later() -> None:
    window = Window("driver", "none", "2025-12-01", ended=True, source="a table")
    plan = dataclasses.replace(build.plan(), windows=(window,))
    shown = [
        view(build.verdict(), plan, (), {}, (), now=now) for now in ("2025-11-21T00:00:00Z", "2026-11-20T00:00:00Z")
    ]
    assert [by_key(one)["support_days"].number for one in shown] == [None, None]
    assert [by_key(one)["support_days"].value for one in shown] == ["over", "over for 354 days"]
    assert [one.windows[0].days_left for one in shown] == [None, None]


@pytest.mark.parametrize(
    ("ends", "ended", "value", "tone"),
    [
        ("2026-06-20", False, "212 days", "hold"),
        ("2025-11-20", False, "0 days", "hold"),
        ("2025-11-19", False, "over for 1 day", "bad"),
        (None, True, "over", "bad"),
        ("2030-01-01", True, "over", "bad"),  # a table that contradicts itself
        (None, False, "not known", "hold"),
    ],
)
def test_support_is_of_what_the_candidate_has(ends: str | None, ended: bool, value: str, tone: str) -> None:
    window = Window("driver", "none", ends, ended, "a table, 2025-11-01")
    ring = dataclasses.replace(build.plan().rings[0], budget=60.0)
    found = of(build.verdict(), windows=(window,), rings=(ring,))["support_days"]
    assert (found.value, found.tone) == (value, tone)
    assert "the tables say nothing of runtime" in found.said


def test_support_is_good_where_the_tables_know_every_part() -> None:
    windows = (
        Window("driver", "none", "2026-06-20", ended=False, source="a table"),
        Window("runtime", "stack-2025", "2026-07-20", ended=False, source="a table"),
    )
    found = of(build.verdict(), windows=windows)["support_days"]
    assert (found.value, found.tone, found.number) == ("212 days", "good", 212.0)
    assert "the tables say nothing" not in found.said


def test_a_part_of_which_nobody_knows_keeps_support_from_good() -> None:
    windows = (
        Window("driver", "none", "2026-06-20", ended=False, source="a table"),
        Window("runtime", "stack-2025", None, ended=False, source="a table"),
        Window("runtime", "stack-2024", "2025-01-01", ended=False, source="a table"),  # the known-good one
    )
    found = of(build.verdict(), windows=windows)["support_days"]
    assert (found.value, found.tone, found.number) == ("212 days", "hold", 212.0)
    assert found.said.endswith("the end of runtime stack-2025 is not known.")

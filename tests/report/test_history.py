"""Rings and history in a view, of nouns that were read elsewhere; and how the trends are drawn."""

from __future__ import annotations

import dataclasses
import html
import math
from pathlib import Path

import pytest

from compat.model import Decision, Status, digest
from compat.report.formats.html import render_html
from compat.report.formats.markdown import render_markdown
from compat.report.history import HistoryView
from compat.report.items import item_anchor
from compat.report.past import Effect, History, Line, Past, changed, failing, past
from compat.report.trends import HEIGHT, WIDTH, trends
from compat.report.view import View, view
from compat.way.history import read_history
from tests.report import build
from tests.way.story import GEMM, POOL, story


def shown(folder: Path, **changes: object) -> View:
    store, new, last = story(folder)
    rehearsals = store.rehearsals(digest(new))
    found = dataclasses.replace(read_history(store, new, last, digest(last), rehearsals), **changes)
    return view(last, new, (build.NODE,), build.IDENTITIES, build.evidence(), rehearsals, found)


@pytest.fixture
def told(tmp_path: Path) -> HistoryView:
    return shown(tmp_path).history


def test_the_rings_stand_in_the_order_of_the_matrix(told: HistoryView) -> None:
    canary, early = told.rings
    assert (canary.ring, canary.state, canary.tone, canary.this) == ("canary", "NO-GO", "bad", True)
    assert canary.lines[0] == "measured on 1 node: canary-01"
    assert canary.why == ("for the reasons of its verdict, above",)
    assert (early.state, early.this) == ("HOLD", False)
    assert early.lines[0] == "its own verdict is GO since 2025-11-14 08:00 UTC"
    assert early.why[0].startswith("ring canary, which comes before it, is NO-GO")


def test_verdicts_are_listed_with_what_changed(told: HistoryView) -> None:
    canary, early = told.verdicts
    assert [row.decision for row in canary.rows[:3]] == [Decision.NO_GO, Decision.GO, Decision.NO_GO]
    assert [row.this for row in canary.rows] == [True, *[False] * 5]
    assert canary.rows[0].said == "1 case newly not fine"
    assert [(item.key, bool(item.anchor)) for item in canary.rows[0].failed] == [(POOL, True)]
    assert canary.rows[2].said == "2 cases newly not fine; the one before is of another plan of this upgrade"
    assert canary.rows[-1].said == "the first one in this store"
    assert (canary.rows[0].counts, canary.more) == ("1 regress, 17 pass", "")
    assert len(early.rows) == 1


def test_ways_back_and_looks_are_all_there(told: HistoryView) -> None:
    assert [(back.state, back.took) for back in told.backs] == [
        ("good", "42.3 s (command 33.0 s, first start 0.9 s, sentinels 8.4 s)"),
        ("not good", "42.3 s (command 33.0 s, first start 0.9 s, sentinels 8.4 s)"),
    ]
    assert told.backs[1].findings == ("driver 580.95.05 is there still",)
    assert told.looks_said == "2 looks at 1 node, 1 with findings."
    assert [bool(look.findings) for look in told.looks] == [True, False]  # those with findings first
    assert told.leases == ("canary-01 belongs to this upgrade since 2025-11-13 07:00 UTC (by ada)",)


def test_a_trend_has_a_gap_where_a_verdict_has_no_effect(told: HistoryView) -> None:
    (trend,) = told.trends
    assert (trend.item, trend.metric, trend.beyond) == (GEMM, "latency", False)
    assert trend.said.endswith("margin +3.00 %; in 5 of 6 verdicts")
    assert trend.anchor == item_anchor(GEMM)
    assert trend.line.count("M") == 2  # two pieces
    assert trend.line.count("L") == 3
    assert trend.dots.count("h0") == trend.intervals.count("V") == 5
    assert "2025-11-12 08:00 UTC: none" in trend.label


def test_a_trend_has_a_gap_where_a_verdict_could_not_be_read() -> None:
    own = verdicts(*((effect(0.01 * n),) for n in range(4)))
    (trend,), _ = trends(own, ["a"])
    assert trend.line.count("M") == 1
    (trend,), _ = trends([*own[:2], dataclasses.replace(own[2], gap=True), own[3]], ["a"])
    assert trend.line.count("M") == 2


def test_what_is_not_shown_is_said(tmp_path: Path) -> None:
    told = shown(tmp_path, more={"canary": 3}, unread={"canary": 2}).history
    assert told.verdicts[0].more == (
        "Not shown: 3 older verdicts, and those of 2 earlier plans, which may be of other upgrades"
    )
    assert told.verdicts[0].rows[-1].said == "nothing before it was read"


def test_of_one_verdict_there_is_no_history_and_of_none_nobody_asked() -> None:
    one = past(build.verdict(), (), "a" * 64)
    alone = History("2025-11-21T08:00:00Z", one.digest, verdicts={"canary": (one,)}, sentinels=(GEMM,))
    told = view(build.verdict(), build.plan(), (), {}, (), (), alone).history
    assert told.said == ("This is the first verdict of this upgrade in the store: there is no history yet.",)
    assert (told.trends, told.trends_said, told.verdicts) == ((), "", ())
    assert build.demo().history.said == ("The store was not asked for the rings and for earlier verdicts.",)


def test_problems_are_sentences() -> None:
    lost = History("2025-11-21T08:00:00Z", problems=("a verdict could not be read: it is torn",))
    told = view(build.verdict(), build.plan(), (), {}, (), (), lost).history
    assert told.said[-1] == "A verdict could not be read: it is torn."
    assert told.rings == ()


def line(item: str, status: Status, *, required: bool = True) -> Line:
    return Line(item, "latency", status, required, None, None, None, None)


def test_what_fails_newly_is_what_was_fine_or_was_not_there() -> None:
    before = failing([line("a", Status.REGRESS), line("b", Status.PASS), line("gone", Status.MISSING)])
    lines = [
        line("a", Status.FIXED),
        line("b", Status.INCONCLUSIVE),
        line("b", Status.PASS),
        line("new", Status.REGRESS),
        line("aside", Status.REGRESS, required=False),
    ]
    old, new = (Past(name, "plan", "judge", Decision.HOLD, "", {}) for name in "on")
    found = changed(new, failing(lines), old, before)
    assert found.failed_names == ("new", "b")  # what is shown to be worse comes first
    assert (found.fixed_names, found.gone, found.before) == (("a",), 1, "o")


def test_ten_are_named_of_many() -> None:
    old, new = (Past(name, "plan", "judge", Decision.HOLD, "", {}) for name in "on")
    found = changed(new, {f"item-{number:02}": Status.REGRESS for number in range(30)}, old, {})
    assert (found.failed, len(found.failed_names)) == (30, 10)


def effect(value: float, item: str = "a", limit: float | None = 0.03) -> Effect:
    return Effect(item, "latency", value, (value - 0.01, math.inf), limit)


def verdicts(*of: tuple[Effect, ...]) -> list[Past]:
    return [Past(str(n), "", "", Decision.GO, f"2025-11-{n + 1:02}T08:00:00Z", {}, own) for n, own in enumerate(of)]


def test_the_one_nearest_to_its_margin_comes_first_and_marks_stay_inside() -> None:
    own = (effect(0.001), effect(0.02, "b"), effect(0.5, "c", None), effect(-0.02, "d"))
    drawn, said = trends(verdicts(own, own), ["a", "b", "c", "d"])
    assert [trend.item for trend in drawn] == ["b", "a", "c", "d"]
    assert {trend.anchor for trend in drawn} == {""}  # the report has none of them
    assert said.startswith("4 cases for the whole plan, in 2 verdicts of this ring")
    numbers = [float(part) for trend in drawn for part in trend.line.replace("M", " ").replace("L", " ").split()]
    assert min(numbers) >= 0
    assert max(numbers[0::2]) <= WIDTH
    assert max(numbers[1::2]) <= HEIGHT
    assert drawn[2].margin is None


def test_what_is_beyond_its_margin_is_said_to_be() -> None:
    (trend,), _ = trends(verdicts((effect(0.01),), (effect(0.05),)), ["a"])
    assert trend.beyond
    (trend,), _ = trends(verdicts((effect(0.05),), (effect(0.01),)), ["a"])
    assert not trend.beyond


def test_what_the_newest_verdict_has_no_effect_of_is_not_shown_as_its_own() -> None:
    told = verdicts((effect(0.004), effect(0.5, "b")), (effect(0.004), effect(0.5, "b")), (effect(0.5, "b"),))
    (first, _), said = trends(told, ["a", "b", "c"])
    assert (first.item, first.beyond) == ("a", True)
    assert first.said.startswith("none in the newest verdict; the last one, 2025-11-02 08:00 UTC, was +0.40 %")
    assert first.said.endswith("margin +3.05 %; in 2 of 3 verdicts")
    assert said.endswith(" No verdict has an effect of c.")
    _, said = trends(told, ["a", "b", *(f"bare-{number}" for number in range(7))])
    assert said.endswith("of bare-0, bare-1, bare-2, bare-3, bare-4 and 2 more.")
    _, said = trends(told, ["a", "b"])
    assert "No verdict has" not in said


def test_trends_are_bounded() -> None:
    own = tuple(effect(0.01, f"item-{number}") for number in range(50))
    drawn, said = trends(verdicts(own, own), [one.item for one in own])
    assert len(drawn) == 40
    assert said.endswith("10 trends are not shown.")  # and all of them have an effect


def test_without_sentinels_or_effects_it_says_so() -> None:
    assert trends(verdicts((), ()), []) == ((), "No case of this ring stands for the plan.")
    assert trends(verdicts((), ()), ["a"])[1] == "No verdict has an effect of a case that stands for this plan."


def test_numbers_that_are_none_draw_nothing() -> None:
    made = [
        Line("a", "latency", Status.PASS, True, build.LATENCY.kind, value, (math.nan, 0.1), math.nan)
        for value in (math.nan, 0.01)
    ]
    (only,) = past(build.verdict(), made, "", frozenset("a")).effects
    assert (only.effect, only.interval, only.limit) == (0.01, None, None)


def test_the_section_is_in_the_page_and_in_markdown(tmp_path: Path) -> None:
    made = shown(tmp_path)
    text = render_html(made)
    section = text[text.index('<section class="history"') :]
    assert html.escape(POOL) in section
    assert section.count("<svg") >= 1
    assert digest(made.verdict) in text  # in full, to be copied
    summary = render_markdown(made)
    assert "### Rings and history" in summary
    assert "### Verdicts of ring canary" in summary


def test_nothing_of_the_past_runs_or_breaks_the_page(tmp_path: Path) -> None:
    store, new, last = story(tmp_path)
    rehearsals = tuple(build.spoiled(one) for one in store.rehearsals(digest(new)))
    rehearsals = tuple(dataclasses.replace(one, at="2025-11-14T12:00:00Z") for one in rehearsals)
    found = read_history(store, new, last, digest(last), ())
    overview = found.overview
    assert overview is not None
    spoiled = dataclasses.replace(
        build.spoiled(dataclasses.replace(found, overview=None, verdicts={}, watches=(), more={}, unread={})),
        verdicts={
            ring: tuple(
                dataclasses.replace(build.spoiled(dataclasses.replace(one, counts={})), counts={}) for one in own
            )
            for ring, own in found.verdicts.items()
        },
        watches=tuple(dataclasses.replace(build.spoiled(one), at=one.at) for one in found.watches),
        overview=dataclasses.replace(
            overview,
            upgrade=overview.upgrade + build.HOSTILE,
            stands=[
                dataclasses.replace(one, ring=one.ring + build.HOSTILE, reasons=(build.HOSTILE,), digest=build.HOSTILE)
                for one in overview.stands
            ],
            held={name: build.spoiled(lease) for name, lease in overview.held.items()},
        ),
    )
    made = view(last, new, (build.NODE,), {}, (), rehearsals, spoiled)
    text = render_html(made)
    section = text[text.index('<section class="history"') : text.index('<section aria-labelledby="environment"')]
    assert "&lt;script&gt;" in section
    for bad in ("<script", "<img", "\x1b", "\u202e", "\x00", "\ud800", "' onload"):
        assert bad not in section
    summary = render_markdown(made)
    assert "<script" not in summary
    assert "\n# heading" not in summary

from __future__ import annotations

import dataclasses
import math
import shlex

import pytest

from compat.model import Arm, Decision, Direction, Kind, Measurement, MetricPolicy, Policy, Rejection, Status
from compat.patterns import name_pattern
from compat.report.figures import observed
from compat.report.measured import measured
from compat.report.parts import Difference
from compat.report.plots import pairs_of, plot
from compat.report.statuses import GLYPHS, TONES, WORDS, WORST_FIRST
from compat.report.strokes import LEFT, RIGHT
from compat.report.text import MINUS, NOTHING
from compat.report.view import view
from tests.report import build
from tests.report.drawn import points


def test_every_status_has_its_place_its_word_and_a_glyph_of_its_own() -> None:
    assert set(WORST_FIRST) == set(GLYPHS) == set(TONES) == set(WORDS) == set(Status)
    assert len(set(GLYPHS.values())) == len(Status)


def test_what_the_verdict_rests_on_comes_first_and_worst_first() -> None:
    shown = build.path().items
    assert [item.status for item in shown[:5]] == [*[Status.REGRESS] * 3, Status.INVALID, Status.INCONCLUSIVE]
    assert [item.required for item in shown] == sorted((item.required for item in shown), reverse=True)
    assert not shown[-2].required
    assert shown[-2].status is Status.REGRESS


def test_an_item_shows_its_own_numbers() -> None:
    items = {item.title: item for item in build.demo().items if "softmax" in item.title or "matmul" in item.title}
    row = items["operator:softmax[rows-4096]"].rows[0]
    assert (row.known_good, row.candidate, row.change) == ("840 µs", "856.1 µs", "+1.92 %")
    assert (row.interval, row.limit, row.pairs) == (f"{MINUS}0.80 % to +4.71 %", "+3.00 %", 30)
    row = items["kernel:matmul[fp16-sm_75]"].rows[0]
    assert (row.metric, row.known_good, row.candidate) == ("matrix_instructions", "32 instructions", "0 instructions")
    assert row.change == f"{MINUS}32 instructions"


def test_an_item_shows_how_close_its_outputs_are() -> None:
    (item,) = (item for item in build.demo().items if item.title == "model:magika[batch-32]")
    assert [dataclasses.astuple(row) for row in item.closeness] == [
        ("probabilities", "known-good", "1,284", "1.2e-07", "1.91e-07", "2", "0.99999999996", "none"),
        ("probabilities", "candidate", "1,284", "2.5e-07", "2.1e-07", "5", "0.99999999995", "1 not finite"),
        ("tokens", "candidate", "12", *[NOTHING] * 4, "3 not exact"),
    ]


def test_what_was_measured_and_not_judged_is_a_row_and_no_plot() -> None:
    items = {item.title: item for item in build.demo().items}
    (row,) = items["operator:gemm[1024x1024]"].observed
    assert row.metric == "memory"
    assert row.known_good.endswith(" MiB")
    assert row.change.startswith("+2.")
    assert [plot.metric for plot in items["operator:gemm[1024x1024]"].plots] == ["latency"]
    assert items["model:magika[batch-32]"].observed == ()  # there memory is judged
    assert [plot.metric for plot in items["model:magika[batch-32]"].plots] == ["latency", "memory"]


def test_values_that_are_not_finite_are_counted_beside_the_median_and_leave_no_change() -> None:
    rate = dataclasses.replace(build.LATENCY, name="tokens_per_s", unit="x")
    values = {Arm.KNOWN_GOOD: (10.0, math.nan, 12.0, math.inf), Arm.CANDIDATE: (5.0, 6.0, 7.0, 8.0)}
    records = [
        dataclasses.replace(entry, measurements=(build.measured(rate, values[entry.arm][entry.pair]),))
        for entry in build.evidence()
        if "softmax" in entry.item and entry.pair < 4
    ]
    (row,) = observed(measured(records), ())
    assert dataclasses.astuple(row) == ("tokens_per_s", "11 x, 2 not finite", "6.5 x", NOTHING)
    (row,) = observed(measured([entry for entry in records if entry.pair in (1, 3)]), ())
    assert (row.known_good, row.candidate) == ("2 not finite", "7 x")


def test_an_item_shows_which_path_each_arm_took() -> None:
    (item,) = (item for item in build.demo().items if item.title == "model:magika[batch-32]")
    assert [dataclasses.astuple(change) for change in item.took] == [
        ("attention", "flash", "math"),
        ("transport", "shm", "shm"),
    ]


def test_only_what_is_judged_has_limits_in_the_policy() -> None:
    shown = build.plan()
    ungated = dataclasses.replace(build.MEMORY, name="memory_private", gated=False)
    items = tuple(
        dataclasses.replace(item, case=dataclasses.replace(item.case, metrics=(*item.case.metrics, ungated)))
        for item in shown.items
    )
    made = view(build.verdict(), dataclasses.replace(shown, items=items), (), {}, ())
    names = [setting.name for setting in made.policy]
    assert "memory" in names
    assert "memory_private" not in names


def test_versions_axes_and_reasons_lead_to_their_items() -> None:
    demo = build.demo()
    assert [(c.what, c.known_good, c.candidate) for c in demo.components] == [
        build.NUMPY,
        build.ONNXRUNTIME,
        build.TRITON,
    ]
    assert [change.what for change in demo.axes] == ["runtime"]
    assert [entry.name for entry in demo.held] == ["driver"]
    assert [reason.full for reason in demo.reasons] == list(build.verdict().reasons)
    anchors = {item.anchor for item in demo.items}
    assert {reason.anchor for reason in demo.reasons} <= anchors
    assert len({reason.anchor for reason in demo.reasons}) == 5


def test_a_reason_about_the_ring_leads_nowhere() -> None:
    about_the_item, about_the_ring = build.hold().reasons
    assert about_the_item.place == "operator:gemm[1024x1024]"
    assert (about_the_ring.place, about_the_ring.anchor) == ("", "")


def test_undeclared_differences_come_first() -> None:
    assert build.demo().differences[0] == Difference("protobuf", "5.29.2", "6.33.0", declared=False)
    assert all(difference.declared for difference in build.demo().differences[1:])


def test_what_was_not_covered_is_listed_once_and_what_blocks_first() -> None:
    assert [entry.what for entry in build.demo().missing] == ["kernel:matmul[fp8-sm_90]", "operator:attention", ""]
    assert build.hold().missing[0].blocking


def test_a_tier_that_the_ring_asks_for_and_nothing_rests_on_is_said() -> None:
    assert build.demo().tiers_absent == ()
    assert build.hold().tiers_absent == ("static", "aot", "cpu")


def test_unknown_nodes_and_identities_are_said_to_be_unknown() -> None:
    assert build.hold().nodes[0].cpu == "not in the inventory"
    bare = view(build.verdict(), build.plan(), (), {}, build.evidence())
    assert "was not given" in bare.facts[0].candidate


def test_the_decision_is_the_verdicts() -> None:
    for decision in Decision:
        settled = dataclasses.replace(build.verdict(), decision=decision)
        assert view(settled, build.plan(), (), {}, ()).decision is decision


def test_faults_are_counted_per_arm_and_only_what_was_planned_can_be_repeated() -> None:
    items = {item.title: item for item in build.demo().items}
    (fault,) = items["operator:numpy_promotion[uint8-overflow]"].faults
    assert (fault.arm, fault.times, fault.nodes, fault.output) == ("candidate", 3, ("canary-01",), build.TRACEBACK)
    assert items["the stack as a whole"].repeat == ""
    repeat = items["kernel:matmul[fp16-sm_75]"].repeat
    plan = build.verdict().plan
    assert repeat == (f"compat case STORE 'stack-2025-5e1c4a/kernel:matmul[fp16-sm_75]' --plan {plan[:12]} --repeat 20")
    pattern = shlex.split(repeat)[3]
    assert [item.key for item in build.plan().items if name_pattern(pattern).fullmatch(item.key)] == [
        "stack-2025-5e1c4a/kernel:matmul[fp16-sm_75]"
    ]


def test_the_policy_lists_every_metric_with_the_limits_in_force() -> None:
    settings = {entry.name: entry.value for entry in build.demo().policy}
    assert settings["memory"] == "margin 3.00 %, ignore 1.00 %; relative 2.00 %, absolute 16 MiB"
    bare = dataclasses.replace(build.verdict(), policy=Policy())
    settings = {entry.name: entry.value for entry in view(bare, build.plan(), (), {}, ()).policy}
    assert settings["memory"].endswith("absolute 16 MiB")
    assert settings["matrix_instructions"].endswith("absolute 0 instructions")
    assert settings["faults"] == "2 of 3"


def test_a_rejection_blocks_its_own_ring_only() -> None:
    for ring, blocks in (("canary", True), (None, True), ("broad", False)):
        plan = dataclasses.replace(build.plan(), rejections=(Rejection("ring", "no tier", blocking=True, ring=ring),))
        assert view(build.verdict(), plan, (), {}, ()).missing[0].blocking is blocks


def test_a_long_output_is_shown_by_its_end() -> None:
    records = [
        dataclasses.replace(entry, fault=dataclasses.replace(entry.fault, output="begin" + "x" * 9000 + "end"))
        for entry in build.evidence()
        if entry.fault
    ]
    shown = view(build.verdict(), build.plan(), (), {}, records)
    (output,) = [fault.output for item in shown.items for fault in item.faults]
    assert output.startswith("(the end of it)\n")
    assert output.endswith("end")
    assert len(output) < 4100


def test_the_view_of_nothing_says_so() -> None:
    bare = build.empty()
    assert bare.summary == "0 of 0 required comparisons passed, measured on 0 nodes."
    assert (bare.items, bare.maps, bare.tallies) == ((), (), ())


SECONDS = Measurement("latency", "s", Direction.LOWER, Kind.SAMPLED, (1.0,))


def test_pairs_are_joined_and_a_plot_keeps_within_its_edges() -> None:
    found = build.evidence()
    key = next(entry.item for entry in found if "softmax" in entry.item)
    pairs = pairs_of([entry for entry in found if entry.item == key], "latency")
    assert len(pairs) == 30
    assert all(pair.known_good and pair.candidate for pair in pairs)
    drawn = plot(SECONDS, pairs, None, MetricPolicy())
    assert drawn is not None
    assert drawn.effect is not None
    for dots in (*(lane.dots for lane in drawn.lanes), drawn.effect.dots):
        places = [x for x, _ in points(dots)]
        assert len(places) == 30
        assert min(places) >= LEFT
        assert max(places) <= RIGHT
    assert LEFT <= drawn.effect.zero < drawn.effect.margin <= RIGHT


def test_what_is_not_finite_is_counted_and_never_drawn() -> None:
    found = [entry for entry in build.evidence() if "softmax" in entry.item]
    broken = dataclasses.replace(SECONDS, samples=(0.001, math.nan))
    spoiled = [dataclasses.replace(entry, measurements=(broken,)) if entry.pair == 3 else entry for entry in found]
    drawn = plot(SECONDS, pairs_of(spoiled, "latency"), None, MetricPolicy())
    assert drawn is not None
    assert drawn.omitted == 2
    assert "nan" not in repr(drawn)


@pytest.mark.parametrize("interval", [(-math.inf, 0.02), (math.nan, math.nan), (-9.0, 9.0)])
def test_an_open_or_undefined_interval_draws_no_nonsense(interval: tuple[float, float]) -> None:
    pairs = pairs_of([entry for entry in build.evidence() if "softmax" in entry.item], "latency")
    compared = next(entry for entry in build.comparisons() if "softmax" in entry.workload)
    drawn = plot(SECONDS, pairs, dataclasses.replace(compared, interval=interval), MetricPolicy())
    assert drawn is not None
    assert drawn.effect is not None
    if math.isnan(interval[0]):
        assert drawn.effect.low is None
    else:
        assert drawn.effect.low is not None
        assert drawn.effect.high is not None
        assert LEFT <= drawn.effect.low < drawn.effect.high <= RIGHT


def test_the_change_of_a_metric_that_is_better_higher_is_turned_round() -> None:
    pairs = pairs_of([entry for entry in build.evidence() if "softmax" in entry.item], "latency")
    lower = plot(SECONDS, pairs, None, MetricPolicy())
    higher = plot(dataclasses.replace(SECONDS, direction=Direction.HIGHER), pairs, None, MetricPolicy())
    assert lower is not None
    assert higher is not None
    assert lower.effect is not None
    assert higher.effect is not None
    assert lower.effect.dots != higher.effect.dots
    assert higher.effect.zero > lower.effect.zero


@pytest.mark.parametrize("arm", list(Arm))
def test_one_arm_alone_draws_nothing(arm: Arm) -> None:
    alone = [entry for entry in build.evidence() if entry.arm is arm and "softmax" in entry.item]
    assert plot(SECONDS, pairs_of(alone, "latency"), None, MetricPolicy()) is None

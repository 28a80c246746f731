from __future__ import annotations

import dataclasses

import junitparser
import pytest

from compat.model import Decision, Rejection, Status
from compat.model.moments import LONGEST
from compat.report.formats import formats
from compat.report.view import View, view
from tests.report import build, compared


def read(shown: View) -> tuple[junitparser.JUnitXml, dict[tuple[str, str], junitparser.TestCase]]:
    found = junitparser.JUnitXml.fromstring(formats()["junit"].files(shown)["report.junit.xml"])
    cases = [case for suite in found for case in suite]
    named = {(case.classname, case.name): case for case in cases}
    assert len(named) == len(cases)
    return found, named


def facts(case: junitparser.TestCase) -> dict[str, str]:
    return {one.name: one.value for one in case.child(junitparser.Properties)}


def of(*statuses: tuple[Status, bool]) -> View:
    """A verdict of one item, of a comparison for each of these statuses, required or not."""
    base = build.comparison("operator:gemm", "one", build.OPERATORS, "latency", Status.PASS, "")
    found = tuple(
        dataclasses.replace(base, metric=f"m{number}", status=status, required=required, reason=f"m{number} said why")
        for number, (status, required) in enumerate(statuses)
    )
    return view(dataclasses.replace(build.verdict(), comparisons=found), build.plan(), (), {}, ())


def test_an_item_is_a_test_case_with_its_facts() -> None:
    found, cases = read(build.demo())
    case = cases[compared.MODELS, "model:magika[batch-32]"]
    assert case.is_passed
    assert facts(case) == {
        "compat.workload": "model:magika",
        "compat.tier": "cpu",
        "compat.driver": "none",
        "compat.known_good.driver": "none",
        "compat.runtime": "stack-2025",
        "compat.known_good.runtime": "stack-2024",
        "compat.item": f"{compared.MODELS}/model:magika[batch-32]",
        "compat.required": "yes",
        "compat.status": "pass",
        "compat.version.numpy": "1.26.4 -> 2.2.6",
        "compat.version.onnxruntime": "1.20.1 -> 1.23.2",
    }
    assert case.time == pytest.approx(20 * 0.4)
    assert found.time == pytest.approx(sum(case.time for case in cases.values()))
    shown = build.demo()
    assert len(cases) == 1 + len(shown.items) + len(shown.missing)


def test_what_is_worse_is_a_failure_with_its_reasons_and_what_it_printed() -> None:
    _, cases = read(build.demo())
    (failure,) = cases[build.OPERATORS, "operator:numpy_promotion[uint8-overflow]"].result
    assert isinstance(failure, junitparser.Failure)
    assert failure.type == "regress"
    assert failure.message.startswith("regress: execution: the candidate faulted in 3 of 3 attempts")
    assert "exception of the candidate at stage run, 3 times" in failure.text
    assert build.TRACEBACK in failure.text
    assert "repeat it: compat case STORE" in failure.text


def test_what_is_open_is_an_error_and_so_is_the_verdict_that_waits() -> None:
    _, cases = read(build.hold())
    (error,) = cases[build.OPERATORS, "operator:gemm[1024x1024]"].result
    assert isinstance(error, junitparser.Error)
    assert (error.type, error.message) == ("missing", "missing: latency: 6 of the 10 pairs of round 1")
    (waits,) = cases["stack-2024-to-2025", "verdict of ring canary"].result
    assert isinstance(waits, junitparser.Error)
    assert "no evidence of tier aot, static, which the ring asks for" in waits.text
    (unplaced,) = cases["stack-2024-to-2025", "driver 580.95.05"].result
    assert isinstance(unplaced, junitparser.Error)


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        ([(Status.PASS, True), (Status.FIXED, True)], None),
        ([(Status.REGRESS, True), (Status.MISSING, True)], junitparser.Failure),
        *[
            ([(Status.PASS, True), (status, True)], junitparser.Error)
            for status in (
                *(Status.MISSING, Status.INVALID, Status.INCONCLUSIVE, Status.FLAKY),
                *(Status.PREEXISTING, Status.UNDECLARED),
            )
        ],
        ([(Status.PASS, True), (Status.WAIVED, True)], junitparser.Skipped),
        ([(Status.PASS, True), (Status.UNCOVERED, True)], junitparser.Skipped),
        ([(Status.REGRESS, False)], junitparser.Skipped),
        ([(Status.PASS, True), (Status.REGRESS, False)], None),
    ],
)
def test_each_status_has_its_element(statuses: list[tuple[Status, bool]], kind: type | None) -> None:
    _, cases = read(of(*statuses))
    result = cases[build.OPERATORS, "operator:gemm[one]"].result
    assert [type(one) for one in result] == ([] if kind is None else [kind])
    if kind is not None:
        assert "said why" in result[0].text


def test_what_is_worse_beside_what_passed_is_its_output() -> None:
    found, cases = read(build.beside())
    assert (found.failures, found.errors) == (0, 0)
    stack = cases[build.OPERATORS, "the stack as a whole"]
    assert stack.is_passed
    assert stack.system_out.splitlines() == [
        "beside what the ring rests on: 1 comparison (regress)",
        f"regress (the ring does not rest on it): {build.ASIDE}",
    ]
    assert cases[compared.MODELS, "model:magika[batch-32]"].system_out is None


def test_only_go_is_green() -> None:
    for shown in (build.demo(), build.hold(), build.empty(), of((Status.PASS, True))):
        found, _ = read(shown)
        assert shown.decision is not Decision.GO
        assert found.failures + found.errors > 0
    found, cases = read(build.go())
    assert (found.failures, found.errors) == (0, 0)
    assert cases["stack-2024-to-2025", "verdict of ring canary"].is_passed


@pytest.mark.parametrize("seconds", [1e306, 1e308, -5.0])
def test_times_that_cannot_be_are_kept_within_bounds(seconds: float) -> None:
    records = [dataclasses.replace(one, seconds=seconds) for one in build.evidence()]
    found, named = read(view(build.verdict(), build.plan(), (build.NODE,), build.IDENTITIES, records))
    assert all(0 <= case.time <= LONGEST for case in named.values())
    assert 0 <= found.time <= LONGEST * len(named)


def test_every_status_and_decision_is_known() -> None:
    for status in Status:
        for required in (True, False):
            read(of((status, required)))
    for decision in Decision:
        read(view(dataclasses.replace(build.verdict(), decision=decision), build.plan(), (), {}, ()))


def test_what_was_left_out_on_purpose_is_skipped() -> None:
    plan = dataclasses.replace(build.plan(), rejections=(Rejection("operator:attention", "no GPU here"),))
    verdict = dataclasses.replace(build.verdict(), not_covered=())
    _, cases = read(view(verdict, plan, (), {}, ()))
    (skipped,) = cases["stack-2024-to-2025", "operator:attention"].result
    assert isinstance(skipped, junitparser.Skipped)
    assert skipped.message == "not covered: no GPU here"

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.example import write_example

ARGUMENTS = ("example.yaml", "--compat-content", "site", "--compat-ring", "canary")


@pytest.fixture
def good(pytester: pytest.Pytester) -> pytest.Pytester:
    write_example(pytester.path)
    return pytester


@pytest.fixture
def bad(pytester: pytest.Pytester) -> pytest.Pytester:
    write_example(pytester.path, add="1")
    return pytester


def test_an_upgrade_that_changes_nothing_passes(good: pytest.Pytester) -> None:
    result = good.runpytest_subprocess(*ARGUMENTS, "-v")
    result.assert_outcomes(passed=2)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*measuring 2 cases*",
            "*::after-*/operator:adder[[]one[]] PASSED*",
            "*report: out/example/report.html",
            "VERDICT: GO for ring canary (1 reason)",
        ]
    )
    assert (good.path / "out/example/report.html").is_file()


def test_a_changed_result_fails_its_item_with_the_reason(bad: pytest.Pytester) -> None:
    result = bad.runpytest_subprocess(*ARGUMENTS)
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["regress: outputs: relative L2 difference of y is*", "VERDICT: NO-GO for ring canary (1 reason)"]
    )


def test_a_crash_of_the_candidate_is_its_items_failure(pytester: pytest.Pytester) -> None:
    write_example(pytester.path, add="crash")
    result = pytester.runpytest_subprocess(*ARGUMENTS)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*SIGABRT*", "VERDICT: NO-GO for ring canary (1 reason)"])


def test_collecting_measures_nothing(good: pytest.Pytester) -> None:
    result = good.runpytest_subprocess(*ARGUMENTS, "--collect-only", "-q")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["example.yaml::after-*/operator:adder[[]one[]]", "2 tests collected*"])
    assert not (good.path / "out").exists()


def test_a_selection_is_judged_by_its_items_and_shows_hold(good: pytest.Pytester) -> None:
    result = good.runpytest_subprocess(*ARGUMENTS, "-k", "one")
    result.assert_outcomes(passed=1, deselected=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["VERDICT: HOLD for ring canary (*"])


def test_a_selection_of_good_cases_does_not_hide_a_no_go(bad: pytest.Pytester) -> None:
    assert bad.runpytest_subprocess(*ARGUMENTS).ret == 1
    result = bad.runpytest_subprocess(*ARGUMENTS, "-k", "one")
    result.assert_outcomes(passed=1, deselected=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["VERDICT: NO-GO for ring canary (1 reason)"])


def test_last_failed_runs_the_case_that_failed(bad: pytest.Pytester) -> None:
    bad.runpytest_subprocess(*ARGUMENTS)
    result = bad.runpytest_subprocess(*ARGUMENTS, "--lf")
    result.assert_outcomes(failed=1, deselected=1)
    result.stdout.fnmatch_lines(["*rerun previous 1 failure*"])


def test_exit_first_stops_reporting(bad: pytest.Pytester) -> None:
    result = bad.runpytest_subprocess(*ARGUMENTS, "-x")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*stopping after 1 failures*"])


def test_junit_names_the_case_and_its_facts(bad: pytest.Pytester) -> None:
    bad.runpytest_subprocess(*ARGUMENTS, "--junitxml", "junit.xml")
    suite = ElementTree.parse(bad.path / "junit.xml").getroot().find("testsuite")  # noqa: S314 - written just now
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    cases = {case.get("name", "").split("/")[-1]: case for case in suite.iter("testcase")}
    assert set(cases) == {"operator:adder[one]", "operator:adder[two]"}
    properties = {found.get("name"): found.get("value") for found in cases["operator:adder[two]"].iter("property")}
    assert properties["compat.runtime"] == "after"
    assert properties["compat.tier"] == "cpu"
    failure = cases["operator:adder[two]"].find("failure")
    assert failure is not None
    assert "relative L2 difference" in (failure.text or "")


def test_a_second_run_measures_nothing_again_and_fresh_does(good: pytest.Pytester) -> None:
    good.runpytest_subprocess(*ARGUMENTS)
    evidence = sorted((good.path / "out/example/evidence").rglob("*.json"))
    assert len(evidence) == 2 * 2 * 2  # cases, arms, pairs
    again = good.runpytest_subprocess(*ARGUMENTS)
    again.stdout.fnmatch_lines(["*4 pairs are in out/example already*", "VERDICT: GO for ring canary (1 reason)"])
    assert sorted((good.path / "out/example/evidence").rglob("*.json")) == evidence
    fresh = good.runpytest_subprocess(*ARGUMENTS, "--compat-fresh")
    fresh.stdout.fnmatch_lines(
        ["*the evidence there was is in out/example.*", "VERDICT: GO for ring canary (1 reason)"]
    )
    assert len(list(good.path.glob("out/example.*/evidence"))) == 1


def test_parallel_workers_are_refused_with_a_sentence(good: pytest.Pytester) -> None:
    result = good.runpytest_subprocess(*ARGUMENTS, "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: compat measures one case at a time on a device*leave -n away*--compat-shard 1/4*"]
    )


def test_a_session_without_matrix_files_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")
    (pytester.path / "data.yaml").write_text("axes: {not: a matrix, but: not named either}")
    (pytester.path / "other.yaml").write_text("services: {}")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
    pytester.runpytest_subprocess("-n", "1").assert_outcomes(passed=1)
    result = pytester.runpytest_subprocess("test_a_session_without_matrix_files_is_left_alone.py", "other.yaml")
    result.stderr.fnmatch_lines(["ERROR: not found: *other.yaml*"])  # as pytest says of any file that nothing collects


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: x\naxes: {}\nruntimes: {}\n", "*example.yaml:*"),
        ("name: x\nunknown: 1\naxes:\n  runtime: [a]\n", "*example.yaml:2: *unknown*"),
        ("axes: [\n", "*example.yaml:*"),
    ],
)
def test_a_bad_matrix_file_is_one_line_and_exit_2(good: pytest.Pytester, text: str, sentence: str) -> None:
    (good.path / "example.yaml").write_text(text)
    result = good.runpytest_subprocess(*ARGUMENTS)
    assert result.ret == pytest.ExitCode.INTERRUPTED == 2
    result.stdout.fnmatch_lines([sentence])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert not (good.path / "out").exists()


def test_a_runtime_that_cannot_be_had_is_one_line_and_exit_2(good: pytest.Pytester) -> None:
    matrix = good.path / "example.yaml"
    matrix.write_text(
        matrix.read_text().replace("before: {in_place: true}", "before: {in_place: true, python: no-such-python}")
    )
    result = good.runpytest_subprocess(*ARGUMENTS)
    assert result.ret == 2
    result.stdout.fnmatch_lines(
        ["*runtime before: there is no interpreter 'no-such-python'; give python: a path or a command*"]
    )
    assert not (good.path / "out").exists()


def test_an_unknown_ring_is_one_line_and_exit_2(good: pytest.Pytester) -> None:
    result = good.runpytest_subprocess("example.yaml", "--compat-content", "site", "--compat-ring", "early")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["matrix example: has no ring 'early'; choose one of canary"])


def test_a_ring_takes_only_nodes_with_its_labels(pytester: pytest.Pytester) -> None:
    write_example(pytester.path, ring=", nodes: {labels: {ring: canary}}")
    result = pytester.runpytest_subprocess(*ARGUMENTS)
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*takes nodes labelled ring=canary*--label ring=canary*"])
    pytester.runpytest_subprocess(*ARGUMENTS, "--compat-label", "ring=canary").assert_outcomes(passed=2)


def test_too_few_nodes_is_hold(pytester: pytest.Pytester) -> None:
    write_example(pytester.path, ring=", minimum_nodes: 2")
    result = pytester.runpytest_subprocess(*ARGUMENTS)
    result.assert_outcomes(failed=2)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["missing: execution: it ran on 1 of the 2 nodes*", "VERDICT: HOLD for ring canary (*"])


def test_the_package_under_test_is_not_imported_by_the_controller(good: pytest.Pytester) -> None:
    good.makeconftest(
        """
        import sys

        def pytest_sessionfinish():
            assert not {"torch", "triton", "onnxruntime"} & set(sys.modules)
        """
    )
    assert good.runpytest_subprocess(*ARGUMENTS).ret == 0


def test_the_site_folder_may_be_anywhere(good: pytest.Pytester, tmp_path: Path) -> None:
    elsewhere = tmp_path / "site"
    (good.path / "site").rename(elsewhere)
    good.runpytest_subprocess("example.yaml", "--compat-content", str(elsewhere)).assert_outcomes(passed=2)

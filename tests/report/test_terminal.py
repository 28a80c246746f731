from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console

from compat.model import Rejection, Status, Waiver, WaiverUse
from compat.report.terminal import print_verdict
from compat.report.view import View, view
from tests.report import build


def printed(
    view: View, *, terminal: bool = False, width: int = 80, encoding: str = "utf-8", most: int | None = None
) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    console = Console(file=file, force_terminal=terminal, width=width, color_system=None, legacy_windows=False)
    print_verdict(view, console, most)
    file.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("variant", "last"),
    [
        (build.demo, "VERDICT: NO-GO for ring canary (5 reasons)"),
        (build.go, "VERDICT: GO for ring canary (1 reason)"),
        (build.hold, "VERDICT: HOLD for ring canary (2 reasons)"),
        (build.empty, "VERDICT: HOLD for ring canary (1 reason)"),
    ],
)
@pytest.mark.parametrize("terminal", [True, False])
def test_the_last_line_is_the_verdict(variant, last: str, terminal: bool) -> None:
    assert printed(variant(), terminal=terminal).splitlines()[-1] == last


def test_what_is_left_out_is_counted() -> None:
    lines = printed(build.demo(), most=2).splitlines()
    assert [line[:2] for line in lines if line[0].isdigit()] == ["1.", "2."]
    assert "... and 4 more, which the report has" in lines
    assert "... and 3 more reasons, which the report has" in lines
    lines = printed(build.demo(), terminal=True, width=300, most=2).splitlines()
    assert sum(line.startswith(("regress", "invalid")) for line in lines) == 2
    assert "... and 4 more, which the report has" in lines


@pytest.mark.parametrize("terminal", [True, False])
def test_of_everything_that_may_be_much_a_terminal_gets_the_first_and_the_number_of_the_rest(terminal: bool) -> None:
    much = 5_000
    plan = dataclasses.replace(
        build.plan(),
        rejections=tuple(Rejection(f"point {n}", "no runtime has it", blocking=n == much - 1) for n in range(much)),
    )
    used = tuple(
        WaiverUse(Waiver(f"a{n}", "latency", "known", "ana", "2026-01-01"), "in force", 1) for n in range(much - 1)
    )
    expired = WaiverUse(Waiver("last", "latency", "known", "ana", "2025-01-01"), "expired", 0)
    verdict = dataclasses.replace(
        build.verdict(),
        not_covered=(),
        waivers=(*used, expired),
        differences=tuple((f"part {n}", "1", "2", False) for n in range(much)),
        reasons=tuple(f"reason {n}" for n in range(much)),
    )
    shown = view(verdict, plan, (build.NODE,), build.IDENTITIES, ())
    lines = printed(shown, terminal=terminal, width=300, most=20).splitlines()
    assert len(lines) < 130
    for begin, more in (
        ("Not covered", "more not covered"),
        ("Undeclared difference: ", "more undeclared differences"),
        ("Waiver ", "more waivers"),
        ("reason ", "more reasons"),
    ):
        assert sum(line.lstrip("0123456789. ").startswith(begin) for line in lines) == 20
        assert f"... and 4,980 {more}, which the report has" in lines
    # What keeps the ring from GO, and what is no longer accepted, is never among the rest.
    assert f"Not covered, blocks GO: point {much - 1}: no runtime has it" in lines
    assert any(line.startswith("Waiver expired: ") for line in lines)
    whole = printed(shown, terminal=terminal, width=300).splitlines()
    assert sum(line.startswith(("Not covered", "Undeclared", "Waiver")) for line in whole) == 3 * much


@pytest.mark.parametrize("width", [40, 80, 300])
def test_no_reason_is_ever_cut_in_a_pipe(width: int) -> None:
    lines = printed(build.demo(), width=width).splitlines()
    for number, reason in enumerate(build.verdict().reasons, 1):
        assert f"{number}. {reason}" in lines


@pytest.mark.parametrize("width", [50, 60, 80, 109, 110, 149, 150, 200, 300])
def test_on_a_terminal_every_reason_is_in_the_table_and_whole(width: int) -> None:
    text = printed(build.demo(), terminal=True, width=width)
    lines = text.splitlines()
    (head,) = [line for line in lines if line.startswith("Status")]
    end = next(n for n, line in enumerate(lines) if line.startswith("Comparisons:"))
    table = lines[lines.index(head) + 1 : end]
    assert all(len(line) <= width for line in table)
    told = "".join("".join(line[head.index("Reason") :].split()) for line in table)
    for found in build.comparisons():
        if found.status in (Status.REGRESS, Status.INVALID, Status.INCONCLUSIVE):
            reason = found.reason.removeprefix(found.metric).lstrip(": ")
            assert "".join(reason.split()) in told
    assert "(onnxruntime1.20.1->1.23.2)" in told


def test_reasons_of_no_item_are_listed_on_a_terminal() -> None:
    lines = printed(build.hold(), terminal=True).splitlines()
    assert "2. no evidence of tier aot, static, which the ring asks for" in lines
    assert not any(line.startswith("1. ") for line in lines)


@pytest.mark.parametrize("terminal", [True, False])
def test_the_five_measures_and_the_words_of_the_decision_stand_before_it(terminal: bool) -> None:
    view = build.demo()
    lines = printed(view, terminal=terminal).splitlines()
    assert lines[-2] == "The upgrade must not go to ring canary: something is shown to be worse."
    assert len(view.measures) == 5
    for measure, line in zip(view.measures, lines[-7:-2], strict=True):
        assert line.startswith(measure.name)
        assert f"  {measure.value}  " in line
        assert line.endswith(measure.said)


def test_a_caller_that_has_the_head_gets_the_rest_and_the_report_before_the_verdict() -> None:
    page = io.StringIO()
    console = Console(file=page, force_terminal=False)
    print_verdict(build.demo(), console, head=False, report="out/demo/report.html")
    lines = page.getvalue().splitlines()
    assert lines[0] == "  runtime: stack-2024 -> stack-2025"
    assert lines[-2] == "report: out/demo/report.html"


def test_ten_thousand_items_are_printed_as_fast_as_they_are_read() -> None:
    view = build.demo()
    item = next(item for item in view.items if item.rows[0].status is Status.REGRESS)
    many = tuple(dataclasses.replace(item, title=f"operator:one[{n}]", key=f"cell/{n}") for n in range(10_000))
    lines = printed(dataclasses.replace(view, items=many)).splitlines()
    assert sum(line.startswith("regress") for line in lines) == 10_000


def test_piped_output_has_a_line_for_each_comparison_that_is_not_a_pass() -> None:
    lines = printed(build.demo()).splitlines()
    (line,) = [line for line in lines if line.startswith("inconclusive")]
    assert " ".join(line.split()) == "inconclusive operator:softmax[rows-4096] latency 840 µs -> 856.1 µs +1.92 %"
    assert sum(line.startswith("regress") for line in lines) == 3


def test_a_terminal_gets_the_same_facts_in_a_table() -> None:
    text = printed(build.demo(), terminal=True, width=160)
    assert "Status" in text
    for fact in ("kernel:matmul[fp16-sm_75]", "32 instructions -> 0 instructions", "+1.92 %"):
        assert fact in text


@pytest.mark.parametrize("terminal", [True, False])
def test_hostile_text_is_neither_markup_nor_a_control_sequence(terminal: bool) -> None:
    text = printed(build.hostile(), terminal=terminal, width=4000)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]markup[/bold]" in text.replace("\n", "")
    assert text.splitlines()[-1].startswith("VERDICT: NO-GO for ring canary")


def test_an_encoding_that_lacks_a_character_gets_its_escape() -> None:
    assert "856.1 \\xb5s" in printed(build.demo(), encoding="ascii")

from __future__ import annotations

import io

import pytest
from rich.console import Console

from compat.report.terminal import print_verdict
from compat.report.view import View
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


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_left_out_is_counted(terminal: bool) -> None:
    lines = printed(build.demo(), terminal=terminal, width=300, most=2).splitlines()
    assert [line[:2] for line in lines if line[0].isdigit()] == ["1.", "2."]
    assert lines[-2:] == [
        "... and 3 more reasons, which the report has",
        "VERDICT: NO-GO for ring canary (5 reasons)",
    ]
    assert any(line.startswith("... and ") and line.endswith(" more, which the report has") for line in lines)


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [40, 80, 300])
def test_no_reason_is_ever_cut(terminal: bool, width: int) -> None:
    lines = printed(build.demo(), terminal=terminal, width=width).splitlines()
    for number, reason in enumerate(build.verdict().reasons, 1):
        assert f"{number}. {reason}" in lines


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
    assert "[bold]markup[/bold]" in text
    assert text.splitlines()[-1].startswith("VERDICT: NO-GO for ring canary")


def test_an_encoding_that_lacks_a_character_gets_its_escape() -> None:
    assert "856.1 \\xb5s" in printed(build.demo(), encoding="ascii")

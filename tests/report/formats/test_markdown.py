from __future__ import annotations

import dataclasses
import re

import pytest

from compat.model import Status
from compat.report.formats import formats
from compat.report.formats.markdown import escape, render_markdown
from compat.report.parts import Reason
from compat.report.text import count
from compat.report.view import View, view
from tests.report import build


def test_the_headline_and_the_reasons_come_first() -> None:
    lines = render_markdown(build.demo()).splitlines()
    assert lines[0] == "## ❌ NO-GO: stack-2024-to-2025, ring canary"
    assert lines[4].startswith(
        "1. operator:average\\_pool\\[ceil-include-pad\\] of stack-2025-5e1c4a outputs: y differs"
    )
    assert lines[8].startswith("5. ")


def test_tables_keep_their_columns_whatever_the_text() -> None:
    for variant in (build.demo, build.hostile):
        width = 0
        for line in render_markdown(variant()).splitlines():
            if line.startswith("|"):
                columns = line.replace("\\\\", "").replace("\\|", "").count("|")
                width = width or columns
                assert columns == width
            else:
                width = 0


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", "a\\|b"),
        ("`x` *y* _z_", "\\`x\\` \\*y\\* \\_z\\_"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("&lt;", "&amp;lt;"),
        ("one\ntwo\tthree", "one two three"),
        ("[a](b)", "\\[a\\](b)"),
        ("\\|", "\\\\\\|"),
        ("@someone", "@<!-- -->someone"),
        ("https://evil.example www.x", "https<!-- -->://evil.example www<!-- -->.x"),
        ("32 -> 0", "32 -&gt; 0"),
        ("#12 a/b#12 # 12", "\\#<!-- -->12 a/b\\#<!-- -->12 \\# 12"),
        (
            "!12 $12 &4 GH-12 gh-1 right-1",
            "!<!-- -->12 \\$<!-- -->12 &amp;<!-- -->4 GH-<!-- -->12 gh-<!-- -->1 right-1",
        ),
        ('%3 %v1 %"v 1" ~bug 3 % ~ x', '%<!-- -->3 %<!-- -->v1 %<!-- -->"v 1" \\~<!-- -->bug 3 % \\~ x'),
        ("[vulnerability:1] *iteration:2", "\\[<!-- -->vulnerability:1\\] \\*<!-- -->iteration:2"),
        ("kernel:fire: :+1: :heart_eyes:", "kernel:<!-- -->fire: :<!-- -->+1: :<!-- -->heart\\_eyes:"),
        ("08:41:07 operator:gemm latency: 2", "08:41:07 operator:gemm latency: 2"),
    ],
)
def test_escape(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@pytest.mark.parametrize(
    ("text", "line"), [("- x", "1. \\- x"), ("12. x", "1. 12\\. x"), ("# x", "1. \\# x"), ("= x", "1. \\= x")]
)
def test_a_reason_begins_no_list_and_no_heading(text: str, line: str) -> None:
    view = dataclasses.replace(build.empty(), reasons=(Reason("", text, ""),))
    assert line in render_markdown(view).splitlines()


def test_no_text_brings_html_of_its_own() -> None:
    text = render_markdown(build.hostile()).replace("<!-- -->", "")
    assert "<" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize("limit", [16_384, 20_000, 40_000])
def test_what_does_not_fit_is_left_out_and_said(limit: int) -> None:
    whole = render_markdown(build.hostile())
    assert len(whole.encode()) > 40_000
    text = render_markdown(build.hostile(), limit)
    assert len(text.encode()) <= limit
    lines = text.splitlines()
    left = sum(
        int(line[1:].split()[0].replace(",", "")) for line in lines if re.fullmatch(r"\([0-9,]+ more rows?\)", line)
    )
    assert lines[-1] == f"**{count(left, 'line')} of this report are left out here: the HTML report has them.**"
    assert left
    known = set(whole.splitlines())
    assert [line for line in lines if line not in known and "more row" not in line] == lines[-1:]
    assert [line for line in lines if line.startswith("#")] == known_heads(whole)


def known_heads(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("#")]


def many(number: int) -> View:
    """So many items of five comparisons, of which one passes; the worst is the last one of its item."""
    statuses = (Status.PASS, Status.MISSING, Status.INVALID, Status.FLAKY, Status.REGRESS)
    found = tuple(
        build.comparison(f"operator:op{item // 100}", f"case-{item % 100}", build.OPERATORS, f"metric-{kind}", status,
                         f"it is {status.value}, as {item} others are")
        for item in range(number)
        for kind, status in enumerate(statuses)
    )  # fmt: skip
    reasons = tuple(build.said(one) for one in found if one.status is not Status.PASS)
    verdict = dataclasses.replace(build.verdict(), comparisons=found, reasons=reasons)
    return view(verdict, dataclasses.replace(build.plan(), items=()), (build.NODE,), build.IDENTITIES, ())


@pytest.mark.parametrize("name", ["markdown", "comment"])
def test_of_ten_thousand_items_the_worst_come_first_and_every_section_is_there(name: str) -> None:
    limit = {"markdown": 1_048_576, "comment": 65_536}[name]
    ((_, data),) = formats()[name].files(many(10_000)).items()
    lines = data.decode().splitlines()
    assert limit * 0.9 < len(data) <= limit
    assert "of this report are left out here" in lines[-1]
    heads = known_heads(render_markdown(many(1)))
    assert known_heads(data.decode()) == heads
    assert lines[4].startswith("1. operator:op0\\[case-0\\] of ")  # reasons come before everything else
    table = lines[lines.index("### What is not a pass") + 4 :]
    rows = table[: table.index("")]
    assert len(rows) > (2_000 if name == "markdown" else 100)
    assert {row.split(" | ")[0] for row in rows} == {"| ✕ regress"}


@pytest.mark.parametrize("text", ["@" * 5_000, "\U0001f600" * 5_000, "&" * 5_000])
def test_names_of_any_length_keep_within_the_smallest_limit(text: str) -> None:
    verdict = dataclasses.replace(build.verdict(), matrix=text, ring=text)
    shown = view(verdict, build.plan(), (build.NODE,), build.IDENTITIES, build.evidence())
    assert len(render_markdown(shown, 16_384).encode()) <= 16_384


def test_what_fits_exactly_is_whole() -> None:
    whole = render_markdown(build.path())
    size = max(len(whole.encode()), 16_384)
    assert render_markdown(build.path(), size) == whole


def test_a_reason_longer_than_the_limit_leaves_the_headline() -> None:
    view = dataclasses.replace(build.demo(), reasons=tuple(Reason("", "x" * 2_000_000, "") for _ in range(100)))
    text = render_markdown(view, 16_384)
    assert text.startswith("## ❌ NO-GO")
    assert "1998000 more characters" in text
    assert len(text.encode()) <= 16_384


def test_a_limit_too_small_for_anything_is_refused() -> None:
    with pytest.raises(ValueError, match="16384"):
        render_markdown(build.demo(), 100)

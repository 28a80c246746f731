from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console

from compat.report.case_text import print_case, print_cases
from compat.report.parts import ItemView
from compat.report.text import MINUS
from tests.report import build

HOSTNAMES = {build.NODE.id: "the-canary"}
JUDGED = "2025-11-20T08:41:07Z"


def item(title: str, view=None) -> ItemView:
    return next(found for found in (view or build.demo()).items if found.title.startswith(title))


def page(view: ItemView, *, width: int = 100, terminal: bool = False, **more) -> list[str]:
    console, out = console_of(width, terminal)
    own = [found for found in build.comparisons() if found.item == view.key]
    print_case(view, own, console, "my store", HOSTNAMES, **{"judged": JUDGED, **more})
    return out.getvalue().splitlines()


def console_of(width: int, terminal: bool) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=terminal, width=width, color_system=None, highlight=False), out


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [60, 120])
def test_a_sampled_case_has_its_interval_against_the_margin_and_its_pairs(width: int, terminal: bool) -> None:
    lines = page(item("operator:softmax"), width=width, terminal=terminal)
    assert lines[0] == "inconclusive: operator:softmax[rows-4096]"
    assert "  runtime: stack-2024 -> stack-2025" in lines
    assert "  onnxruntime: 1.20.1 -> 1.23.2" in lines
    row = lines.index(
        f"inconclusive  latency: 840 µs -> 856.1 µs, +1.92 % ({MINUS}0.80 % to +4.71 %), limit +3.00 %, 30 pairs"
    )
    bar = lines[row + 1].strip()
    assert set(bar) == set("-=|!o")
    assert len(lines[row + 1]) < width
    assert "open after all 2 rounds; would have found 4.1 %" in lines[row + 2]
    assert any("| no change, ! the margin" in line for line in lines)
    pairs = lines.index("latency: 30 pairs on the-canary, the last 10; --pairs has the 20 before")
    assert lines[pairs + 1].split() == ["round", "generation", "pair", "known-good", "candidate", "change"]
    assert [line.split()[2] for line in lines[pairs + 2 : pairs + 12]] == [str(n) for n in range(20, 30)]
    assert lines[-1].startswith("In the report: report.html#case-")
    assert lines[-2].startswith("Repeat it: compat case STORE 'stack-2025-5e1c4a/operator:softmax[rows-4096]' --plan")


def test_a_change_is_printed_where_the_quotient_is_none() -> None:
    view = item("operator:softmax")
    (series,) = [one for one in view.series if one.metric == "latency"]
    pairs = tuple(
        dataclasses.replace(pair, known_good=good, candidate=new)
        for pair, good, new in zip(series.pairs, (1e200, 1e-200, 1.0), (1e-200, 1e200, 1.0), strict=False)
    )
    lines = page(dataclasses.replace(view, series=(dataclasses.replace(series, pairs=pairs),)))
    at = next(number for number, line in enumerate(lines) if line.startswith("latency: 3 pairs"))
    assert [line.split()[-2:] for line in lines[at + 2 : at + 4]] == [[f"{MINUS}100", "%"], ["s", "+∞"]]


def test_a_fault_has_the_end_of_its_output_and_the_name_of_its_node() -> None:
    lines = page(item("operator:numpy_promotion[uint8"))
    said = (
        "Fault of the candidate arm, 3 times on the-canary: exception at stage run: OverflowError: Python integer 300"
    )
    at = next(n for n, line in enumerate(lines) if line.startswith(said))
    assert lines[at + 1 : at + 5] == [f"    | {line}" for line in build.TRACEBACK.splitlines()]


def test_of_a_long_output_the_end_is_printed_and_the_rest_counted() -> None:
    view = item("operator:numpy_promotion[uint8")
    long = dataclasses.replace(view.faults[0], output="\n".join(f"line {n}" for n in range(50)))
    lines = page(dataclasses.replace(view, faults=(long,)))
    at = lines.index("    | ... (30 lines before)")
    assert lines[at + 1 : at + 21] == [f"    | line {n}" for n in range(30, 50)]


def test_what_is_shown_and_not_judged_is_there() -> None:
    lines = page(item("model:magika[batch"))
    assert "Path of attention: flash -> math" in lines
    assert "Path of transport: shm" in lines
    assert any(
        line.startswith("Against the reference: probabilities of the candidate arm: max error") for line in lines
    )
    assert "Against the reference: tokens of the candidate arm: no figure, 3 not exact" in lines


def test_values_that_are_all_the_same_are_one_line() -> None:
    view = item("model:magika[batch")
    same = dataclasses.replace(
        view.series[0], pairs=tuple(dataclasses.replace(p, known_good=2.0, candidate=2.0) for p in view.series[0].pairs)
    )
    lines = page(dataclasses.replace(view, series=(same,)))
    assert [line for line in lines if line.startswith(f"{same.metric}: 10 pairs")] == [
        f"{same.metric}: 10 pairs, 2 s in both arms"
    ]


def test_a_case_without_a_verdict_says_so_and_has_its_pairs() -> None:
    lines = page(item("operator:softmax"), judged="")
    assert lines[0] == "not judged: operator:softmax[rows-4096]"
    assert "  There is evidence, and no verdict on it: compat judge 'my store'" in lines
    assert not any(line.startswith(("inconclusive", "In the report")) for line in lines)
    assert any(line.startswith("latency: 30 pairs") for line in lines)


def test_runs_that_came_after_the_verdict_are_told() -> None:
    said = f"  2 runs came after the verdict of {JUDGED}: compat judge 'my store'"
    assert said in page(item("operator:softmax"), later=2)
    assert not any("after the verdict" in line for line in page(item("operator:softmax")))


@pytest.mark.parametrize("terminal", [True, False])
def test_hostile_text_is_text(terminal: bool) -> None:
    hostile = build.hostile()
    console, out = console_of(200, terminal)
    for view in hostile.items:
        names = {"canary-01": build.HOSTILE}
        print_case(view, (), console, f"s {build.HOSTILE}", names, judged=f"now {build.HOSTILE}", later=1)
    print_cases(hostile.items, console, "store", judged=True)
    text = out.getvalue()
    for bad in ("\x1b", "\u202e", "\x07", "\x00"):
        assert bad not in text
    assert "[bold]markup[/bold]" in text


def test_many_cases_are_a_line_each_the_worst_first() -> None:
    views = build.demo().items
    console, out = console_of(80, terminal=False)
    print_cases(views, console, "store", judged=True)
    lines = out.getvalue().splitlines()
    assert len(lines) == len(views) + 1
    assert [line.split()[0] for line in lines[:3]] == ["regress"] * 3
    assert any(line.endswith("1 comparison") for line in lines if line.startswith("pass"))
    assert "OverflowError: Python integer 300 out of bounds for uint8" in out.getvalue()  # in a pipe nothing is cut
    assert lines[-1].startswith(f"{len(views)} cases; * and ? narrow them, and one has it all: compat show store ")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_on_a_terminal_a_case_is_one_line_and_many_are_not_all(width: int) -> None:
    view = build.demo().items[0]
    many = [dataclasses.replace(view, title=f"operator:one[{n}]", key=f"cell/{n}") for n in range(80)]
    console, out = console_of(width, terminal=True)
    print_cases(many, console, "store", judged=True)
    lines = out.getvalue().splitlines()
    assert len(lines) == 50 + 2
    assert all(len(line) < width for line in lines[:50])
    assert lines[50] == "... and 30 more; a pipe gets them all"


def test_cases_that_are_not_judged_have_no_status() -> None:
    console, out = console_of(80, terminal=False)
    print_cases(build.demo().items, console, "store", judged=False)
    assert all(line.startswith("not judged  ") for line in out.getvalue().splitlines()[:-1])

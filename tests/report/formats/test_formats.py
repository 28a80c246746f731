from __future__ import annotations

import dataclasses
import re
import sys

import pytest

from compat.errors import UsageError
from compat.model import Arm
from compat.report.formats import Format, chosen, formats
from tests.report import build
from tests.report.full import full

VARIANTS = [build.demo, build.path, build.go, build.hold, build.empty, build.hostile]


def test_formats_are_found_by_their_modules() -> None:
    assert {name: form.suffix for name, form in formats().items()} == {
        "benchmark": ".benchmark",
        "comment": ".comment.md",
        "csv": ".csv",
        "ctrf": ".ctrf.json",
        "html": ".html",
        "json": ".json",
        "junit": ".junit.xml",
        "markdown": ".md",
        "openmetrics": ".prom",
        "parquet": ".parquet",
        "text": ".txt",
    }
    assert len({form.suffix for form in formats().values()}) == len(formats())
    assert all(form.about for form in formats().values())


@pytest.mark.parametrize("name", formats())
def test_every_verdict_is_written_and_the_same_one_the_same_way(name: str) -> None:
    form = formats()[name]
    for variant in VARIANTS:
        files = form.files(variant())
        assert all(files.values())
        assert files == form.files(variant())


EXTREME = [(1e200, 1e-200), (1e-200, 1e200), (5e-324, 1.0), (-1e308, 1e308), (1.7e308, 1.6e308)]


@pytest.mark.parametrize("unit", ["s", "B", "items/s"])
@pytest.mark.parametrize(("known_good", "candidate"), EXTREME)
def test_whatever_a_runtime_measured_every_format_is_written(known_good: float, candidate: float, unit: str) -> None:
    values = {Arm.KNOWN_GOOD: known_good, Arm.CANDIDATE: candidate}
    given = full()
    evidence = tuple(
        dataclasses.replace(
            entry,
            measurements=tuple(
                dataclasses.replace(
                    each, unit=unit, samples=(values[entry.arm] * (1.0 if entry.pair % 3 else 0.5),) * 2
                )
                for each in entry.measurements
            ),
        )
        for entry in given.evidence
    )
    view = dataclasses.replace(given, evidence=evidence).view()
    drawn = [plot for item in view.items for plot in item.plots]
    assert drawn
    numbers = [number for plot in drawn for lane in plot.lanes for number in (lane.center, *_numbers(lane.dots))]
    numbers += [number for item in view.items for one in item.courses for number in _numbers(one.candidate)]
    assert all(-1000 < number < 1000 for number in numbers)
    for form in formats().values():
        assert all(form.files(view).values())


def _numbers(path: str) -> list[float]:
    assert not re.search("nan|inf", path)
    return [float(number) for number in re.findall(r"-?\d+", path)]


def test_a_format_is_text_bytes_or_several_files() -> None:
    view = build.demo()
    assert Format("x", ".x", "", lambda _: "ä").files(view) == {"report.x": "ä".encode()}
    assert Format("x", ".x", "", lambda _: b"\x00").files(view) == {"report.x": b"\x00"}
    several = Format("x", ".x", "", lambda _: {"one": "1", "two": b"2"})
    assert several.files(view) == {"report.x/one": b"1", "report.x/two": b"2"}


def test_formats_are_chosen_by_name() -> None:
    assert [form.name for form in chosen()] == ["html", "json", "junit", "markdown", "text"]
    assert [form.name for form in chosen(["ctrf", "csv", "ctrf"])] == ["csv", "ctrf"]
    assert [form.name for form in chosen(["csv", "all"])] == list(formats())
    with pytest.raises(UsageError, match=r"'xml' is not one of benchmark, comment, .*, text, all; choose among them"):
        chosen(["csv", "xml"])


def test_parquet_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"needs pyarrow.*; pip install 'gpu-compat\[parquet\]'"):
        formats()["parquet"].files(build.demo())

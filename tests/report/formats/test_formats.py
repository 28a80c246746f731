from __future__ import annotations

import sys

import pytest

from compat.errors import UsageError
from compat.report.formats import Format, chosen, formats
from tests.report import build

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

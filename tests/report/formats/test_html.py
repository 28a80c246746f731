from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser

import pytest

from compat.model import Status
from compat.report.formats.html import MOST_BYTES, render_html
from compat.report.view import view
from tests.report import build
from tests.report.large import Large
from tests.report.packed import unpacked

VARIANTS = {"demo": build.demo, "path": build.path, "go": build.go, "hold": build.hold, "empty": build.empty}


class Page(HTMLParser):
    """What a browser would see: the tags with their attributes, the text, and the raw text of style and script."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.raw: dict[str, list[str]] = {"style": [], "script": [], "data": []}
        self.inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        # A script with a type is data: no browser runs it.
        self.inside = ("data" if "type" in dict(attrs) else tag) if tag in ("style", "script") else ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script"):
            self.inside = ""

    def handle_data(self, data: str) -> None:
        (self.raw[self.inside] if self.inside else self.text).append(data)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_link_leads_somewhere_and_every_name_is_there_once(name: str) -> None:
    page = Page(render_html(VARIANTS[name]()))
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert len(names) == len(set(names))
    assert {link.removeprefix("#") for link in links} <= set(names)
    assert {"reasons", "matrix", "items", "not-covered", "environment", "policy", "provenance"} <= set(names)


@pytest.mark.parametrize("name", [*VARIANTS, "hostile"])
def test_nothing_is_loaded_from_anywhere_and_only_our_own_style_and_script_may_run(name: str) -> None:
    page = Page(render_html((VARIANTS | {"hostile": build.hostile})[name]()))
    (policy,) = [each["content"] for tag, each in page.tags if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        texts = page.raw[kind]
        assert sum(tag == kind and "type" not in attributes for tag, attributes in page.tags) == 1
        digest = base64.b64encode(hashlib.sha256("".join(texts).encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    tags = {tag for tag, _ in page.tags}
    assert tags.isdisjoint({"img", "link", "iframe", "object", "embed", "base", "video", "audio", "use"})
    for _, attributes in page.tags:
        assert not {name for name in attributes if name.startswith("on") or name in ("style", "src", "srcset")}
        assert attributes.get("href", "#").startswith("#")
        assert "action" not in attributes
        assert attributes.get("type", "search") in ("search", "button", "application/json", "text/plain")


def test_hostile_text_adds_no_tag_and_is_shown_as_it_is() -> None:
    clean, hostile = Page(render_html(build.demo())), Page(render_html(build.hostile()))
    shape = [(tag, set(attributes)) for tag, attributes in hostile.tags]
    assert {tag for tag, _ in shape} - {"noscript"} == {tag for tag, _ in clean.tags}  # it is long: a page is packed
    text = "".join(hostile.text)
    assert text.count("<script>document.title='ran'</script>") > 100
    assert "{{ 7*7 }} {% x %}" in text
    assert "&lt;b&gt;" in text
    assert "\\x1b[31m" in text
    assert "\\u202etxt.exe" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\ud800-\udfff]", text)


def test_the_decision_and_every_reason_are_there_in_full() -> None:
    page = Page(render_html(build.demo()))
    text = " ".join("".join(page.text).split())
    assert "NO-GO The upgrade must not go to ring canary" in text.replace("✕", "")
    for reason in build.verdict().reasons:
        assert reason in text
    for digest in (build.verdict().matrix_digest, build.verdict().plan, build.verdict().evidence):
        assert digest in text


def test_tables_have_heads_and_plots_have_words() -> None:
    page = Page(render_html(build.demo()))
    plots = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(plots) >= 6
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in plots)
    assert all(attributes["scope"] in ("col", "row") for tag, attributes in page.tags if tag == "th")
    assert "nan" not in "".join(attributes.get("d", "") for _, attributes in page.tags)


def test_the_same_view_gives_the_same_text() -> None:
    assert render_html(build.demo()) == render_html(build.demo())
    assert render_html(build.demo()).startswith("<!doctype html>")


def test_figures_that_are_not_judged_are_in_tables_that_open() -> None:
    text = " ".join(" ".join(Page(render_html(build.demo())).text).split())
    assert "How close the outputs are to their reference" in text
    assert "probabilities candidate 1,284 2.5e-07 2.1e-07 5 0.99999999995 1 not finite" in text
    assert "Measured and not judged (1 metric)" in text
    assert "Took attention flash → math, transport shm." in text


def test_a_large_report_is_bounded_and_has_a_line_with_figures_for_each_case() -> None:
    made = Large(2_000).view()
    text = render_html(made)
    assert len(text.encode()) <= MOST_BYTES
    page = Page(text)
    names = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {item.anchor for item in made.items} <= names
    assert [item.figures in "".join(page.text) for item in made.items[100:]] == [True] * 1_900
    assert made.items[-1].repeat.replace("'", "&#39;") in unpacked(text)


def test_where_there_is_no_room_for_pages_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compat.report.formats.html.MOST_BYTES", 600_000)
    page = Page(render_html(Large(1_000).view()))
    said = re.search(r"no room here for the pages of the last (\d+) cases", " ".join("".join(page.text).split()))
    assert said is not None
    assert 0 < int(said[1]) < 1_000


def test_a_report_in_which_everything_failed_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compat.report.formats.html.MOST_BYTES", 1_600_000)
    verdict, plan, *others = Large(2_000).parts()
    said = " and it printed: note: Pipeline failed while executing a pass on an operation" * 4
    comparisons = tuple(
        dataclasses.replace(one, status=Status.REGRESS, reason=one.reason + said) for one in verdict.comparisons
    )
    reasons = tuple(f"{one.workload}[{one.case}] of {one.cell} {one.reason}" for one in comparisons)
    made = view(dataclasses.replace(verdict, comparisons=comparisons, reasons=reasons), plan, *others)
    assert all(reason.anchor for reason in made.reasons)
    text = render_html(made)
    assert len(text.encode()) <= 1_600_000
    page = Page(text)
    assert f"And {len(reasons) - 300:,} more reasons" in "".join(page.text)
    assert "no room here for figures in the lines" in "".join(page.text)
    assert {item.anchor for item in made.items} <= {attributes.get("id") for _, attributes in page.tags}

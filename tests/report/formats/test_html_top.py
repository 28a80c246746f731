"""The top of the page, and what is folded of it: what a manager reads, and what is left to be opened."""

from __future__ import annotations

import dataclasses
import html
import re

from compat.model import Waiver, WaiverUse
from compat.report.formats.html import render_html
from compat.report.view import View, view
from tests.report import build


def page(**changes: object) -> str:
    settled = dataclasses.replace(build.verdict(), **changes)
    return render_html(view(settled, build.plan(), (build.NODE,), build.IDENTITIES, build.evidence()))


def header(text: str) -> str:
    return text[text.index("<header") : text.index("</header>")]


def words(markup: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", markup)))


def test_the_header_has_the_answer_and_what_it_rests_on() -> None:
    said = words(header(render_html(build.demo())))
    for part in (
        "NO-GO",
        "The upgrade must not go to ring canary: something is shown to be worse.",
        "runtime stack-2024 → to stack-2025",
        "12 of 18 required comparisons passed, measured on 1 node.",
        "Not everything was covered, for 3 reasons.",
        "Judged 2025-11-20 08:41 UTC.",
    ):
        assert part in said
    assert re.search(r"Rests on tiers aot \(4 comparisons\)\s?, cpu", said)


def test_what_blocks_is_in_the_header_and_its_section_is_a_link_away() -> None:
    found = header(render_html(build.hold()))
    assert "1 of them in the way of GO (driver 580.95.05: no node of ring canary has it)." in words(found)
    assert 'href="#not-covered"' in found
    assert "Rests on no comparison." in words(found)


def test_where_nothing_was_left_out_it_says_so() -> None:
    assert "Everything that the matrix asks for was planned." in words(header(render_html(build.empty())))


def tiles(view: View) -> list[tuple[str, str]]:
    text = render_html(view)
    section = text[text.index('<section class="measures"') :].partition("</section>")[0]
    found = re.findall(r'<p class="what">(.*?)</p><p class="figure"><span[^>]*>.</span>(.*?)</p>', section)
    return [(html.unescape(name), html.unescape(value)) for name, value in found]


def test_there_are_five_tiles() -> None:
    assert tiles(build.demo()) == [
        ("Upgrade pass rate", "66.6 %"),
        ("Regressions", "3"),
        ("Version skew", "none"),
        ("Rollback time", "not rehearsed"),
        ("Support window", "not known"),
    ]


def test_of_many_reasons_twenty_stand_there_and_the_rest_is_folded_in_order() -> None:
    text = page(reasons=tuple(f"reason number {number}." for number in range(1, 51)))
    reasons = text[text.index('<h2 id="reasons"') : text.index('<h2 id="upgrade"')]
    before, fold, after = reasons.partition("<details")
    assert [len(re.findall(r"reason number \d+\.", part)) for part in (before, after)] == [20, 30]
    assert fold
    assert "The other 30 reasons" in after
    assert '<ol class="reasons" start="21">' in after
    assert (
        "<details"
        not in page(reasons=tuple(f"reason {n}." for n in range(20))).split('id="upgrade"')[0].split("</nav>")[1]
    )


def test_many_intended_differences_and_nodes_are_folded_and_undeclared_ones_are_not() -> None:
    many = tuple((f"package-{number}", "1", "2", True) for number in range(40))
    text = page(
        differences=(*many, ("odd", "1", "2", False)), nodes=tuple(f"node-{number:03}" for number in range(300))
    )
    section = text[text.index('id="environment"') :].partition("</section>")[0]
    assert section.index("Undeclared differences") < section.index("Intended differences")
    assert "40 differences that the upgrade declares" in section
    assert "300 nodes</summary>" in section
    assert section.index("odd") < section.index("<details")


def test_waivers_in_force_come_first() -> None:
    def used(case: str, state: str) -> WaiverUse:
        return WaiverUse(Waiver(case, "latency", "known", "ada", "2026-01-31"), state, 1, "it was looked at")

    states = ("expired", "not needed", "in force", "unmatched")
    text = page(waivers=tuple(used(f"case-{state}", state) for state in states))
    section = text[text.index('id="waivers"') :].partition("</section>")[0]
    places = [section.index(part) for part in ("In force", "case-in force", "Not in force", "case-expired")]
    assert places == sorted(places)
    none = page(waivers=(used("case", "expired"),))
    assert "None of them is in force." in none


def test_digests_are_whole() -> None:
    found = build.verdict()
    text = page()
    section = text[text.index('id="provenance"') :]
    for name in (found.plan, found.evidence, found.matrix_digest, *build.plan().content.values()):
        assert name in section

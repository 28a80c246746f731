"""JUnit XML, which GitLab, Jenkins and most others show: a test case an item, and one for the verdict itself.

There is no standard; this is what pytest's own writer makes (``xunit2``) with properties in test cases, as GitLab and
Jenkins read it. What is shown to be worse is a failure, what else keeps the ring from GO an error, and what the ring
does not rest on is skipped; beside what passed, it is that test's output. XML 1.0 (production 2, "Char") has no way to
write some characters: they are made visible.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

from compat.report.formats import Format
from compat.report.outcomes import Outcome, Tested, tested

if TYPE_CHECKING:
    from compat.report.view import View

__all__ = ["FORMAT"]

_ELEMENTS = {
    Outcome.FAILED: "failure",
    Outcome.OPEN: "error",
    Outcome.ASIDE: "skipped",
    Outcome.ABSENT: "skipped",
}
_TOTALS = {"failures": "failure", "errors": "error", "skipped": "skipped"}
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(view: View) -> bytes:
    """Write the document, in UTF-8."""
    root = Xml.Element("testsuites", name="compat")
    suite = Xml.SubElement(root, "testsuite", name=_text(f"{view.matrix} ring {view.ring}"))
    counts = dict.fromkeys(_ELEMENTS.values(), 0)
    number, seconds = 0, 0.0
    for one in tested(view):
        number, seconds = number + 1, seconds + one.seconds
        _case(suite, one)
        if one.outcome in _ELEMENTS:
            counts[_ELEMENTS[one.outcome]] += 1
    totals = {"tests": str(number), "time": f"{seconds:.3f}"} | {
        name: str(counts[element]) for name, element in _TOTALS.items()
    }
    for element in (root, suite):
        element.attrib.update(totals)
    suite.set("timestamp", _text(view.began or view.judged_at))
    Xml.indent(root, " ")
    return bytes(Xml.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(suite: Xml.Element, one: Tested) -> None:
    case = Xml.SubElement(
        suite, "testcase", classname=_text(one.group), name=_text(one.name), time=f"{one.seconds:.3f}"
    )
    if one.facts:
        properties = Xml.SubElement(case, "properties")
        for name, value in one.facts:
            Xml.SubElement(properties, "property", name=_text(f"compat.{name}"), value=_text(value))
    element = _ELEMENTS.get(one.outcome)
    if element is not None:
        reason = Xml.SubElement(case, element, type=_text(one.status), message=_text(f"{one.status}: {one.said}"))
        reason.text = _text(one.detail or one.said)
    elif one.said:
        Xml.SubElement(case, "system-out").text = _text(f"{one.said}\n{one.detail}")


def _text(text: str) -> str:
    return _NO_CHARACTER.sub(lambda found: ascii(found[0])[1:-1], text)


FORMAT = Format("junit", ".junit.xml", "JUnit XML for GitLab, Jenkins and others", render_junit, default=True)

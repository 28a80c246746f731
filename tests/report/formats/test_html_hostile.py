"""Which text of a noun the HTML report shows: all of it but what is named here, and all of it escaped."""

from __future__ import annotations

import re

import pytest

from compat.escape import clean
from compat.report.formats.html import render_html
from tests.report.formats.test_html import Page
from tests.report.hostile import PLACES, TEXT, Given, full, spoilt

__all__ = ["NOT_SHOWN"]

_NOT_SHOWN = {
    "Verdict": "records.key",
    "Plan": "name matrix_digest known_good.key known_good.value candidate.key candidate.value runtimes.key",
    "Runtime": "name image base requirements python values.key values.value env.key env.value brings.key brings.value",
    "Artifact": "package path sha256",
    "Ring": "name labels.key labels.value after controls.key controls.value cards",
    "Coverage": "name cells",
    "Item": "key",
    "Cell": "id model",
    "Case": "workload id params.key params.value components content imports",
    "Output": "name dtype digest",
    "Finding": "level remedy",
    "Rejection": "ring",
    "Route": "edges",
    "Node": "id driver labels.key labels.value",
    "Gpu": "uuid compute_capability parent",
    "Identity": "environment.key environment.value libraries.key libraries.value driver.key settings.key "
    "settings.value image image_digests",
    "Evidence": "plan item content stack.key stack.value runtime identity started inputs session",
    "Rehearsal": "plan cases command",
    "Stand": "digest",
    "Overview": "nodes.key held.key",
    "Lease": "previous action",
    "Promotion": "previous action stack.key stack.value plan verdict evidence matrix_digest policy compat_version "
    "content.key content.value nodes.key nodes.value",
    "Past": "plan",
    "Changed": "before",
    "History": "more.key torn.key unread.key newer",
    "Watch": "plan cases",
    "GpuHealth": "gpu",
    "NvLink": "errors.key",
}
NOT_SHOWN = frozenset(f"{noun}.{field}" for noun, fields in _NOT_SHOWN.items() for field in fields.split())


@pytest.fixture(scope="module")
def given() -> Given:
    return full()


@pytest.fixture(scope="module")
def ordinary(given: Given) -> Page:
    return Page(render_html(given.view()))


@pytest.mark.parametrize("place", PLACES)
def test_a_text_is_shown_as_text_or_not_at_all(given: Given, ordinary: Page, place: str) -> None:
    mark = "<i>what is not clean</i>\x1b "
    page = Page(render_html(spoilt(given, place, lambda text: f"{text}{mark}{TEXT}").view()))
    assert {(tag, *sorted(names)) for tag, names in page.tags} <= {
        (tag, *sorted(names)) for tag, names in ordinary.tags
    }
    texts = ["".join(page.text), *(value for _, names in page.tags for value in names.values())]
    shown = any(clean(mark) in text for text in texts)
    assert shown is (place not in NOT_SHOWN), "a text that is shown newly, or no longer: put it right in NOT_SHOWN"
    raw = "".join(page.raw["script"]) + "".join(page.raw["style"]) + "".join(texts)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\ud800-\udfff]", raw)
    links = [names[name] for _, names in page.tags for name in ("href", "src", "action") if name in names]
    assert all(link.startswith("#") for link in links)

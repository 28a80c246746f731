from __future__ import annotations

import json

from compat.report.facets import facets_json
from tests.report import build
from tests.report.large import Large


def test_each_case_names_its_words_by_their_numbers() -> None:
    items = Large(135).view().items
    found = json.loads(facets_json(items))
    names = [name for name, _ in found["facets"]]
    assert names == [
        "status",
        "kind",
        "workload",
        "driver",
        "cuda",
        "runtime",
    ]  # all are of one tier: nothing to narrow
    assert len(found["rows"]) == len(items)
    for item, row in zip(items, found["rows"], strict=True):
        said = {name: words[number] for (name, words), number in zip(found["facets"], row, strict=True)}
        assert said["status"] == item.status.value
        assert said["workload"] == item.workload
        assert item.workload.startswith(f"{said['kind']}:")
        assert {axis.what: axis.candidate for axis in item.axes} == {name: said[name] for name in names[3:]}


def test_nothing_in_it_ends_the_element_that_it_is_in() -> None:
    text = facets_json(build.hostile().items)
    assert not set("<>&") & set(text)
    assert any("<script>" in word for _, words in json.loads(text)["facets"] for word in words)


def test_of_no_cases_there_is_nothing_to_narrow() -> None:
    assert json.loads(facets_json(())) == {"facets": [], "rows": []}

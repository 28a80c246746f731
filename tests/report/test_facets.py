from __future__ import annotations

import dataclasses
import json

from compat.report.facets import facets_json
from compat.report.parts import Change
from tests.report import build
from tests.report.large import Large


def test_each_case_names_its_words_by_their_numbers() -> None:
    items = Large(135).view().items
    found = json.loads(facets_json(items))
    names = [key for key, _, _ in found["facets"]]
    assert names == ["status", "kind", "workload", "axis.driver", "axis.cuda", "axis.runtime"]
    assert found["alike"] == {"tier": "gpu"}  # nothing to narrow
    assert len(found["rows"]) == len(items)
    for item, row in zip(items, found["rows"], strict=True):
        said = {key: words[number] for (key, _, words), number in zip(found["facets"], row, strict=True)}
        assert said["status"] == item.status.value
        assert said["workload"] == item.workload
        assert item.workload.startswith(f"{said['kind']}:")
        assert {f"axis.{axis.what}": axis.candidate for axis in item.axes} == {name: said[name] for name in names[3:]}


def test_nothing_in_it_ends_the_element_that_it_is_in() -> None:
    text = facets_json(build.hostile().items)
    assert not set("<>&") & set(text)
    assert any("<script>" in word for _, _, words in json.loads(text)["facets"] for word in words)


def test_of_no_cases_there_is_nothing_to_narrow() -> None:
    assert json.loads(facets_json(())) == {"facets": [], "alike": {}, "rows": []}


def test_an_axis_that_is_called_as_we_call_something_is_beside_it() -> None:
    items = [
        dataclasses.replace(item, axes=(Change("status", "blue", f"green-{number % 2}"),))
        for number, item in enumerate(Large(135).view().items)
    ]
    found = json.loads(facets_json(items))
    assert [(key, label) for key, label, _ in found["facets"] if label == "status"] == [
        ("status", "status"),
        ("axis.status", "status"),
    ]

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml

from compat.paths import content_folder
from compat.plan.schema import json_schema

from .conftest import AXES, MATRIX


def test_the_schema_that_editors_use_is_up_to_date() -> None:
    shipped = (content_folder("matrices") / "matrix.schema.json").read_text(encoding="utf-8")
    remedy = "run: python -m compat.plan.schema > matrices/matrix.schema.json"
    assert shipped == json_schema(), remedy


def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(json_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("text", [MATRIX, AXES])
def test_editors_accept_what_we_accept(text: str) -> None:
    assert list(validator().iter_errors(yaml.safe_load(text))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: demo", "name: 12.10"),
        ("name: demo", "nmae: demo"),
        ("[old, new]", "[old, 12.10]"),
        ("budget: 20m", "budget: 20"),
        ("margin: 10%", "margin: 10"),
        ("absolute: 16MiB", "absolute: 16MB"),
        ("[static, aot, cpu]", "[statik]"),
    ],
)
def test_editors_refuse_what_we_refuse(old: str, new: str) -> None:
    assert old in MATRIX
    assert list(validator().iter_errors(yaml.safe_load(MATRIX.replace(old, new, 1))))

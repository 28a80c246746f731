"""The kinds of values in a matrix file, each with its words for an error and its JSON Schema."""

from __future__ import annotations

import re
from typing import Annotated

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from compat.plan import units

__all__ = [
    "Alpha",
    "Amount",
    "Axis",
    "Count",
    "Coverage",
    "Digest",
    "Duration",
    "Line",
    "Pin",
    "Point",
    "Ratio",
    "Share",
    "Slug",
    "Spec",
    "Target",
    "Text",
    "Value",
    "Values",
    "Variable",
    "distinct",
]


def _words(pattern: str, expected: str) -> tuple[AfterValidator, WithJsonSchema]:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"{value!r} is not {expected}")
        return value

    return AfterValidator(check), WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern})$"})


def _requirement(value: str) -> str:
    if len(value) > _LONGEST_PIN:
        raise ValueError(f"a requirement has {len(value)} characters; write name==version")
    try:
        Requirement(value)
    except InvalidRequirement:
        raise ValueError(f"{value!r} is not a requirement; write name==version") from None
    return value


def distinct(values: list[str]) -> list[str]:
    """The values, each once; ValueError for one that is there twice."""
    seen = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{value!r} is there twice; keep one of them")
        seen.add(value)
    return values


_LONGEST_PIN = 500
_NUMBER = {"type": "number", "minimum": 0}

Slug = Annotated[
    str, *_words(r"[a-z0-9][a-z0-9.-]{0,99}", "a name; write lower-case letters, digits, dots and hyphens, at most 100")
]
Axis = Annotated[
    str, *_words(r"[a-z][a-z0-9_]{0,99}", "a name of an axis; write lower-case letters, digits and _, at most 100")
]
Variable = Annotated[str, *_words(r"[A-Za-z_][A-Za-z0-9_]*", "a name of an environment variable")]
Coverage = Annotated[
    str, *_words(r"full|changed|pairwise|[3-6]-wise", "a coverage; write full, changed, pairwise or 3-wise")
]
Target = Annotated[str, *_words(r"sm_[1-9][0-9]{1,2}", "a target; write one such as sm_80 (without a or f)")]
Digest = Annotated[str, *_words(r"[0-9a-f]{64}", "a sha256; write its 64 hex digits")]
Text = Annotated[str, *_words(r"[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*", "one line of text")]
Value = Annotated[
    str,
    *_words(r"[A-Za-z0-9][A-Za-z0-9._+:@/-]{0,199}", "a value; write letters, digits and . _ + : @ / -, at most 200"),
]
Line = Annotated[str, *_words(r"[^\x00-\x1f\x7f]*", "one line of text")]
Pin = Annotated[str, AfterValidator(_requirement), WithJsonSchema({"type": "string", "examples": ["numpy==2.2.6"]})]
Values = Annotated[list[Value], Field(min_length=1), AfterValidator(distinct)]
Point = Annotated[dict[Axis, Value], Field(min_length=1)]
Ratio = Annotated[
    float,
    BeforeValidator(units.ratio),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": units.RATIO_PATTERN}, {**_NUMBER, "exclusiveMaximum": 1}]}),
]
Duration = Annotated[
    float, BeforeValidator(units.duration), WithJsonSchema({"type": "string", "pattern": units.DURATION_PATTERN})
]
Amount = Annotated[
    units.Amount,
    BeforeValidator(units.amount),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": units.AMOUNT_PATTERN}, _NUMBER]}),
]
Count = Annotated[int, Field(ge=1)]
Alpha = Annotated[float, Field(gt=0, lt=0.5)]
Share = Annotated[float, Field(gt=0, le=1)]


class Spec(BaseModel):
    """A part of the file: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)

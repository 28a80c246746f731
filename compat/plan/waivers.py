"""Waiver files: what somebody accepted. A file beside the matrix, since accepting something changes no measurement."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from compat.model import Waiver
from compat.plan.fields import Ratio, Text
from compat.plan.load import parse
from compat.plan.yaml_file import read_yaml

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["WaiversSpec", "load_waivers"]


def _day(value: str) -> str:
    try:
        return datetime.date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError(f'{value!r} is not a day; write one such as "2027-01-31"') from None


Day = Annotated[str, AfterValidator(_day)]


class WaiverSpec(BaseModel):
    """One accepted change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)

    case: Text = Field(description="WORKLOAD[CASE], or a pattern in which * and ? are wild")
    metric: Text = Field(description="its name, such as latency, outputs or execution, or a pattern")
    cell: Text = Field(default="*", description="the cell's id, or a pattern")
    at_most: Ratio | None = Field(default=None, description="how much worse it may be; any amount if left out")
    reason: Text = Field(description="why it is accepted")
    owner: Text = Field(description="who accepted it")
    expires: Day = Field(description="the last day on which it is in force")


class WaiversSpec(BaseModel):
    """A waiver file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    waivers: list[WaiverSpec]


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """Read the waiver file at ``path``; MatrixError names the line, what was expected and what to do."""
    spec = parse(read_yaml(path, "write waivers: [] at least"), WaiversSpec)
    return tuple(Waiver(**one.model_dump()) for one in spec.waivers)

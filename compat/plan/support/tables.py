"""The support tables: data files beside this one. Each row names its source and when that was last checked.

A row with ``unconfirmed: true`` is never a reason for ok or fail, only for unknown.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from compat.plan.load import parse
from compat.plan.yaml_file import read_yaml

__all__ = [
    "Assembler",
    "Base",
    "Capability",
    "Card",
    "Conflict",
    "Floor",
    "Forward",
    "Interpreter",
    "OnnxRuntime",
    "Row",
    "Ships",
    "Tables",
    "Torch",
    "Triton",
    "load_tables",
]

Version = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)*$")]


class Row(BaseModel):
    """What every row has."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)

    source: str
    checked: Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-[01][0-9]$")]
    unconfirmed: bool = False

    @property
    def cited(self) -> str:
        """The source with its date."""
        return f"{self.source} (checked {self.checked})"


class Ships(Row):
    """The driver a CUDA toolkit ships with."""

    cuda: Version
    driver: Version


class Floor(Row):
    """The oldest driver for a CUDA major version."""

    major: Version
    driver: Version


class Forward(Row):
    """A driver branch that the cuda-compat package of a CUDA major.minor may start from."""

    cuda: Version
    branch: Version


class Capability(Row):
    """A compute capability, and the first and last CUDA major.minor whose assembler takes it.

    ``seen``: from here on it is confirmed; before it, from ``first``, it is not.
    """

    capability: Version
    first: Version
    last: Version | None = None
    seen: Version | None = None


class Triton(Row):
    """The assemblers of the triton releases that match a specifier; ``lld``: whether the wheel links for AMD, too."""

    triton: str
    lld: bool = False
    ptxas: Version
    blackwell: Version | None = None
    since: Version | None = Field(None, alias="from")


class OnnxRuntime(Row):
    """The newest IR version that a release of onnxruntime reads."""

    onnxruntime: Version
    ir: int


class Torch(Row):
    """What the default wheel of a torch release brings."""

    torch: Version
    cuda: Version
    triton: Version
    python: tuple[Version, ...] | None = Field(None, strict=False)


class Base(Row):
    """The Python that a base image's distribution installs."""

    base: str
    python: Version


class Conflict(Row):
    """Components (name -> specifier) that do not work together when all match; the first one breaks."""

    components: dict[str, str]
    effect: str
    tier: Literal["interpreted"] | None = None


class Assembler(Row):
    """The ptxas of a CUDA major.minor, as a file in a wheel."""

    cuda: Version
    package: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+==[0-9.]+$")]
    path: str
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Card(Row):
    """A card of an architecture: bytes a second, and operations a second by the type of the operands, at most."""

    target: str
    card: str
    bandwidth: float
    peaks: dict[str, float]


class Interpreter(Row):
    """Releases of triton whose interpreter has a feature, with the numpy that it needs for that."""

    feature: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    triton: str
    numpy: str | None = None


@dataclass(frozen=True)
class Tables:
    """All tables."""

    ships: tuple[Ships, ...]
    floors: tuple[Floor, ...]
    forward: tuple[Forward, ...]
    capabilities: tuple[Capability, ...]
    triton: tuple[Triton, ...]
    onnxruntime: tuple[OnnxRuntime, ...]
    torch: tuple[Torch, ...]
    bases: tuple[Base, ...]
    conflicts: tuple[Conflict, ...]
    assemblers: tuple[Assembler, ...] = ()
    interpreter: tuple[Interpreter, ...] = ()
    cards: tuple[Card, ...] = ()


R = TypeVar("R", bound=Row)


class _File(BaseModel, Generic[R]):
    model_config = ConfigDict(extra="forbid", strict=True)

    rows: list[R]


@functools.cache
def load_tables() -> Tables:
    """The tables we ship, checked; MatrixError with ``file:line`` when one is not of its shape."""
    return Tables(
        ships=_rows("cuda_ships", Ships),
        floors=_rows("cuda_floors", Floor),
        forward=_rows("cuda_forward", Forward),
        capabilities=_rows("capabilities", Capability),
        triton=_rows("triton", Triton),
        onnxruntime=_rows("onnxruntime", OnnxRuntime),
        torch=_rows("torch", Torch),
        bases=_rows("bases", Base),
        conflicts=_rows("conflicts", Conflict),
        assemblers=_rows("assemblers", Assembler),
        interpreter=_rows("interpreter", Interpreter),
        cards=_rows("cards", Card),
    )


def _rows(name: str, row: type[R]) -> tuple[R, ...]:
    file = read_yaml(Path(__file__).with_name(f"{name}.yaml"))
    return tuple(parse(file, _File[row]).rows)  # type: ignore[valid-type]  # a model made at run time

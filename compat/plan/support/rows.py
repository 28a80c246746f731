"""The rows of the support tables: what each says, and what it speaks of.

Each row names its source and when that was last checked. A row with ``unconfirmed: true`` is never a reason for ok or
fail, only for unknown.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = [
    "Architecture",
    "Assembler",
    "Base",
    "Branch",
    "Brand",
    "Capability",
    "Card",
    "Conflict",
    "Floor",
    "Forward",
    "Interpreter",
    "Issue",
    "OnnxRuntime",
    "Product",
    "Ptx",
    "PythonRow",
    "Row",
    "Ships",
    "Torch",
    "Triton",
]

Version = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)*$")]
Month = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]


class Row(BaseModel):
    """What every row has."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)

    KEY: ClassVar[tuple[str, ...]] = ()

    source: str
    checked: Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-[01][0-9]$")]
    unconfirmed: bool = False

    @property
    def cited(self) -> str:
        """The source with its date."""
        return f"{self.source} (checked {self.checked})"

    @property
    def key(self) -> str:
        """What the row speaks of: a site's own row with the same key replaces it."""
        return repr([getattr(self, name) for name in self.KEY])


class Ships(Row):
    """The driver a CUDA toolkit ships with."""

    KEY: ClassVar[tuple[str, ...]] = ("cuda",)

    cuda: Version
    driver: Version


class Floor(Row):
    """The oldest driver for a CUDA major version."""

    KEY: ClassVar[tuple[str, ...]] = ("major",)

    major: Version
    driver: Version


class Forward(Row):
    """A driver branch that the cuda-compat package of a CUDA major.minor may start from."""

    KEY: ClassVar[tuple[str, ...]] = ("cuda", "branch")

    cuda: Version
    branch: Version


class Capability(Row):
    """A compute capability, and the first and last CUDA major.minor whose assembler takes it.

    ``seen``: from here on it is confirmed; before it, from ``first``, it is not.
    """

    KEY: ClassVar[tuple[str, ...]] = ("capability",)

    capability: Version
    first: Version
    last: Version | None = None
    seen: Version | None = None


class Triton(Row):
    """The assemblers of the triton releases that match a specifier; ``lld``: whether the wheel links for AMD, too."""

    KEY: ClassVar[tuple[str, ...]] = ("triton",)

    triton: str
    lld: bool = False
    ptxas: Version
    blackwell: Version | None = None
    since: Version | None = Field(None, alias="from")


class OnnxRuntime(Row):
    """The newest IR version that a release of onnxruntime reads."""

    KEY: ClassVar[tuple[str, ...]] = ("onnxruntime",)

    onnxruntime: Version
    ir: int


class Torch(Row):
    """What the default wheel of a torch release brings."""

    KEY: ClassVar[tuple[str, ...]] = ("torch",)

    torch: Version
    cuda: Version
    triton: Version | None = None
    cudnn: Version | None = None
    nccl: Version | None = None
    cublas: Version | None = None
    code: tuple[Version, ...] = Field((), strict=False)  # compute capabilities
    python: tuple[Version, ...] | None = Field(None, strict=False)


class Base(Row):
    """The Python that a base image's distribution installs."""

    KEY: ClassVar[tuple[str, ...]] = ("base",)

    base: str
    python: Version


class Conflict(Row):
    """Components (name -> specifier) that do not work together when all match; the first one breaks."""

    KEY: ClassVar[tuple[str, ...]] = ("components",)

    components: dict[str, str]
    effect: str
    tier: Literal["interpreted"] | None = None


class Assembler(Row):
    """The ptxas of a CUDA major.minor, as a file in a wheel."""

    KEY: ClassVar[tuple[str, ...]] = ("cuda",)

    cuda: Version
    package: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+==[0-9.]+$")]
    path: str
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Card(Row):
    """A card of an architecture: bytes a second, and operations a second by the type of the operands, at most."""

    KEY: ClassVar[tuple[str, ...]] = ("target", "card")

    target: str
    card: str
    bandwidth: float
    peaks: dict[str, float]


class Interpreter(Row):
    """Releases of triton whose interpreter has a feature, with the numpy that it needs for that."""

    KEY: ClassVar[tuple[str, ...]] = ("feature", "triton", "numpy")

    feature: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    triton: str
    numpy: str | None = None


class Branch(Row):
    """A driver branch, and the month in which its support ends; ``ended``: it is over, and nobody says since when."""

    KEY: ClassVar[tuple[str, ...]] = ("branch",)

    branch: Version
    kind: Literal["LTS", "PB", "NFB"]
    eol: Month | None = None
    ended: bool = False


class Architecture(Row):
    """The compute capabilities of an architecture, and the last driver branch that knows its cards."""

    KEY: ClassVar[tuple[str, ...]] = ("architecture",)

    architecture: str
    capabilities: tuple[Version, ...] = Field(strict=False)
    last_branch: Version | None = None


class Product(Row):
    """A card by the words of its name."""

    KEY: ClassVar[tuple[str, ...]] = ("name",)

    name: str
    capability: Version
    brand: str


class Brand(Row):
    """Whether the cards of a brand may run a newer CUDA by its cuda-compat package."""

    KEY: ClassVar[tuple[str, ...]] = ("brand",)

    brand: str
    forward: bool


class PythonRow(Row):
    """The month in which the support of a Python ends."""

    KEY: ClassVar[tuple[str, ...]] = ("python",)

    python: Version
    eol: Month


class Ptx(Row):
    """The newest PTX ISA that the assembler of a CUDA major.minor takes."""

    KEY: ClassVar[tuple[str, ...]] = ("cuda",)

    cuda: Version
    ptx: Version


class Issue(Row):
    """A known issue of the versions of a component that match a specifier.

    ``beside``: other components (name -> specifier) that must match too; ``capabilities``: only on such cards.
    ``always``: what uses the component that way stops working. ``gone``: the first version without it.
    """

    KEY: ClassVar[tuple[str, ...]] = ("id",)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    component: str
    affected: str
    beside: dict[str, str] = {}
    capabilities: tuple[Version, ...] = Field((), strict=False)
    effect: Literal["compile", "crash", "discovery", "hang", "load", "memory", "numerics", "rollback", "speed"]
    symptom: str
    when: str
    remedy: str
    always: bool = False
    gone: Version | None = None

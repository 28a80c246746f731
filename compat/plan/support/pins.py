"""What a runtime's requirements pin, and versions as the tables compare them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Pins", "as_version", "minor", "read_pins"]


@dataclass(frozen=True)
class Pins:
    """``versions``: exactly pinned distributions. ``open``: those that are named and could become any version."""

    versions: dict[str, Version]
    open: tuple[str, ...]


def read_pins(requirements: Sequence[str]) -> Pins:
    """Sort requirements into those that fix one version and those that do not (ranges, wildcards, markers, URLs)."""
    versions: dict[str, Version] = {}
    loose: list[str] = []
    for text in requirements:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        specifiers = list(requirement.specifier)
        exact = len(specifiers) == 1 and specifiers[0].operator == "==" and not specifiers[0].version.endswith(".*")
        if exact and requirement.marker is None and requirement.url is None:
            versions[name] = Version(specifiers[0].version)
        else:
            loose.append(name)
    return Pins(versions, tuple(loose))


def as_version(text: str) -> Version | None:
    """The version that ``text`` is, or None when it is none: nothing can be said of it then."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def minor(version: Version) -> Version:
    """Its major.minor."""
    return Version(f"{version.major}.{version.minor}")

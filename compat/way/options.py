"""What a user may choose, and the first stage: from a matrix file to its plan."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import compat
from compat.errors import UsageError
from compat.model import LOCKED_CLOCKS
from compat.plan import build_plan, load_matrix

if TYPE_CHECKING:
    from compat.model import Phase, Plan
    from compat.plan.shards import Shard
    from compat.store.place import Where

__all__ = ["Options", "make_plan", "parse_labels", "ring_of"]


@dataclass(frozen=True)
class Options:
    """What a user may choose beside the matrix file. Paths are relative to the current folder.

    ``engine`` and ``cache`` can also be said once for a machine, by COMPAT_ENGINE and COMPAT_CACHE.
    """

    ring: str | None = None
    store: Where | None = None  # a folder; default: out/NAME
    engine: str | None = None  # default: auto
    cache: Path | None = None  # default: the user's cache folder
    content: tuple[Path, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    fresh: bool = False
    lock_clocks: int | None = None  # MHz, of the GPUs that are measured on
    waivers: Path | None = None  # a file of accepted changes
    calibration: Where | None = None  # the store that ``compat calibrate`` left
    phase: Phase | None = None  # of a control node
    shard: Shard | None = None  # the part of the ring's cases that is measured here
    like: Where | None = None  # a store whose evidence says how long cases take, so that shards are even
    matrix: Path | None = None  # the matrix file; the paths of models that are files begin at its folder

    def engine_name(self) -> str:
        """What realises the runtimes."""
        return self.engine or os.environ.get("COMPAT_ENGINE") or "auto"

    def cache_folder(self) -> Path:
        """Where built runtimes and fetched artifacts are kept between runs."""
        chosen = self.cache or os.environ.get("COMPAT_CACHE")
        if chosen:
            return Path(chosen).resolve()
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        return Path(base) / "gpu-compat"

    def node_labels(self) -> dict[str, str]:
        """The labels of this node. Locked clocks are one of them, so that a store does not mix them with free ones."""
        locked = {} if self.lock_clocks is None else {LOCKED_CLOCKS: f"{self.lock_clocks} MHz"}
        return {**self.labels, **locked}


def make_plan(matrix: Path, options: Options) -> Plan:
    """Plan the matrix file. MatrixError or ContentError in one line when it cannot be."""
    return build_plan(load_matrix(matrix), content=options.content, compat_version=compat.__version__)


def parse_labels(words: Sequence[str]) -> dict[str, str]:
    """``["ring=canary"]`` as a mapping. UsageError for a word without a ``=``."""
    for word in words:
        if "=" not in word:
            raise UsageError("label", f"{word!r} is not KEY=VALUE", "write for example ring=canary")
    return dict(word.split("=", 1) for word in words)


def ring_of(plan: Plan, name: str | None) -> str:
    """The ring asked for, or the only one. UsageError when there is no such ring, or several to choose from."""
    names = [ring.name for ring in plan.rings]
    if name is None and len(names) == 1:
        return names[0]
    if name not in names:
        problem = f"has no ring {name!r}" if name else "has several rings and none was named"
        raise UsageError(f"matrix {plan.name}", problem, f"choose one of {', '.join(names)}")
    return name

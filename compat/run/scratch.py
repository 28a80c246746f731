"""A store that is thrown away: for runs that are no evidence of a ring."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from compat.run.leftovers import LABEL, this_owner
from compat.store import Store

__all__ = ["scratch_store"]


@contextlib.contextmanager
def scratch_store(keep: Path | None = None) -> Iterator[Store]:
    """A new store in the folder ``keep``; without one, in a temporary folder that is removed at the end.

    That one carries our mark, so that the next start removes it if we are killed.
    """
    if keep is not None:
        yield Store(keep, create=True)
        return
    with tempfile.TemporaryDirectory(prefix=f"{LABEL}-{this_owner()}-") as folder:
        yield Store(Path(folder), create=True)

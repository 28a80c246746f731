"""The clocks of the GPUs that are measured on: reset where a killed run left them locked, locked where it is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compat.model import Item, Node
    from compat.way.options import Options

__all__ = ["clocks"]


@contextlib.contextmanager
def clocks(
    options: Options, node: Node, items: Sequence[Item], gpus: int | None, say: Callable[[str], None]
) -> Iterator[None]:
    """Reset the clocks that a killed run has left locked; inside, lock those of the GPUs in use, if that is asked."""
    from compat.node.clocks import LockedClocks, undo_left
    from compat.run.lanes import places_of

    folder = options.cache_folder() / "clocks"
    for gpu in undo_left(folder):
        say(f"reset the clocks of {gpu}, which a killed run had left locked")
    if options.lock_clocks is None:
        yield
        return
    places = (place for item in items for place in places_of(item, node, gpus))
    devices = tuple(dict.fromkeys(uuid for place in places for uuid in place.devices))
    with LockedClocks(options.lock_clocks, devices, folder):
        say(f"the clocks of {', '.join(devices)} are held at {options.lock_clocks} MHz: this is for diagnosis")
        yield

"""The marker of a store: ``store.json`` says which layout the place has."""

from __future__ import annotations

import json

from compat.errors import StoreError
from compat.store.objects import Objects

__all__ = ["MARKER", "check_marker", "write_marker"]

MARKER = "store.json"
_LAYOUT = 2


def write_marker(objects: Objects) -> None:
    """Make the place a store, unless it is one. StoreError where that cannot be."""
    if not objects.has(MARKER):
        objects.make()
        objects.put(MARKER, json.dumps({"layout": _LAYOUT}).encode())


def check_marker(objects: Objects) -> None:
    """StoreError where there is no store, or one of another layout."""
    found = objects.get(MARKER)
    if found is None:
        raise StoreError(objects.where, "is not a store: it has no store.json", "name the folder of a run")
    try:
        layout = json.loads(found)["layout"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise StoreError(objects.address(MARKER), "is torn or not ours", "restore it, or measure again") from None
    if type(layout) is not int or layout != _LAYOUT:  # true is equal to 1
        older = type(layout) is int and layout < _LAYOUT
        remedy = "measure again, or use the gpu-compat that wrote it" if older else "use a newer gpu-compat"
        raise StoreError(objects.where, f"has layout {layout}, this version reads {_LAYOUT}", remedy)

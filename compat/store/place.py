"""Where a store is: a folder, or a bucket's address."""

from __future__ import annotations

import re
from pathlib import Path

from compat.errors import UsageError
from compat.store.folder import FolderObjects
from compat.store.objects import Objects

__all__ = ["Where", "is_address", "local_folder", "objects_at", "same_place"]

Where = str | Path  # as a user says it: a folder, or s3://BUCKET/PREFIX

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/{1,2}(.*)", re.DOTALL)  # a Path has lost one of the two slashes


def is_address(place: Where) -> bool:
    """Whether it is an address, and no folder."""
    return _ADDRESS.fullmatch(str(place)) is not None


def objects_at(place: Where) -> Objects:
    """The place. UsageError, in one line, for an address of another kind than ``s3://``, or one that is incomplete."""
    found = _ADDRESS.fullmatch(str(place))
    if found is None:
        return FolderObjects(Path(place))
    scheme, rest = found[1].lower(), found[2]
    if scheme != "s3":
        raise UsageError(f"{scheme}://", "is no place for a store", "name a folder, or s3://BUCKET/PREFIX")
    from compat.store.bucket import BucketObjects

    bucket, _, prefix = rest.partition("/")
    return BucketObjects(bucket, prefix)


def same_place(one: Where, other: Where) -> bool:
    """Whether two words mean one place."""
    if is_address(one) or is_address(other):
        return objects_at(one).where == objects_at(other).where
    return Path(one).resolve() == Path(other).resolve()


def local_folder(place: Where) -> Path:
    """The folder to measure into. UsageError for an address: measuring writes all the time, and locks its node."""
    if is_address(place):
        what = "is no folder, and evidence is measured into one"
        raise UsageError("--store", what, "measure into a folder, then say compat merge FOLDER --output s3://...")
    return Path(place)

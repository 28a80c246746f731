"""Where evidence lies: immutable documents and content-addressed blobs. It is the only meeting place of the stages."""

from compat.store.local import LocalStore
from compat.store.merge import Merged, merge

__all__ = ["LocalStore", "Merged", "merge"]

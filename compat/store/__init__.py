"""Where evidence lies: immutable documents and content-addressed blobs. It is the only meeting place of the stages."""

from compat.store.documents import Store, is_store
from compat.store.merge import Merged, merge

__all__ = ["Merged", "Store", "is_store", "merge"]

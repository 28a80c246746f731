"""Where evidence lies: immutable documents and content-addressed blobs. It is the only meeting place of the stages."""

from compat.store.local import LocalStore

__all__ = ["LocalStore"]

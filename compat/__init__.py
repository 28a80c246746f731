"""Says whether a GPU upgrade may go to the next ring of nodes."""

__version__ = "0.1.0"

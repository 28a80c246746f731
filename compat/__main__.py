"""``python -m compat`` is ``compat``."""

from compat.cli import main

main()

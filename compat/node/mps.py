"""Whether CUDA's Multi-Process Service shares the GPUs here. Then a fault, the memory and the time may be others'."""

from __future__ import annotations

import os
from pathlib import Path

from compat.node.host import line

__all__ = ["mps_daemon"]

_NAME = "nvidia-cuda-mps"  # -control and -server: the kernel keeps 15 characters


def mps_daemon(host: Path = Path("/")) -> str | None:
    """Where an MPS daemon shows, in words; None where none does.

    By its process; and where that is out of sight, as in a pod, by the pipe that the variable CUDA_MPS_PIPE_DIRECTORY
    leads processes to.
    """
    for comm in (host / "proc").glob("[0-9]*/comm"):
        if line(comm) == _NAME:
            return f"process {comm.parent.name} is {_NAME}"
    pipe = Path(os.environ.get("CUDA_MPS_PIPE_DIRECTORY", ""), "control")
    return f"{pipe} is its pipe" if pipe.is_absolute() and pipe.exists() else None

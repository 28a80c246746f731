"""What a runtime really contains of CUDA, read from its installed distributions and from its environment."""

from __future__ import annotations

import re

from compat.model import Identity

__all__ = ["LABEL", "contents", "editions", "normal"]

LABEL = "CUDA_VERSION"  # the variable by which NVIDIA's images say what they have

# Component -> the distribution that brings it; ``-cu12`` and its like follow where a wheel is for one CUDA.
_BRINGS = {
    "cublas": "nvidia-cublas",
    "cuda": "nvidia-cuda-runtime",
    "cudnn": "nvidia-cudnn",
    "nccl": "nvidia-nccl",
    "nvrtc": "nvidia-cuda-nvrtc",
}
_EDITION = re.compile(r"-cu(\d+)$")


def normal(name: str) -> str:
    """A distribution's name in the form in which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def editions(identity: Identity, component: str) -> dict[str, str]:
    """Distribution -> version of what brings a component: several of them stand in each other's way."""
    name = _BRINGS[component]
    return {
        found: version
        for found, version in sorted(identity.distributions.items())
        if _EDITION.sub("", normal(found)) == name
    }


def contents(identity: Identity) -> dict[str, str]:
    """Component -> version of what is there exactly once; ``cuda`` as major.minor, else as the image's label says."""
    found = {}
    for component in _BRINGS:
        versions = set(editions(identity, component).values())
        if len(versions) == 1:
            found[component] = versions.pop()
    if "cuda" in found:
        found["cuda"] = ".".join(found["cuda"].split(".")[:2])
    elif not editions(identity, "cuda") and LABEL in identity.environment:
        found["cuda"] = identity.environment[LABEL]
    return found

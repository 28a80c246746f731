"""A stack in words, such as ``torch 2.11.0, driver 580.95.05``: what people ask the tables about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from packaging.utils import canonicalize_name

from compat.errors import UsageError
from compat.model import Runtime, Tier
from compat.plan.support.pins import as_version
from compat.plan.support.subject import Subject

__all__ = ["parse_stack", "subject_of"]

_PART = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)\s*(?:==|=|\s)\s*(\S+)")
_AXES = ("cuda", "cudnn", "driver", "nccl", "cublas", "python")  # the others are distributions


def parse_stack(text: str, option: str) -> dict[str, str]:
    """Component -> version. UsageError, naming the option, for what is no such text."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _PART.fullmatch(part)
        if match is None or as_version(match[2]) is None:
            raise UsageError(option, f"{part!r} is no component with a version", 'write for example "torch 2.11.0"')
        name = canonicalize_name(match[1])
        if found.setdefault(name, match[2]) != match[2]:
            raise UsageError(option, f"{name} is there twice, as {found[name]} and {match[2]}", "keep one of them")
    if not found:
        raise UsageError(option, "it names no component", 'write for example "torch 2.11.0, driver 580.95.05"')
    return found


def subject_of(
    stack: Mapping[str, str], gpus: Sequence[str] = (), *, cuda_compat: bool | None = None, ptx: bool = False
) -> Subject:
    """What the rules are asked about a stack that somebody stated: its distributions are those of one runtime."""
    pins = tuple(f"{name}=={version}" for name, version in sorted(stack.items()) if name not in _AXES)
    values = {"cuda": stack["cuda"]} if "cuda" in stack else {}
    runtime = Runtime("in question", requirements=pins, values=values, cuda_compat=cuda_compat, ptx=ptx)
    axes = {name: version for name, version in stack.items() if name in _AXES}
    return Subject(runtime, axes, frozenset({Tier.STATIC}), gpus=gpus)

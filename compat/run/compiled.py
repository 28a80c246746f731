"""What was compiled before: results by the digest of everything that they depend on, in the cache's folder.

A compilation depends on the kernel's file and configuration, on the compiler's own files and its assembler, on the
interpreter and the variables that compilers read, and on the probe that measures. Faults are not kept: they are tried
again. Nor is one repetition's result another's: whether a compiler does the same again is part of what is asked.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

import compat
from compat.model import Artifact, Case, digest, plain
from compat.probe.protocol import CaseResult, Ready

__all__ = ["CompiledBefore"]

_RESULT = TypeAdapter(CaseResult)
_NOTE = "compiled before, by the same compiler: taken from the cache"


@dataclass(frozen=True)
class CompiledBefore:
    """Results in a folder, one file each. What cannot be read or written is compiled again, and nothing else."""

    folder: Path

    def key(self, ready: Ready, case: Case, assembler: Artifact | None, repetition: int) -> str | None:
        """The digest of what a result depends on; None where the compiler does not tell what it is."""
        if not ready.compiler:
            return None
        identity = replace(ready.identity, settings={}, driver={})
        return digest(
            {
                "assembler": None if assembler is None else assembler.sha256,
                "case": [case.workload, case.content, case.params],
                "compiler": ready.compiler,
                "identity": identity,
                "probe": _probe(),
                "repetition": repetition,
            }
        )

    def find(self, key: str) -> CaseResult | None:
        """The result with this key."""
        try:
            found = _RESULT.validate_json((self.folder / f"{key}.json").read_bytes(), strict=True)
        except (OSError, ValidationError):
            return None
        return replace(found, notes=(*found.notes, _NOTE))

    def keep(self, key: str, result: CaseResult) -> None:
        """Keep a result, whole or not at all."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.folder)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(plain(result), file)
            Path(name).replace(self.folder / f"{key}.json")
        except OSError:  # a full disk costs the next run its time, and this one nothing
            return


@functools.cache
def _probe() -> str:
    """The digest of the probe's own files."""
    root = Path(compat.__file__).parent
    whole = hashlib.sha256()
    for path in sorted([*(root / "probe").glob("*.py"), *(root / "model").glob("*.py")]):
        whole.update(path.name.encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()

"""Another node from what Slurm knows of it: its features, or what ``scontrol show node`` prints.

A site writes features as it likes. Read here are ``driver-570`` and ``cuda-12.8``, also with ``=``, ``:`` or ``_``;
GPUs are read from ``Gres``, whose type is a site's word as well.
"""

from __future__ import annotations

import re
from pathlib import Path

from compat.errors import UsageError
from compat.model.inventory import DriverFacts, GpuFacts, Inventory, Machine

__all__ = ["from_slurm", "read_slurm"]

_FIELD = re.compile(r"(?:^|\s)([A-Za-z]\w*)=(.*?)(?=\s+[A-Za-z]\w*=|$)", re.DOTALL)
_FEATURE = re.compile(r"(driver|cuda)[-_=:]v?(\d+(?:\.\d+)*)", re.IGNORECASE)
_GRES = re.compile(r"gpu(?::([^:(,]+))??(?::(\d+))?(?:\(|,|$)")
_MOST_GPUS = 64
_MIB = 1 << 20
_REMEDY = "give features such as driver-570,h100, or what scontrol show node NAME prints, in a file or as it is"


def read_slurm(said: str) -> str:
    """The text of a file of that name, or the words themselves. UsageError in one line where they are neither."""
    path = Path(said)
    try:
        is_file = "\n" not in said and path.is_file()
        text = path.read_text(encoding="utf-8") if is_file else said
    except (OSError, UnicodeDecodeError) as problem:
        what = getattr(problem, "strerror", None) or "it is not text in UTF-8"
        raise UsageError(said[:80], f"cannot be read: {what}", _REMEDY) from problem
    if not text.strip() or (not is_file and "/" in said and "=" not in said):
        raise UsageError(said[:80] or "slurm", "is no file and has no features", _REMEDY)
    return text


def from_slurm(said: str) -> Inventory:
    """What Slurm says of a node: the first one, if ``said`` has several. Everything else of it was not read."""
    whole = re.search(r"(?:^|\s)NodeName=", said) is not None
    fields = dict(_FIELD.findall(_first(said))) if whole else {}
    features = fields.get("ActiveFeatures") or fields.get("AvailableFeatures") or fields.get("Features", "")
    words = [word for word in re.split(r"[,\s&]+", features if whole else said) if word and word != "(null)"]
    versions = {found[1].lower(): found[2] for word in words if (found := _FEATURE.fullmatch(word))}
    system = fields.get("OS", "").split()
    memory = fields.get("RealMemory", "")
    return Inventory(
        source="slurm",
        machine=Machine(
            hostname=fields.get("NodeHostName") or fields.get("NodeName"),
            cores=int(fields["CPUTot"]) if fields.get("CPUTot", "").isdecimal() else None,
            memory_bytes=int(memory) * _MIB if memory.isdecimal() else None,
            kernel=system[1] if len(system) > 1 else None,
        ),
        driver=DriverFacts(version=versions.get("driver"), cuda=versions.get("cuda")),
        gpus=_gpus(fields["Gres"]) if "Gres" in fields else None,
        labels={"features": ",".join(words)} if words else {},
    )


def _first(said: str) -> str:
    """The words of the first node."""
    starts = [found.start() for found in re.finditer(r"(?:^|\s)NodeName=", said)]
    return said[starts[0] : starts[1]] if len(starts) > 1 else said[starts[0] :]


def _gpus(gres: str) -> tuple[GpuFacts, ...]:
    """From ``gpu:h100:8(S:0-1)``: as many as it says, one where it says no number; none from ``(null)``."""
    found: list[GpuFacts] = []
    for entry in re.split(r",(?![^(]*\))", gres):
        kind = _GRES.match(entry.strip())
        if kind is not None:
            name = kind[1]
            count = min(int(kind[2] or 1), _MOST_GPUS)
            found += [GpuFacts(product=name)] * count
    return tuple(found)

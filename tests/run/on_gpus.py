"""A small plan of cases of tier gpu, with a driver of libcuda's ABI under them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from compat.model import Evidence, Gpu, Runtime, Tier
from compat.run.in_place import InPlaceRuntime
from compat.run.measure import Measuring
from compat.run.prepare import Prepared
from tests.probe.fake_cuda import Cuda, compile_library

from .small_plan import NODE, Small

__all__ = ["measured", "on_gpus"]


def on_gpus(tmp_path: Path, content: Mapping[str, str]) -> tuple[Small, Cuda]:
    """Cases of tier gpu in place, on a node with a GPU whose context takes 100 MiB of the host."""
    library = tmp_path / "library"
    library.mkdir()
    cuda = Cuda(compile_library(library), tmp_path)
    made = Small(tmp_path / "small", content)
    items = tuple(replace(item, case=replace(item.case, tier=Tier.GPU)) for item in made.plan.items)
    rings = (replace(made.plan.rings[0], tiers=(Tier.GPU,)),)
    made.plan = replace(made.plan, items=items, rings=rings)
    runtimes = {
        name: InPlaceRuntime(
            Runtime(name, env={**cuda.env, "ARM": name, "FAKE_CUDA_HOST": str(100 << 20)}), made.prepared.folders
        )
        for name in made.prepared.runtimes
    }
    made.prepared = Prepared(dict(runtimes), made.prepared.folders, made.prepared.content)
    made.store.put_plan(made.plan)
    return made, cuda


def measured(made: Small, gpus: int | None = None) -> list[Evidence]:
    """All that is measured on a node with two GPUs, or on so many of them."""
    node = replace(NODE, id="node-gpu", gpus=(Gpu("GPU-1"), Gpu("GPU-2")))
    made.store.put_node(node)
    measuring = Measuring(made.plan, made.plan.items, made.store, node, made.prepared, 120.0, gpus)
    assert measuring.run(made.seen.append) is True
    return made.evidence()

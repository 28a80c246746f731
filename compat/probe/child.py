"""Runs one case in this process and says what became of it. The process is fresh and ends afterwards."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import math
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from compat.files import files_digest
from compat.model import Direction, Kind, Loads, Measurement, canonical, digest
from compat.model.backends import INDUCTOR, compiled_by
from compat.probe import aot
from compat.probe.answer import Answer
from compat.probe.bench import Bench, bench_for, measured
from compat.probe.faults import StageError, fault_of
from compat.probe.outputs import Encoded, NonFiniteError, check_finite, differing, encode
from compat.probe.protocol import CaseRequest, CaseResult
from compat.probe.saved import NotSavedError, in_own_cache, saved_cache, saved_files
from compat.probe.stage import Stage
from compat.probe.suite import OUTCOMES, run_suite
from compat.probe.tools import Tools

__all__ = ["LOADED", "import_all", "load_content", "run_case"]

LOADED = "loaded tensors"  # the output that tells of tools.loaded()


def load_content(path: str) -> ModuleType:
    """The module at ``path``, loaded under a name of its own that nothing else can import."""
    name = "compat_content_" + os.path.basename(path)[:-3].replace("-", "_")  # noqa: PTH119 - a string is what we got
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # triton looks up the source of a kernel through it
    spec.loader.exec_module(module)
    return module


def import_all(names: Iterable[str]) -> None:
    """Import what is there. What is not, or ends with an exception, is a fault of the case that cannot do without."""
    for name in names:
        if name not in sys.modules:
            with contextlib.suppress(Exception):
                importlib.import_module(name)


def run_case(request: CaseRequest, stage: Stage) -> tuple[CaseResult, tuple[bytes, ...]]:
    """Run the case; what it raises becomes its fault, with the stage in which it happened."""
    begin = time.perf_counter()
    answer = Answer(stage)
    fault = None
    try:
        answer.staged("import", import_all, request.imports)
        if request.tier == "aot":
            module = answer.staged("import", load_content, request.path)
            compiled = answer.staged("compile", aot.compile_case, module, request.params, request.artifact)
            answer.measurements += compiled.measurements
            answer.took.update(compiled.took)
        elif request.workload.startswith("pytest:"):
            _run_suite(request, answer)
        elif request.save:
            _save(request, answer)
        else:
            _run_workload(request, answer)
    except StageError as staged:
        fault = fault_of(staged)
        answer.inputs, answer.measurements, answer.headers, answer.frames = [], [], [], []
    stage.enter("report")
    result = CaseResult(
        id=request.id,
        nonce=request.nonce,
        seconds=time.perf_counter() - begin,
        inputs="/".join(answer.inputs),
        measurements=tuple(answer.measurements),
        outputs=tuple(answer.headers),
        fault=fault,
        notes=tuple(answer.notes),
        took=answer.took,
    )
    return result, tuple(answer.frames)


def _run_suite(request: CaseRequest, answer: Answer) -> None:
    names = [metric["name"] for metric in request.extra_metrics]
    text, rounds = answer.staged("run", run_suite, request.path, request.params, bool(names))
    answer.inputs.append(digest(canonical(request.params)))
    answer.add({OUTCOMES: encode(text)}, 0, False)
    observed = {name: rounds[name] for name in names if name in rounds}
    answer.measurements += answer.staged("observe", _declared, request.extra_metrics, observed)


def _save(request: CaseRequest, answer: Answer) -> None:
    """The files that others will load are what it answers with: of a loader its own, else those of the compiler."""
    module = answer.staged("import", load_content, request.path)
    how = saved_files if _from_another(request) else saved_cache
    answer.add(answer.staged("save", how, module, request.params, _tools(request, 0)), 0, False)


def _from_another(request: CaseRequest) -> bool:
    """Whether both arms load what one of them saved, so that this is part of what is measured."""
    return request.loads == Loads.KNOWN_GOOD.value


def _find_saved(module: ModuleType, request: CaseRequest, answer: Answer) -> None:
    """See that this runtime can save, too, and that there is something to load; or let its compiler find its cache."""
    if not _from_another(request):
        if request.saved is None:
            answer.notes.append("what its compiler keeps could not be saved: it is compiled anew in each process")
        else:
            answer.staged("start", in_own_cache, request.saved)
        return
    answer.staged("save", saved_files, module, request.params, _tools(request, 0))
    if request.saved is None:
        raise StageError("load", NotSavedError("nothing was saved for this case: the saving runtime failed in save()"))


def _run_workload(request: CaseRequest, answer: Answer) -> None:
    bench = answer.staged("start", bench_for, request.tier, request.timed, request.look)
    try:
        module = answer.staged("import", load_content, request.path)
        if request.loads is not None:
            _find_saved(module, request, answer)
        work, outputs = _one_seed(module, request, 0, bench, answer)
        for seed in range(1, request.seeds):
            _one_seed(module, request, seed, bench, answer)
        if request.timed and not bench.speed:
            answer.notes.append("what is interpreted has no speed: latency is not measured")
        elif request.timed:
            _measure_steady(module, request, work, bench, answer)
        answer.measurements += answer.staged("run", bench.memory)
        if "torch" in getattr(module, "COMPONENTS", ()):
            answer.measurements += answer.staged("run", bench.allocator)
        # Last: what these take of memory is not the case's.
        if request.extra_metrics:
            observed = answer.called("observe", module, "observe", request.params, _tools(request, 0))
            answer.measurements += answer.staged("observe", _declared, request.extra_metrics, observed)
        if _splits(module):
            del work
            in_parts = _in_parts(module, request, answer)
            answer.measurements.append(measured("batch_mismatches", float(differing(outputs, in_parts))))
    finally:
        answer.notes += bench.notes


def _one_seed(
    module: ModuleType, request: CaseRequest, seed: int, bench: Bench, answer: Answer
) -> tuple[Any, dict[str, Encoded]]:
    """Prepare the work, take what it returns and what the oracle says: the work and its outputs.

    That of the first seed is called twice, to see whether the same bits come again.
    """
    tools = _tools(request, seed)
    stage, seen = "prepare", []
    if _from_another(request) and request.saved is not None:  # before anything is done with it
        stage, seen = "load", [answer.staged("load", files_digest, Path(request.saved))]
    begin = time.perf_counter()
    work = answer.called(stage, module, "prepare", request.params, tools)
    seconds = time.perf_counter() - begin
    loaded = answer.staged(stage, tools.inventory)
    values, first_call = answer.staged("run", bench.first_call, work)
    outputs = answer.encoded("run", values)
    del values
    answer.staged("run", tools.check_guards)
    answer.inputs.append(tools.inputs_digest())
    answer.inputs += seen
    answer.took.update(tools.paths)
    if seed == 0:
        if bench.speed and (request.artifact is not None or _from_another(request)):
            answer.measurements.append(measured("load_time", seconds))
        answer.measurements += answer.staged(stage, _compiling, request, tools)
        if bench.speed and request.timed:
            answer.measurements.append(measured("first_call", first_call))
        again = answer.encoded("run", answer.staged("run", work))
        answer.measurements.append(measured("nondeterministic", float(differing(outputs, again))))
    answer.add(outputs, seed, False)
    if loaded is not None:
        if LOADED in outputs:
            raise StageError("run", ValueError(f"an output is called {LOADED!r}, which is what tools.loaded() gives"))
        answer.add({LOADED: encode(loaded)}, seed, False)
    if hasattr(module, "reference"):
        tools.restart()
        oracle = answer.called("reference", module, "reference", request.params, tools)
        expected = answer.encoded("reference", oracle)
        answer.staged("run", check_finite, outputs, expected)
        answer.add(expected, seed, True)
    return work, outputs


def _compiling(request: CaseRequest, tools: Tools) -> list[Measurement]:
    """What it took to compile a model for its backend; ValueError where the content did not have it compiled."""
    backend = compiled_by(request.workload, request.params)
    if backend is None:
        return []
    if tools.compile_seconds is None:
        raise ValueError(f"prepare() compiled nothing by tools.through(), and the case's backend is {backend!r}")
    found = [measured("compile_time", tools.compile_seconds)]
    if backend == INDUCTOR:
        found.append(measured("graph_breaks", float(tools.graph_breaks or 0)))
    return found


def _tools(request: CaseRequest, seed: int) -> Tools:
    device = "cuda" if request.tier == "gpu" else "cpu"
    tools = Tools(seed, request.artifact, device, fenced=request.tier == "interpreted")
    tools.folder = request.saved
    return tools


def _splits(module: ModuleType) -> bool:
    """Whether the content defines ``split`` itself: planning sees no other."""
    return getattr(getattr(module, "split", None), "__module__", None) == module.__name__


def _in_parts(module: ModuleType, request: CaseRequest, answer: Answer) -> dict[str, Encoded]:
    """What the content's own ``split`` computes of the first seed's inputs."""
    tools = _tools(request, 0)
    work = answer.called("split", module, "split", request.params, tools)
    outputs = answer.encoded("split", answer.staged("split", work))
    if tools.inputs_digest() != answer.inputs[0]:
        raise StageError("split", ValueError("split() drew other inputs than prepare()"))
    return outputs


def _measure_steady(module: ModuleType, request: CaseRequest, work: Any, bench: Bench, answer: Answer) -> None:
    samples, leak = answer.staged("run", bench.steady, work)
    answer.measurements.append(measured("latency", *samples))
    if leak is None:
        answer.notes.append("leak: the memory of this process could not be read")
    else:
        answer.measurements.append(measured("leak", leak))
    items = getattr(module, "ITEMS", None)
    if items is not None:
        count = request.params[items] if isinstance(items, str) else items
        answer.measurements.append(measured("throughput", *(count / seconds for seconds in samples)))


def _declared(metrics: tuple[dict[str, Any], ...], observed: dict[str, Any]) -> list[Measurement]:
    """What was observed, in the units and directions that the file declares; more or less than that is an error."""
    names = {metric["name"] for metric in metrics}
    if set(observed) != names:
        raise ValueError(f"observe() returned {sorted(observed)}, METRICS declares {sorted(names)}")
    found = []
    for metric in metrics:
        value = observed[metric["name"]]
        samples = tuple(float(v) for v in value) if isinstance(value, (list, tuple)) else (float(value),)
        if not all(map(math.isfinite, samples)):
            raise NonFiniteError(f"{metric['name']} was observed as {value}, expected finite numbers")
        found.append(
            Measurement(metric["name"], metric["unit"], Direction(metric["direction"]), Kind(metric["kind"]), samples)
        )
    return found

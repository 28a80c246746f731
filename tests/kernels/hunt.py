"""Hunts the mutants of kernel files: ``python hunt.py KERNEL.py ... [--most N]``, in a runtime with torch and Triton.

For each a line of JSON: the mutant's id, its line, the change, and the case that found it, or null. It is found by a
fault, a result that its case's tolerance does not allow, one that is not the same twice or in parts, or one that
leaves a process running for too long. An atomic addition that became a plain store is found where the compiler's text
has fewer atomic operations: no interpreter shows a race.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
_SECONDS = 20
_SEED = 7


def load(path: Path) -> ModuleType:
    """A module of planning by its path: the package around it needs what runtimes lack."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def declared(path: Path) -> dict[str, Any]:
    """The literals of a kernel file that a hunt needs."""
    names = {"CASES", "SEEDS", "NEEDS"}
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in names:
            found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def finds(path: Path, params: dict[str, Any], seeds: int) -> bool:
    """Whether a case finds that a kernel is wrong."""
    import numpy as np

    from compat.probe.child import run_case
    from compat.probe.protocol import CaseRequest
    from compat.probe.stage import Stage

    tolerance = load(ROOT / "compat" / "plan" / "tolerances.py").tolerance_of(params)
    request = CaseRequest(1, "n", "kernel:k", str(path), "interpreted", params, seeds, False, (), None, float(_SECONDS))
    result, frames = run_case(request, Stage())
    if result.fault is not None or any(m.samples != (0.0,) for m in result.measurements):
        return True
    arrays = {
        (head.name, head.seed, head.reference): np.frombuffer(frame, head.dtype).reshape(head.shape)
        for head, frame in zip(result.outputs, frames, strict=True)
    }
    for (name, seed, is_reference), value in arrays.items():
        if is_reference:
            continue
        expected = arrays.get((name, seed, True))
        if expected is None:  # it is compared between the arms only
            continue
        if value.shape != expected.shape or value.dtype.kind not in "fc":
            if not np.array_equal(value, expected):
                return True
        else:
            good, new = expected.astype(float), value.astype(float)
            finite = np.isfinite(good)
            if not np.array_equal(np.where(finite, 0.0, good), np.where(finite, 0.0, new), equal_nan=True):
                return True
            size = float(np.linalg.norm(good[finite]))
            if not float(np.linalg.norm((new - good)[finite])) <= tolerance * size:
                return True
    return False


def first_find(path: Path, cases: dict[str, dict[str, Any]], seeds: int) -> str | None:
    """The first case that finds it, in a forked process; ``hang`` for one that does not end."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        os.setsid()
        signal.alarm(_SECONDS)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        os.dup2(null, 2)
        for case, params in cases.items():
            os.write(write, f"?{case}".encode())
            if finds(path, params, seeds):
                os.write(write, f"!{case}".encode())
                os._exit(0)
        os.write(write, b"-")
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        said = stream.read().decode()
    os.waitpid(pid, 0)
    if said.endswith("-"):
        return None
    return said.rpartition("!")[2] if "!" in said else said.rpartition("?")[2] + " (it did not end)"


def counted(path: Path) -> int:
    """The atomic operations of all configurations of a kernel file, compiled for sm_80 by a process that can."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, __file__, "--atomics", str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1])


def count_atomics(path: Path) -> int:
    """The same, in this process."""
    from compat.probe.aot import compile_case
    from compat.probe.child import load_content

    module = load_content(str(path))
    compiled = [
        compile_case(module, {**config, "target": "sm_80"})
        for config in module.AOT.values()
        if config.get("since", 0) <= 80
    ]
    return int(sum(m.samples[0] for one in compiled for m in one.measurements if m.metric == "atomics"))


def hunt(path: Path, most: int) -> None:
    """Print what became of each mutant of a kernel file."""
    from tests.kernels.mutants import mutants_of

    literals = declared(path)
    never = {"bf16_dot", "bf16_cast", "fp8_cast", "bf16_atomics", "inline_asm"}
    cases = {
        case: params
        for case, params in literals["CASES"].items()
        if "interpreted" in params.get("tiers", ("interpreted",)) and not never & set(params.get("needs", ()))
    }
    seeds = literals.get("SEEDS", 1)
    wrong = first_find(path, cases, seeds)
    if wrong is not None:
        sys.exit(f"{path.name}: {wrong} does not pass as it is")
    mutants = mutants_of(path)
    if len(mutants) > most:
        chosen = set(random.Random(_SEED).sample(range(len(mutants)), most))  # noqa: S311 - the same each time
        mutants = [mutant for number, mutant in enumerate(mutants) if number in chosen]
    with tempfile.TemporaryDirectory() as folder:

        def look(numbered: tuple[int, Any]) -> str:
            number, mutant = numbered
            place = Path(folder) / str(number) / path.name
            place.parent.mkdir()
            place.write_text(mutant.source, encoding="utf-8")
            found = first_find(place, cases, seeds)
            if found is None and mutant.operator == "plain store" and counted(place) < counted(path):
                found = "atomics"
            told = {"id": mutant.id, "operator": mutant.operator, "line": mutant.line, "change": mutant.change}
            return json.dumps({**told, "found": found})

        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for line in pool.map(look, enumerate(mutants)):
                print(line, flush=True)  # noqa: T201 - it is what a hunt is for


if __name__ == "__main__":
    sys.path.append(str(ROOT))
    if "--atomics" in sys.argv:
        print(count_atomics(Path(sys.argv[-1])))  # noqa: T201
        sys.exit()
    os.environ["TRITON_INTERPRET"] = "1"
    import torch  # noqa: F401 - once, for all forks
    import triton  # noqa: F401

    words = sys.argv[1:]
    limit = int(words[words.index("--most") + 1]) if "--most" in words else 60
    for word in words:
        if word.endswith(".py"):
            hunt(Path(word), limit)

"""Real work on a CPU, as content files of a site, and a matrix whose candidate does a known share more of it.

A call of a case does 100 units of its work. Where the case says ``more``, the candidate does so many more of them: its
runtime has the variable PLANTED, which is its own and so a declared part of the upgrade. Nothing touches a number that
was measured. What a case returns is the first unit's result, the same in both arms.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compat.run.prepare import Prepared, prepare
from compat.run.runtime import PINNED_THREADS
from compat.run.venv import VenvRuntime
from compat.way import Job, Options, make_plan

from .work import quiet

__all__ = ["WORKS", "Work", "measure_planted", "plan_real", "python_of", "realise", "write_site"]

# Runtimes of one content share an installation. The same pins in another order are other content.
PINS = ("numpy==2.2.6", "onnx==1.17.0", "onnxruntime==1.23.2")


@dataclass(frozen=True)
class Work:
    """One workload. ``unit`` is the body of a function of ``tools`` that returns a function of n in [0, 100)."""

    summary: str
    imports: tuple[str, ...]
    unit: str


WORKS = {
    "matmul": Work(
        "a product of float32 matrices that stay in the second cache (BLAS)",
        ("numpy",),
        """
    a, b = tools.uniform((96, 96)), tools.uniform((96, 96))
    return lambda n: a @ b
""",
    ),
    "solve": Work(
        "a small linear system in float64 (LAPACK)",
        ("numpy",),
        """
    import numpy as np

    a, b = tools.uniform((32, 32), "float64") + 32 * np.eye(32), tools.uniform(32, "float64")
    return lambda n: np.linalg.solve(a, b)
""",
    ),
    "fft": Work(
        "a real transform of 1024 values",
        ("numpy",),
        """
    import numpy as np

    rows = tools.uniform((100, 1024), "float64")
    return lambda n: np.fft.rfft(rows[n]).view(np.float64)
""",
    ),
    "sort": Work(
        "sorting 2048 float32",
        ("numpy",),
        """
    import numpy as np

    rows = tools.uniform((100, 2048))
    return lambda n: np.sort(rows[n])
""",
    ),
    "stream": Work(
        "a product of rows that come from the last cache or from memory: 19 MB a call",
        ("numpy",),
        """
    import numpy as np

    a = tools.uniform(16384) + np.arange(100, dtype="float32")[:, None]
    b, y = a[::-1].copy(), np.empty_like(a)
    return lambda n: np.multiply(a[n], b[n], out=y[n])
""",
    ),
    "json": Work(
        "reading and writing a small document (the standard library's C)",
        ("json", "numpy"),
        """
    import json

    ids = tools.integers(0, 10**6, 10).tolist()
    text = json.dumps({"rows": [{"id": i, "name": f"n{i}", "share": i / 7} for i in ids]})
    return lambda n: json.dumps(json.loads(text))
""",
    ),
    "words": Work(
        "counting words in a dictionary (the interpreter itself)",
        ("numpy",),
        """
    words = [f"w{i}" for i in tools.integers(0, 150, 200).tolist()]

    def count(n):
        found = {}
        for word in words:
            found[word] = found.get(word, 0) + 1
        return len(found)

    return count
""",
    ),
    "conv": Work(
        "a convolution and its activation (onnxruntime)",
        ("numpy", "onnx", "onnxruntime"),
        """
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8, 12, 12])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    weights = numpy_helper.from_array(tools.uniform((8, 8, 3, 3)), "w")
    graph = helper.make_graph(nodes, "conv", [x], [y], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    image = tools.uniform((1, 8, 12, 12))
    return lambda n: session.run(["y"], {"x": image})[0]
""",
    ),
}

FILE = '''"""A hundred times {summary}."""

import itertools
import os

KIND = "operator"
COMPONENTS = ("numpy",)
IMPORTS = {imports}
TIERS = ("cpu",)
TOLERANCE = 1e-6
CASES = {cases}


def make(tools):{unit}

def prepare(params, tools):
    unit = make(tools)
    count = 100 + (params["more"] if os.environ.get("PLANTED") else 0)
    others = itertools.cycle(range(1, 100))  # goes on where the last call ended: more of it is no nearer to a cache

    def work():
        first = unit(0)
        for n in itertools.islice(others, count - 1):
            unit(n)
        return {{"y": first}}

    return work
'''

MATRIX = """name: real-noise
axes:
  runtime: [before, after]
known_good: {{runtime: before}}
candidate: {{runtime: after}}
runtimes:
  before: {{requirements: [{pins}]}}
  after: {{requirements: [{candidate_pins}], env: {{{env}}}}}
workloads:
  - {{select: "operator:real_*"}}
rings:
  - {{name: canary, tiers: [cpu], budget: {budget:.0f}s}}
"""

# Both amounts of the same work in one process, by turns, so that whatever slows one call slows its neighbour as well.
# CPU time: what this process waits for others is no part of what is planted.
BY_TURNS = """
import math, os, statistics, sys, time
sys.path.insert(0, {root!r})
from compat.probe.child import load_content
from compat.probe.tools import Tools
os.environ["PLANTED"] = "yes"
module = load_content({path!r})
unit = module.make(Tools(0))
module.make = lambda tools: unit
works = [module.prepare({{"more": more}}, Tools(0)) for more in (0, {percent})]
def seconds(work):
    begin = time.process_time_ns()
    work()
    return time.process_time_ns() - begin
ratios = []
end = time.process_time() + {seconds}
while time.process_time() < end:
    taken = [0, 0]
    for place in ((0, 1), (1, 0))[len(ratios) % 2]:
        taken[place] = seconds(works[place])
    ratios.append(math.log(taken[1] / taken[0]))
print(statistics.median(ratios))
"""


def write_site(folder: Path, repeats: Mapping[int, int]) -> Path:
    """A content folder in which each work has so many cases for each percentage more; ``folder`` itself."""
    workloads = folder / "workloads"
    workloads.mkdir(parents=True)
    cases = {
        f"more-{percent}-{number}": {"more": percent, "repeat": number}
        for percent, count in repeats.items()
        for number in range(count)
    }
    for name, work in WORKS.items():
        text = FILE.format(summary=work.summary, imports=work.imports, cases=cases, unit=work.unit)
        (workloads / f"real_{name}.py").write_text(text, encoding="utf-8")
    return folder


def plan_real(folder: Path, cache: Path, repeats: Mapping[int, int], budget: float) -> Job:
    """Plan an upgrade of all works with such cases, with every threshold at its default; ``budget`` is in seconds.

    Where nothing is planted, each arm is an installation of its own, as in an upgrade: what the installations differ
    by is part of what is judged. Where something is, the arms share one, so that what is planted is the difference.
    """
    site = write_site(folder / "site", repeats)
    matrix = folder / "real-noise.yaml"
    planted = any(repeats)
    pins = [f'"{pin}"' for pin in PINS]
    text = MATRIX.format(
        pins=", ".join(pins),
        candidate_pins=", ".join(pins if planted else reversed(pins)),
        env='PLANTED: "yes"' if planted else "",
        budget=budget,
    )
    matrix.write_text(text, encoding="utf-8")
    options = Options(store=folder / "store", engine="venv", cache=cache, content=(site,))
    return Job(make_plan(matrix, options), options)


def realise(job: Job) -> Prepared:
    """What the job's cases run in."""
    options = job.options
    return prepare(job.plan, job.items, engine="venv", cache=options.cache_folder(), say=quiet, sites=options.content)


def python_of(prepared: Prepared, runtime: str) -> Path:
    """The interpreter of one of its virtual environments."""
    found = prepared.runtimes[runtime]
    assert isinstance(found, VenvRuntime)
    return found.python


def measure_planted(prepared: Prepared, work: str, percent: int, seconds: float) -> float:
    """The log ratio of a call with so much more work to one without, by so much CPU time of the known-good runtime."""
    root, path = str(prepared.folders.package.parent), str(prepared.content[f"operator:real_{work}"])
    script = BY_TURNS.format(root=root, path=path, percent=percent, seconds=seconds)
    command = [str(python_of(prepared, "before")), "-c", script]
    done = subprocess.run(command, env=PINNED_THREADS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return float(done.stdout)

"""A small upgrade for tests of the whole way: two runtimes in place that differ in an environment variable."""

from __future__ import annotations

from pathlib import Path

WORKLOAD = '''"""Adds a number, and the variable ADD to the second case."""

import os

KIND = "operator"
COMPONENTS = ("numpy",)
IMPORTS = ("numpy",)
TIERS = ("cpu",)
TOLERANCE = 1e-6
TIMED = False
CASES = {"one": {"n": 1}, "two": {"n": 2}}


def prepare(params, tools):
    x = tools.uniform(8)
    if os.environ.get("ADD") == "crash" and params["n"] == 2:
        os.abort()
    extra = float(os.environ.get("ADD", "0")) if params["n"] == 2 else 0.0
    return lambda: {"y": x + params["n"] + extra}
'''

MATRIX = """name: example
axes:
  runtime: [before, after]
known_good: {{runtime: before}}
candidate: {{runtime: after}}
runtimes:
  before: {{in_place: true}}
  after: {{in_place: true, env: {{ADD: "{add}"}}}}
workloads:
  - {{select: "operator:adder"}}
rings:
  - {{name: canary, tiers: [cpu]{ring}}}
"""


def write_example(folder: Path, *, add: str = "0", ring: str = "") -> Path:
    """Write the upgrade into ``folder``: its matrix file, and the site folder ``site`` with the workload.

    ``add`` other than ``"0"`` makes case two differ in the candidate arm; ``ring`` is more of the ring's mapping.
    """
    workloads = folder / "site" / "workloads"
    workloads.mkdir(parents=True, exist_ok=True)
    (workloads / "adder.py").write_text(WORKLOAD)
    matrix = folder / "example.yaml"
    matrix.write_text(MATRIX.format(add=add, ring=ring))
    return matrix

"""Plans to be formatted: the small upgrade, one of a driver, and one whose words are hostile."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compat.report.plan_formats import Asked, plan_formats
from compat.way import JobOptions, Options, asked, make_plan
from tests.example import WORKLOAD, write_example

__all__ = ["HOSTILE", "NODES", "argv", "ask", "driver_matrix", "echo", "example", "render"]

# What a shell, a template of Kubernetes, or YAML would act on.
HOSTILE = """x'; touch "pwned" $(touch pwned) `touch pwned` ${HOME} $(HOSTNAME) - {a: b} # %j\\"""

OLD, NEW = "570.124.06", "580.95.05"
NODES = [
    {"hostname": "n1", "driver": OLD, "gpus": 2, "labels": {"group": "upgraded"}},
    {"hostname": "n2", "driver": OLD, "gpus": 4, "labels": {"group": "upgraded"}},
    {"hostname": "n3", "driver": NEW, "gpus": 8, "labels": {"group": "upgraded"}},
    {"hostname": "c1", "driver": OLD, "gpus": 2, "labels": {"group": "control"}},
]
DRIVER = f"""name: driver
axes:
  driver: ["{OLD}", "{NEW}"]
  runtime: [here]
known_good: {{driver: "{OLD}"}}
candidate: {{driver: "{NEW}"}}
runtimes:
  here: {{in_place: true}}
workloads:
  - {{select: "operator:adder"}}
rings:
  - {{RING}}
"""


def example(folder: Path, *, ring: str = "", cases: int = 4) -> Path:
    """The example, with more cases that may be measured apart."""
    matrix = write_example(folder, ring=ring)
    more = ", ".join(f'"case{n}": {{"n": {n}}}' for n in range(3, cases + 1))
    workload = folder / "site/workloads/adder.py"
    workload.write_text(WORKLOAD.replace('"two": {"n": 2}}', f'"two": {{"n": 2}}, {more}}}'))
    return matrix


def driver_matrix(folder: Path, ring: str = "name: canary, tiers: [cpu]") -> Path:
    """A driver is upgraded, in phases."""
    example(folder)
    matrix = folder / "driver.yaml"
    matrix.write_text(DRIVER.replace("RING", ring))
    return matrix


def ask(
    matrix: Path, nodes: Sequence[dict[str, Any]] | None = None, options: Options | None = None, **jobs: Any
) -> Asked:
    """What formats print of a matrix."""
    options = options or Options(content=(matrix.parent / "site",))
    if nodes is not None:
        jobs["nodes"] = matrix.with_name("nodes.json")
        jobs["nodes"].write_text(json.dumps(nodes))
    return asked(make_plan(matrix, options), matrix, options, JobOptions(**jobs))


def render(name: str, found: Asked) -> str:
    return plan_formats()[name].render(found)


def echo(folder: Path) -> str:
    """A command that appends its arguments, as JSON, to ``argv`` in ``folder``; and anything that is called like it."""
    program = folder / "echo.py"
    program.write_text(
        f"import json, sys\nwith open({str(folder / 'argv')!r}, 'a') as file:\n"
        "    file.write(json.dumps(sys.argv[1:]) + chr(10))\n"
    )
    return f"{sys.executable} {program}"


def argv(folder: Path, line: str, shell: str = "sh", **variables: str) -> list[list[str]]:
    """With which arguments ``echo`` is called by a line of a shell, which does nothing else."""
    before = sorted(path.name for path in folder.iterdir())
    done = subprocess.run(
        [shell, "-c", line], cwd=folder, env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    after = sorted(path.name for path in folder.iterdir())
    assert set(after) - set(before) <= {"argv"}
    lines = (folder / "argv").read_text().splitlines()
    (folder / "argv").unlink()
    return [json.loads(each) for each in lines]

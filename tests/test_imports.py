"""Who may import whom: the arrows of the architecture point down, and a probe depends on nothing of the controller."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "compat"

# The lowest layer first. A part may import parts of lower layers, and itself; nothing of its own layer beside it.
LAYERS = (
    {"__init__", "digests", "errors", "escape", "files", "model", "paths", "patterns"},
    {"plan", "judge"},
    {"probe", "node", "store"},
    {"run"},
    {"gate"},
    {"report"},
    {"way"},
    {"commands"},
    {"plugin", "cli"},
    {"__main__"},
)
BASE = LAYERS[0]
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}

# Beside their layer: the probe has nothing of the controller, and the pure stages nothing that does.
NARROWER = {
    "probe": {"__init__", "errors", "files", "model"},
    "judge": BASE,
    "plan": BASE,
}


def imported(source: str, inside: str) -> Iterator[str]:
    """The parts of ``compat`` that ``source`` imports anywhere, also inside functions and for types only."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import in {inside}: write the whole name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            words = name.split(".")
            if words[0] == "compat":
                part = words[1] if len(words) > 1 else "__init__"
                yield part if part in RANK else "__init__"  # `from compat import __version__`


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def wrong_arrows(part: str, source: str) -> list[str]:
    """Every import of ``source`` that its part may not have."""
    found = set(imported(source, part)) - {part}
    allowed = NARROWER.get(part) or {other for other, rank in RANK.items() if rank < RANK[part]} | BASE
    return sorted(found - allowed)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows_point_down(path: Path) -> None:
    if "content" in path.relative_to(PACKAGE).parts:
        pytest.fail("content lies inside the package of a checkout: it belongs to the top level")
    assert part_of(path) in RANK, "a part without a layer: give it one in LAYERS"
    assert wrong_arrows(part_of(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("part", "source", "wrong"),
    [
        ("judge", "from compat.run.measure import Measuring", ["run"]),
        ("plan", "import compat.cli", ["cli"]),
        ("probe", "def f():\n    from compat.store import Store", ["store"]),
        ("model", "from compat.judge import judge", ["judge"]),
        ("run", "from compat.judge import wanted\nfrom compat.report.formats import formats", ["report"]),
        ("store", "from compat.probe.protocol import pack", ["probe"]),
        ("report", "from compat.judge import judge\nimport compat.model", []),
    ],
)
def test_an_arrow_that_points_up_is_found(part: str, source: str, wrong: list[str]) -> None:
    assert wrong_arrows(part, source) == wrong


def modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    "statement",
    [
        "import compat.plugin, compat.cli",
        "from typer.testing import CliRunner; from compat.cli import app; CliRunner().invoke(app, ['--help'])",
    ],
)
def test_help_imports_nothing_heavy(statement: str) -> None:
    heavy = {"torch", "triton", "onnxruntime", "pandas", "scipy", "numpy", "pydantic", "docker", "jinja2"}
    heavy |= {"cryptography", "securesystemslib", "sigstore"}
    assert modules_after(statement) & heavy == set()


def test_planning_and_judging_import_no_package_under_test() -> None:
    statement = "from compat.judge import judge; from compat.plan.plan import build_plan; import compat.run.prepare"
    assert modules_after(statement) & {"torch", "triton", "onnxruntime"} == set()


def test_the_probe_imports_only_the_standard_library() -> None:
    found = modules_after("import compat.probe.server")
    foreign = {name for name in found if name not in sys.stdlib_module_names} - {"compat", "__main__"}
    # What site-packages adds to every interpreter at its start (.pth files of editable installs) is not the probe's.
    assert foreign - modules_after("pass") == set()

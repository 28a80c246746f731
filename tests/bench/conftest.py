"""The benchmarks' fixtures, and the table at the end of their run: target, figure, reached or not.

They print and record; none of them fails for being slow.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from compat.node import this_node
from compat.way import Options

from .figures import FIGURES, keep
from .work import TORCH, Upgrade, make_job, write_noop

_FOUND = pytest.StashKey[dict[str, float]]()
_LACKING = pytest.StashKey[dict[str, str]]()
_NOTES = pytest.StashKey[list[str]]()

Record = Callable[[str, float], None]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "figures(names): the figures that a benchmark records")
    config.stash[_FOUND] = {}
    config.stash[_LACKING] = {}
    config.stash[_NOTES] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report: pytest.TestReport = yield
    mark = item.get_closest_marker("figures")
    if mark is not None and (report.skipped or report.failed):
        skipped = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        reason = skipped.removeprefix("Skipped: ") or f"{item.name} failed"
        item.config.stash[_LACKING].update(dict.fromkeys(mark.args, reason))
    return report


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Record a figure of ``FIGURES``."""

    def put(name: str, value: float) -> None:
        mark = request.node.get_closest_marker("figures")
        assert mark is not None
        assert name in FIGURES
        assert name in mark.args
        request.config.stash[_FOUND][name] = float(f"{value:.4g}")

    return put


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keep a line for the end of the run: what is shown beside the figures."""
    return request.config.stash[_NOTES].append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found, lacking = config.stash[_FOUND], config.stash[_LACKING]
    node = this_node()
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    memory = f", {node.memory_bytes / 2**30:.0f} GiB" if node.memory_bytes else ""
    table = Table(title=f"{day}: {node.cpu or 'processor not known'}, {node.cores} cores{memory}, Linux {node.kernel}")
    for heading in ("figure", "what", "value", "target", "reached"):
        table.add_column(heading, justify="right" if heading == "value" else "left", no_wrap=heading == "figure")
    for name, figure in FIGURES.items():
        if name in found:
            value, reached = f"{found[name]:.3g} {figure.unit}".strip(), figure.reached(found[name])
        else:
            value, reached = "not measured", lacking.get(name, "not asked for")
        table.add_row(name, figure.what, value, figure.target, reached)
    terminalreporter.section("figures")
    Console(width=140, highlight=False).print(table)
    for line in config.stash[_NOTES]:
        terminalreporter.write_line(line)
    if found:
        path = config.rootpath / "out" / "bench" / "figures.json"
        keep(path, found)
        terminalreporter.write_line(f"kept in {path.relative_to(config.rootpath)}: {len(found)} figures")


def _upgrade(engine: str, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Upgrade:
    folder = tmp_path_factory.mktemp(engine)
    folder.chmod(0o755)  # a container's user reads it too
    site = write_noop(folder / "site", 1, ("torch",))
    job = make_job(folder, Options(engine=engine, cache=cache, content=(site,)), requirements=TORCH)
    return Upgrade.realise(folder, job)


@pytest.fixture(scope="session")
def in_venv(tmp_path_factory: pytest.TempPathFactory, runtime_cache: Path) -> Upgrade:
    """A no-op case with torch imported, in a virtual environment."""
    return _upgrade("venv", tmp_path_factory, runtime_cache)


@pytest.fixture(scope="session")
def in_container(docker_client: object, tmp_path_factory: pytest.TempPathFactory, runtime_cache: Path) -> Upgrade:
    """The same in a container."""
    return _upgrade("docker", tmp_path_factory, runtime_cache)

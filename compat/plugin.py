"""The pytest plugin: matrix files become items, measured together and reported one by one.

It does nothing in a run that names no matrix file and gives no ``--compat-*`` option.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from compat.errors import CompatError

if TYPE_CHECKING:
    from compat.model import Comparison, Item
    from compat.way import Concluded, Job, Options

__all__ = ["CaseItem", "MatrixFile"]

# A YAML file is ours when it says so by one of these at its top level, or when the run has an option of ours.
_OURS = re.compile(rb"^(axes|known_good|candidate|runtimes)\s*:", re.MULTILINE)
_SUFFIXES = (".yaml", ".yml")

_jobs = pytest.StashKey[dict[Path, "Job"]]()
_concluded = pytest.StashKey[dict[Path, "Concluded"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; each does what the same option of ``compat run`` does."""
    group = parser.getgroup("compat", "may this upgrade go to the next ring of nodes? (gpu-compat)")
    group.addoption("--compat-ring", metavar="RING", help="the ring to judge for (default: the only one)")
    group.addoption("--compat-store", metavar="DIR", help="where evidence is kept (default: out/NAME)")
    group.addoption(
        "--compat-engine", metavar="ENGINE", help="auto, docker or venv: what realises the runtimes (default: auto)"
    )
    group.addoption("--compat-cache", metavar="DIR", type=Path, help="where built runtimes are kept between runs")
    group.addoption(
        "--compat-content",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="a folder with kernels/ or workloads/",
    )
    group.addoption(
        "--compat-label", metavar="KEY=VALUE", action="append", default=[], help="a label of this node, for rings"
    )
    group.addoption("--compat-fresh", action="store_true", help="put stored evidence aside and measure again")
    group.addoption(
        "--compat-lock-clocks",
        metavar="MHZ",
        type=_megahertz,
        help="for diagnosis: hold the GPU's clock there; needs root",
    )
    group.addoption(
        "--compat-phase", choices=("before", "after"), help="of a control node: before or after the others' upgrade"
    )
    group.addoption("--compat-shard", metavar="I/N", help="measure only this part of the ring's cases, such as 3/8")
    group.addoption("--compat-like", metavar="STORE", help="make shards even by how long cases took in this store")
    group.addoption("--compat-calibration", metavar="STORE", help="what compat calibrate measured")
    group.addoption(
        "--compat-waivers", metavar="FILE", type=Path, help="accepted changes, with owner, reason and expiry"
    )


def _megahertz(text: str) -> int:
    """A clock of at least 1 MHz. ValueError becomes a usage error of pytest's."""
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{text!r} is no number of MHz")
    return int(text)


def _options(config: pytest.Config) -> Options:
    from compat.model import Phase
    from compat.plan.shards import Shard
    from compat.way import Options, parse_labels

    shard = config.getoption("--compat-shard")
    phase = config.getoption("--compat-phase")
    return Options(
        ring=config.getoption("--compat-ring"),
        store=config.getoption("--compat-store"),
        engine=config.getoption("--compat-engine"),
        cache=config.getoption("--compat-cache"),
        content=tuple(config.getoption("--compat-content")),
        labels=parse_labels(config.getoption("--compat-label")),
        fresh=config.getoption("--compat-fresh"),
        lock_clocks=config.getoption("--compat-lock-clocks"),
        waivers=config.getoption("--compat-waivers"),
        calibration=config.getoption("--compat-calibration"),
        phase=None if phase is None else Phase(phase),
        shard=None if shard is None else Shard.parse(shard),
        like=config.getoption("--compat-like"),
    )


def _asked_for(config: pytest.Config) -> bool:
    names = ["ring", "store", "engine", "cache", "content", "label", "fresh", "lock-clocks", "phase"]
    names += ["waivers", "calibration", "shard", "like"]
    return any(config.getoption(f"--compat-{name}") for name in names)


def _is_matrix(path: Path, config: pytest.Config) -> bool:
    if path.suffix not in _SUFFIXES:
        return False
    if _asked_for(config):
        return True
    try:
        return _OURS.search(path.read_bytes()[:1_000_000]) is not None
    except OSError:
        return False


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to share a device between processes: parallelism is ours to schedule."""
    workers = config.getoption("numprocesses", default=None) or config.getoption("tx", default=None)
    named = any(_is_matrix(Path(argument.split("::")[0]), config) for argument in config.args)
    if workers and named:
        raise pytest.UsageError(
            "compat measures one case at a time on a device, so that nothing disturbs its pairs, and -n would run them"
            " beside each other: leave -n away. GPUs of a node are measured at once, and machines share a ring with"
            " --compat-shard 1/4 and so on (then compat merge)"
        )
    config.stash[_jobs] = {}
    config.stash[_concluded] = {}


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> MatrixFile | None:
    """Collect a YAML file that the command line names, when it is a matrix file."""
    if parent.session.isinitpath(file_path) and _is_matrix(file_path, parent.config):
        return MatrixFile.from_parent(parent, path=file_path)
    return None


class MatrixFile(pytest.File):
    """A matrix file: its items are the cases of its cells. Collecting plans, and imports no package under test."""

    def collect(self) -> Iterator[CaseItem]:
        """One item per case of each cell, for the ring that was asked for."""
        from compat.way import Job, make_plan

        options = replace(_options(self.config), matrix=self.path)
        job = Job(make_plan(self.path, options), options)
        self.config.stash[_jobs][self.path] = job
        for item in job.items:
            # The id is given as text: pytest reads its brackets as parameters, as it does when --lf reads it back.
            yield CaseItem.from_parent(self, name=item.key, nodeid=f"{self.nodeid}::{item.key}", case=item)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """One line for bad input; pytest's own words for a defect of ours."""
        if isinstance(excinfo.value, CompatError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


class CaseItem(pytest.Item):
    """One case of one cell. It passes when every comparison of it does."""

    def __init__(self, *, case: Item, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case = case
        facts = {"workload": case.case.workload, "tier": case.case.tier.value, **case.cell.stack}
        self.user_properties += [(f"compat.{key}", value) for key, value in facts.items()]

    def runtest(self) -> None:
        """Pass, or raise with the comparisons that do not."""
        from compat.model import FINE

        concluded = self.config.stash[_concluded][self.path]
        found = [comparison for comparison in concluded.verdict.comparisons if comparison.item == self.case.key]
        bad = [comparison for comparison in found if comparison.status not in FINE]
        if bad or not found:
            raise NotGoError(bad)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The reasons, one a line."""
        if isinstance(excinfo.value, NotGoError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where pytest says the item is."""
        return self.path, None, self.name


class NotGoError(Exception):
    """An item whose comparisons do not all pass."""

    def __init__(self, comparisons: Sequence[Comparison]) -> None:
        self.comparisons = tuple(comparisons)
        lines = [f"{found.status.value}: {found.reason}" for found in self.comparisons]
        super().__init__("\n".join(lines) or "missing: nothing was measured for this case")


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """The second act: measure what is still selected, before the first item is reported."""
    if not session.config.option.collectonly and not (
        session.testsfailed and not session.config.option.continue_on_collection_errors
    ):
        jobs = session.config.stash[_jobs]
        chosen: dict[Path, list[Item]] = {path: [] for path, job in jobs.items() if job.plan.ring(job.ring).on_paper}
        for item in session.items:
            if isinstance(item, CaseItem):
                chosen.setdefault(item.path, []).append(item.case)
        for path, items in chosen.items():
            _measure(session.config, path, items)
    return (yield)


def _measure(config: pytest.Config, path: Path, items: list[Item]) -> None:
    from compat.report.screen import Screen, of_reporter
    from compat.report.text import count
    from compat.way import conclude, write_reports

    job = config.stash[_jobs][path]
    screen = Screen(of_reporter(config.pluginmanager.get_plugin("terminalreporter")), "compat: ")
    screen.say(f"measuring {count(len(items), 'case')}")
    try:
        try:
            store = job.measure(items, screen.say, screen.progress)
        finally:
            screen.end()
        concluded = conclude(store, job.ring, None, job.options.waivers, job.options.calibration)
        write_reports(concluded, job.folder)
    except CompatError as problem:
        pytest.exit(str(problem), returncode=2)
    config.stash[_concluded][path] = concluded


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A verdict that is not GO fails the run, even where each item that was selected passed.

    Where items were left out on purpose (``-k``, ``--lf``, a shard) the verdict is HOLD by nature: the run is then
    judged by its items, as everywhere, and the verdict is shown. NO-GO fails it always.
    """
    from compat.model import Decision

    for path, concluded in session.config.stash[_concluded].items():
        ran = {item.name for item in session.items if isinstance(item, CaseItem) and item.path == path}
        whole = ran == {item.key for item in session.config.stash[_jobs][path].whole}
        blocks = (Decision.NO_GO, Decision.HOLD) if whole else (Decision.NO_GO,)
        unsaid = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)  # a ring of tables alone has no item
        if concluded.verdict.decision in blocks and exitstatus in unsaid:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What is not a pass, the reasons, where the report is, and the verdict: as ``compat run`` prints it."""
    from compat.report.screen import of_reporter
    from compat.report.terminal import MOST, print_verdict

    for path, concluded in config.stash[_concluded].items():
        verdict = concluded.verdict
        terminalreporter.section(f"compat: {verdict.matrix}, ring {verdict.ring}")
        report = str(config.stash[_jobs][path].folder / "report.html")
        console = of_reporter(terminalreporter, quiet=False)
        print_verdict(concluded.summary, console, most=MOST, head=False, report=report)

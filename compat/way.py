"""The way through, from matrix file to verdict: the stages in order, for the plugin and for the commands alike."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import compat
from compat.errors import ContentError, StoreError, UsageError
from compat.model import LOCKED_CLOCKS, Arm, Item, Plan, Verdict, digest
from compat.patterns import name_pattern
from compat.plan import build_plan, load_matrix

if TYPE_CHECKING:
    from compat.judge.calibration import Calibrated, Spread
    from compat.model import Node
    from compat.report.view import View
    from compat.run.measure import Progress
    from compat.run.repeated import Repeated
    from compat.store import LocalStore

__all__ = [
    "Concluded",
    "Job",
    "Options",
    "calibrate",
    "conclude",
    "make_plan",
    "open_store",
    "parse_labels",
    "repeat_case",
    "ring_of",
    "write_reports",
]


@dataclass(frozen=True)
class Options:
    """What a user may choose beside the matrix file. Paths are relative to the current folder.

    ``engine`` and ``cache`` can also be said once for a machine, by COMPAT_ENGINE and COMPAT_CACHE.
    """

    ring: str | None = None
    store: Path | None = None  # default: out/NAME
    engine: str | None = None  # default: auto
    cache: Path | None = None  # default: the user's cache folder
    content: tuple[Path, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    fresh: bool = False
    lock_clocks: int | None = None  # MHz, of the GPUs that are measured on
    waivers: Path | None = None  # a file of accepted changes
    calibration: Path | None = None  # the store that ``compat calibrate`` left

    def engine_name(self) -> str:
        """What realises the runtimes."""
        return self.engine or os.environ.get("COMPAT_ENGINE") or "auto"

    def cache_folder(self) -> Path:
        """Where built runtimes and fetched artifacts are kept between runs."""
        chosen = self.cache or os.environ.get("COMPAT_CACHE")
        if chosen:
            return Path(chosen).resolve()
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        return Path(base) / "gpu-compat"

    def node_labels(self) -> dict[str, str]:
        """The labels of this node. Locked clocks are one of them, so that a store does not mix them with free ones."""
        locked = {} if self.lock_clocks is None else {LOCKED_CLOCKS: f"{self.lock_clocks} MHz"}
        return {**self.labels, **locked}


def make_plan(matrix: Path, options: Options) -> Plan:
    """Plan the matrix file. MatrixError or ContentError in one line when it cannot be."""
    return build_plan(load_matrix(matrix), content=options.content, compat_version=compat.__version__)


def parse_labels(words: Sequence[str]) -> dict[str, str]:
    """``["ring=canary"]`` as a mapping. UsageError for a word without a ``=``."""
    for word in words:
        if "=" not in word:
            raise UsageError("label", f"{word!r} is not KEY=VALUE", "write for example ring=canary")
    return dict(word.split("=", 1) for word in words)


def ring_of(plan: Plan, name: str | None) -> str:
    """The ring asked for, or the only one. UsageError when there is no such ring, or several to choose from."""
    names = [ring.name for ring in plan.rings]
    if name is None and len(names) == 1:
        return names[0]
    if name not in names:
        problem = f"has no ring {name!r}" if name else "has several rings and none was named"
        raise UsageError(f"matrix {plan.name}", problem, f"choose one of {', '.join(names)}")
    return name


class Job:
    """One plan, one ring, one node: what is to be measured here, and where it is kept."""

    def __init__(self, plan: Plan, options: Options) -> None:
        self.plan = plan
        self.options = options
        self.ring = ring_of(plan, options.ring)
        self.items = plan.for_ring(self.ring)
        self.folder = options.store or Path("out") / plan.name
        if options.waivers is not None:  # a mistake in them is said before anything is measured
            from compat.plan import load_waivers

            load_waivers(options.waivers)

    def select(self, pattern: str) -> tuple[Item, ...]:
        """The items whose name matches a pattern (``compat.patterns``). UsageError when none does."""
        wild = name_pattern(pattern)
        found = tuple(item for item in self.items if wild.fullmatch(item.key))
        if not found:
            raise UsageError(
                "case", f"{pattern!r} selects none of the {len(self.items)} cases", "compat plan lists their names"
            )
        return found

    def measure(
        self, items: Sequence[Item], say: Callable[[str], None], report: Callable[[Progress], None]
    ) -> LocalStore:
        """Get everything ready and measure until nothing is open or the ring's budget is spent.

        ``say`` gets a sentence for each step, ``report`` a Progress after every pair. Nothing is written before every
        runtime is realised.
        """
        from compat.node import this_node
        from compat.plan.cells import unplaced

        node = this_node(self.options.node_labels())
        self._check_labels(node)
        here = []
        for item in items:
            reason = unplaced(item.cell, node)
            if reason is None:
                here.append(item)
            else:
                say(f"{item.key} is not measured here: {reason}")
        with _clocks(self.options, node, here, self.plan.ring(self.ring).gpus, say):
            return self._measure(node, here, say, report)

    def _measure(
        self, node: Node, here: Sequence[Item], say: Callable[[str], None], report: Callable[[Progress], None]
    ) -> LocalStore:
        from compat.run.measure import Measuring
        from compat.run.prepare import prepare
        from compat.store import LocalStore

        prepared = prepare(
            self.plan,
            here,
            engine=self.options.engine_name(),
            cache=self.options.cache_folder(),
            say=say,
            sites=self.options.content,
        )
        if self.options.fresh:
            self._put_aside(say)
        store = LocalStore(self.folder, create=True)
        store.put_node(node)
        store.put_plan(self.plan)
        ring = self.plan.ring(self.ring)
        measuring = Measuring(self.plan, here, store, node, prepared, ring.budget, ring.gpus)
        if measuring.found:
            say(f"{measuring.found} pairs are in {self.folder} already and are not measured again (--fresh would)")
        if not measuring.run(report):
            say(f"the ring's budget of {ring.budget:.0f} s is spent; what is open stays open")
        return store

    def _check_labels(self, node: Node) -> None:
        wanted = self.plan.ring(self.ring).labels
        for key, value in wanted.items():
            if node.labels.get(key) != value:
                raise UsageError(
                    f"ring {self.ring}",
                    f"takes nodes labelled {key}={value}, this one has {key}={node.labels.get(key)}",
                    f"measure on such a node, or say --label {key}={value}",
                )

    def _put_aside(self, say: Callable[[str], None]) -> None:
        if not self.folder.exists():
            return
        stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%f")
        aside = self.folder.with_name(f"{self.folder.name}.{stamp}")
        self.folder.rename(aside)
        say(f"the evidence there was is in {aside}")


@contextlib.contextmanager
def _clocks(
    options: Options, node: Node, items: Sequence[Item], gpus: int | None, say: Callable[[str], None]
) -> Iterator[None]:
    """Reset the clocks that a killed run has left locked; inside, lock those of the GPUs in use, if that is asked."""
    from compat.node.clocks import LockedClocks, undo_left
    from compat.run.lanes import places_of

    folder = options.cache_folder() / "clocks"
    for gpu in undo_left(folder):
        say(f"reset the clocks of {gpu}, which a killed run had left locked")
    if options.lock_clocks is None:
        yield
        return
    places = (place for item in items for place in places_of(item, node, gpus))
    devices = tuple(dict.fromkeys(uuid for place in places for uuid in place.devices))
    with LockedClocks(options.lock_clocks, devices, folder):
        say(f"the clocks of {', '.join(devices)} are held at {options.lock_clocks} MHz: this is for diagnosis")
        yield


def repeat_case(
    store: LocalStore,
    pattern: str,
    options: Options,
    say: Callable[[str], None],
    report: Callable[[Progress], None],
    *,
    count: int,
    arms: Sequence[Arm] = tuple(Arm),
    plan: str | None = None,
) -> Repeated:
    """Run the one case of a stored plan that ``pattern`` names ``count`` times in each of ``arms``.

    ``store`` is only read; the evidence is kept in ``options.store`` if that is given, and it must be new.
    """
    from compat.node import this_node
    from compat.plan.cells import unplaced
    from compat.run.prepare import prepare
    from compat.run.repeat import only_item, repeat, with_arms

    chosen = store.plan(plan)
    item = with_arms(only_item(chosen, pattern), arms)
    if options.store is not None and (options.store / "store.json").exists():
        raise UsageError(str(options.store), "is a store already", "name a new folder: runs on demand are no round")
    node = this_node(options.node_labels())
    reason = unplaced(item.cell, node)
    if reason is not None:
        raise UsageError(item.key, f"cannot run here: {reason}", "repeat it on a node that has it")
    with _clocks(options, node, [item], 1, say):
        try:
            prepared = prepare(
                chosen,
                [item],
                engine=options.engine_name(),
                cache=options.cache_folder(),
                say=say,
                sites=options.content,
            )
        except ContentError as problem:
            remedy = "restore it, or name its folder with --content; what was changed needs a run of its own"
            raise ContentError(problem.where, problem.problem, remedy) from problem
        return repeat(chosen, item, node, prepared, count=count, arms=arms, keep=options.store, report=report)


@dataclass(frozen=True)
class Concluded:
    """A verdict, and what the report formats print of it."""

    verdict: Verdict
    view: View
    digest: str  # the verdict's, in the store


def open_store(folder: Path) -> LocalStore:
    """The store in ``folder``. StoreError when there is none."""
    from compat.store import LocalStore

    return LocalStore(folder)


def conclude(
    store: LocalStore,
    ring: str | None = None,
    plan: str | None = None,
    waivers: Path | None = None,
    calibration: Path | None = None,
) -> Concluded:
    """Judge all evidence of a plan (the newest, unless its digest is given) for a ring, and keep the verdict.

    ``waivers`` is a file of accepted changes: MatrixError where it is wrong, before anything is judged. ``calibration``
    is the store that ``compat calibrate`` left: UsageError where it is of something else.
    """
    from compat.judge import judge
    from compat.plan import load_waivers
    from compat.report.view import view

    accepted = () if waivers is None else load_waivers(waivers)
    chosen = store.plan(plan)
    name = ring_of(chosen, ring)
    evidence = store.evidence(digest(chosen))
    nodes, identities = store.nodes(), store.identities()
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    known = {} if calibration is None else _calibrated(open_store(calibration), chosen, nodes)
    verdict = judge(chosen, name, evidence, identities, nodes, _blobs(store), now, accepted, known)
    kept = store.put_verdict(verdict)
    return Concluded(verdict, view(verdict, chosen, list(nodes.values()), identities, evidence), kept)


def calibrate(
    plan: Plan, options: Options, pairs: int, say: Callable[[str], None], report: Callable[[Progress], None]
) -> tuple[Calibrated, ...]:
    """Measure the known-good stack beside itself on this node, ``pairs`` of each case, and what it says of each metric.

    The evidence stays in ``options.store`` (default: out/NAME.calibration), for ``conclude``.
    """
    from compat.judge import calibrated
    from compat.plan.unchanged import unchanged

    ring = ring_of(plan, options.ring)
    alike = unchanged(plan, ring, pairs)
    job = Job(alike, replace(options, ring=ring, store=options.store or Path("out") / f"{plan.name}.calibration"))
    store = job.measure(job.items, say, report)
    return calibrated(plan, ring, alike, store.evidence(digest(alike)))


def _calibrated(store: LocalStore, plan: Plan, nodes: Mapping[str, Node]) -> dict[tuple[str, str], Spread]:
    """What a calibration says of the items of ``plan``, on the nodes that it is judged on."""
    from compat.judge import spreads

    alike = store.plan()
    if alike.known_good != plan.known_good or alike.candidate != alike.known_good:
        what = "is no calibration of the known-good stack of this plan"
        raise UsageError(str(store.root), what, "make one with compat calibrate")
    content = {item.key: item.case.content for item in plan.items}
    same = replace(alike, items=tuple(i for i in alike.items if content.get(i.key) == i.case.content))
    return spreads(same, [e for e in store.evidence(digest(alike)) if e.node in nodes])


def _blobs(store: LocalStore) -> Callable[[str], bytes]:
    """Blobs by digest; a lost or changed one reads as nothing, which the judge refuses for what it is."""

    def read(name: str) -> bytes:
        try:
            return store.blob(name)
        except StoreError:
            return b""

    return read


def write_reports(concluded: Concluded, folder: Path) -> dict[str, Path]:
    """Write every report format into ``folder``; the paths by format. The JSON verdict names the HTML's digest."""
    from compat.report import formats
    from compat.report.document import verdict_json

    texts = {name: (f"report{form.suffix}", form.render(concluded.view)) for name, form in formats().items()}
    texts["json"] = "verdict.json", verdict_json(concluded.verdict, concluded.view, digest(texts["html"][1]))
    written = {}
    for name, (file, text) in texts.items():
        path = folder / file
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as problem:
            raise StoreError(
                str(path), f"cannot be written: {problem.strerror}", "make room or rights there"
            ) from problem
        written[name] = path
    return written

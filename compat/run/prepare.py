"""Gets everything ready before the first pair: an engine, the runtimes, the artifacts. Nothing is half-written."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from compat.errors import ContentError, EngineError, RuntimeSetupError, UsageError
from compat.model import Artifact, Case, Item, Plan, Runtime, Tier
from compat.paths import content_folder
from compat.run.artifacts import artifact_path, fetch_artifact
from compat.run.compiled import CompiledBefore
from compat.run.container import ContainerRuntime
from compat.run.engine import connect, connect_if_there, have_image
from compat.run.in_place import InPlaceRuntime
from compat.run.leftovers import remove_leftovers, this_owner
from compat.run.runtime import Folders, RealisedRuntime
from compat.run.venv import VenvRuntime

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["ENGINES", "Prepared", "discard", "needs", "prepare"]

ENGINES = ("auto", "docker", "venv")

_THROWN_AWAY = 3  # the installation of what is installed anew, after the one in use and the one that confirms

Say = Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    """Runtimes by name, and where on this machine each case's file and artifact are."""

    runtimes: dict[str, RealisedRuntime]
    folders: Folders
    content: dict[str, Path]  # workload -> file
    second: Callable[[str], RealisedRuntime] | None = None  # by name, once more: installed when it is first asked for
    compiled: CompiledBefore | None = None

    def runtime(self, name: str, installation: int = 1) -> RealisedRuntime:
        """A runtime, or its second installation."""
        if installation == 1 or self.second is None:
            return self.runtimes[name]
        return self.second(name)

    def artifact(self, case: Case, runtime: str) -> Path | None:
        """The file that a case needs in a runtime, on this machine: its artifact, or that runtime's assembler."""
        needed = needs(case, self.runtimes[runtime].spec)
        return None if needed is None else artifact_path(needed, self.folders.artifacts)


def needs(case: Case, runtime: Runtime) -> Artifact | None:
    """The artifact of a case in a runtime. One that is compiled with CUDA's assembler needs that of the runtime."""
    return runtime.assembler if "assembler" in case.params and case.tier is Tier.AOT else case.artifact


def prepare(
    plan: Plan,
    items: Sequence[Item],
    *,
    engine: str,
    cache: Path,
    say: Say,
    sites: Sequence[Path] = (),
    beside: Path | None = None,
    fresh: bool = False,
) -> Prepared:
    """Realise what ``items`` need. ``engine`` is one of ``ENGINES``; ``say`` gets a sentence per step.

    ``beside`` is the matrix's folder; without it a model that is a file has to be in the cache already. ``fresh``:
    runtimes are installed anew, beside those that are used otherwise, and are to be thrown away (``discard``).

    What killed runs have left on this node is removed. Raises RuntimeSetupError, EngineError or ContentError.
    """
    say = _one_at_a_time(say)
    if engine not in ENGINES:
        raise UsageError("engine", f"{engine!r} is not one of {', '.join(ENGINES)}", "choose one of them")
    roots = [content_folder("kernels").parent, *sites]
    content = _content(items, roots)
    folders = Folders(tuple(dict.fromkeys(path.parent for path in content.values())), cache / "artifacts")
    try:
        folders.artifacts.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise RuntimeSetupError(
            str(cache), f"cannot be the cache: {problem.strerror}", "name another folder with --cache"
        ) from problem
    names = dict.fromkeys(
        name for item in items for name in (item.cell.known_good["runtime"], item.cell.stack["runtime"])
    )
    specs = [plan.runtimes[name] for name in names]
    client = _engine(specs, engine, say)
    for sentence in remove_leftovers(client or connect_if_there()):
        say(sentence)
    number = _THROWN_AWAY if fresh else 1
    runtimes = {spec.name: _realise(spec, folders, cache, client, number) for spec in specs}
    steps: list[Callable[[], object]] = [partial(_build, runtime, say, fresh=fresh) for runtime in runtimes.values()]
    wanted = (
        needs(item.case, plan.runtimes[stack["runtime"]])
        for item in items
        for stack in (item.cell.known_good, item.cell.stack)
    )
    artifacts = dict.fromkeys(artifact for artifact in wanted if artifact is not None)
    steps += [partial(_fetch, artifact, folders.artifacts, beside, say) for artifact in artifacts]
    _side_by_side(steps)

    @functools.cache
    def second(name: str) -> RealisedRuntime:
        runtime = _realise(plan.runtimes[name], folders, cache, client, installation=2)
        _build(runtime, say)
        return runtime

    return Prepared(runtimes, folders, content, second, CompiledBefore(cache / "compiled"))


def _one_at_a_time(say: Say) -> Say:
    """Let sentences from several threads follow each other on the screen."""
    lock = Lock()

    def speak(sentence: str) -> None:
        with lock:
            say(sentence)

    return speak


def _side_by_side(steps: Sequence[Callable[[], object]]) -> None:
    """Take all steps, a few at a time: one waits for the network while another unpacks. Raises the first error."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        futures = [pool.submit(step) for step in steps]
    for future in futures:
        future.result()


def _fetch(artifact: Artifact, folder: Path, beside: Path | None, say: Say) -> None:
    if artifact.package and not artifact_path(artifact, folder).is_file():
        say(f"fetching {Path(artifact.path).name} of {artifact.package}")
    fetch_artifact(artifact, folder, beside)  # also when it is there: then its digest is looked at again


def discard(prepared: Prepared) -> None:
    """Take away the runtimes that were installed ``fresh``."""
    for runtime in prepared.runtimes.values():
        if isinstance(runtime, (ContainerRuntime, VenvRuntime)):
            runtime.remove()


def _build(runtime: RealisedRuntime, say: Say, *, fresh: bool = False) -> None:
    spec = runtime.spec
    what = " ".join(spec.requirements or ()) or spec.image or spec.python or "this interpreter"
    say(f"runtime {spec.name}: {runtime.how}, {what}")
    if isinstance(runtime, (ContainerRuntime, VenvRuntime)):
        runtime.build(fresh=fresh)


def _content(items: Iterable[Item], roots: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for workload, content in {item.case.workload: item.case.content for item in items}.items():
        kind, _, stem = workload.partition(":")
        places = [root / ("kernels" if kind == "kernel" else "workloads") / f"{stem}.py" for root in roots]
        if kind == "model":  # a file that the matrix names is run by what we have for its form
            places += sorted((content_folder("workloads") / "given").glob("*.py"))
        fitting = [path for path in places if path.is_file() and _sha256(path) == content]
        if not fitting:
            raise ContentError(
                workload, "its file is not what was planned: it was changed or moved", "plan again, or restore the file"
            )
        found[workload] = fitting[0]
    return found


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _engine(specs: Sequence[Runtime], engine: str, say: Say) -> DockerClient | None:
    """The engine to use; None for virtual environments. Both arms are realised alike, or they would not compare."""
    given = [spec.name for spec in specs if spec.kind == "image"]
    if engine == "venv" and given:
        raise UsageError("engine", f"runtime {given[0]} is an image and needs one", "use --engine docker or auto")
    if engine == "venv" or all(spec.kind == "in_place" for spec in specs):
        return None
    if engine == "docker" or given:
        return connect()
    bases = dict.fromkeys(spec.base for spec in specs if spec.kind == "requirements")
    if None in bases:
        say("virtual environments: a runtime has no base image to be built on")
        return None
    try:
        client = connect()
        for base in bases:
            have_image(client, str(base))
    except EngineError as problem:
        say(f"virtual environments, because no container can be had: {problem.where} {problem.problem}")
        return None
    return client


def _realise(
    spec: Runtime, folders: Folders, cache: Path, client: DockerClient | None, installation: int = 1
) -> RealisedRuntime:
    if spec.kind == "in_place":
        return InPlaceRuntime(spec, folders)
    if client is not None:
        return ContainerRuntime(spec, folders, client, this_owner(), installation)
    return VenvRuntime(spec, folders, cache, installation)

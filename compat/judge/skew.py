"""Version skew: parts that should be of one version and are not.

Between the nodes of a ring, between the parts of a driver, between the libraries of one runtime, between what an image
says of itself and what it has, and between a runtime and the support tables. The declared change between the arms is no
skew. What only the candidate arm has keeps the ring from GO where it is known to break programs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from compat.judge.contents import LABEL, contents, editions
from compat.judge.traces import CODE, Trace
from compat.model import Arm, Identity, Node, Plan, Skew

__all__ = ["find_skew", "holding"]

_HOLDING = ("driver", "libraries")  # kinds that have broken programs: AKS issue 5869, two cuDNNs in one process
_LIBRARY = re.compile(r"(lib(?:cublas|cublasLt|cudart|cudnn\w*|cufft|curand|cusolver|cusparse|nccl|nvrtc))\.so")
_SINGLE = ("cublas", "cuda", "cudnn", "nccl", "nvrtc")


def find_skew(
    plan: Plan, evidence: Sequence[Trace], identities: Mapping[str, Identity], nodes: Mapping[str, Node]
) -> tuple[Skew, ...]:
    """Every skew in the traces of what was admitted, those of the candidate arm alone first."""
    seen: dict[tuple[str, str], tuple[dict[str, str], set[Arm]]] = {}
    for arm, runtime, key in sorted({(e.arm, e.runtime, e.identity) for e in evidence}):
        identity = identities.get(key)
        if identity is None:
            continue
        for kind, what, values in _within(identity, plan, runtime):
            seen.setdefault((kind, what), (values, set()))[1].add(arm)
    for arm, runtime, built in sorted({(e.arm, e.runtime, e.code) for e in evidence if e.code is not None}):
        listed = plan.runtimes[runtime].brings.get("code") if runtime in plan.runtimes else None
        if listed is not None and set(listed.split()) != set(built.split()):
            values = {"the tables": listed, "the runtime": built}
            seen.setdefault(("tables", f"{CODE} of {runtime}"), (values, set()))[1].add(arm)
    for arm in Arm:
        for what, values in _between_nodes([e for e in evidence if e.arm is arm], identities, nodes):
            seen.setdefault(("nodes", what), (values, set()))[1].add(arm)
    found = [
        Skew(kind, what, values, new=arms == {Arm.CANDIDATE}) for (kind, what), (values, arms) in sorted(seen.items())
    ]
    return tuple(sorted(found, key=lambda skew: not skew.new))


def holding(found: Iterable[Skew]) -> list[str]:
    """What keeps a ring from GO."""
    return [f"version skew of the candidate: {skew.in_words}" for skew in found if skew.new and skew.kind in _HOLDING]


def _within(identity: Identity, plan: Plan, runtime: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """The skew inside one arm, as it was read from inside."""
    parts = _driver(identity)
    if len(set(parts.values())) > 1:
        yield "driver", "the driver's parts", parts
    for component in _SINGLE:
        several = editions(identity, component)
        if len(several) > 1:
            yield "libraries", f"{component} is installed more than once", several
    for library, paths in _loaded_twice(identity).items():
        yield "libraries", f"{library} is loaded more than once", paths
    has = contents(identity)
    label = identity.environment.get(LABEL)
    if label is not None and "cuda" in has and not _same(has["cuda"], label):
        yield "image", f"the image of {runtime}", {f"label {LABEL}": label, "what it has": has["cuda"]}
    known = plan.runtimes.get(runtime)
    for component, version in sorted(known.brings.items() if known is not None else ()):
        if component in has and not _same(has[component], version):
            yield "tables", f"{component} of {runtime}", {"the tables": version, "the runtime": has[component]}


def _driver(identity: Identity) -> dict[str, str]:
    """The versions of the kernel module, libcuda and NVML, as far as they were read."""
    named = re.search(r"libcuda\.so\.(\d+\.\d+(?:\.\d+)*)$", identity.driver.get("libcuda", ""))
    found = {
        "kernel module": identity.driver.get("kernel_module"),
        "libcuda": named[1] if named else None,
        "NVML": identity.driver.get("nvml", "").partition(".")[2] or None,
    }
    return {part: version for part, version in found.items() if version is not None}


def _loaded_twice(identity: Identity) -> dict[str, dict[str, str]]:
    """Library -> file -> digest, of those that were loaded from several files that differ."""
    files: dict[str, dict[str, str]] = defaultdict(dict)
    for path, digest in identity.libraries.items():
        named = _LIBRARY.match(path.rpartition("/")[2])
        if named is not None:
            files[named[1]][path] = digest[:12]
    return {name: paths for name, paths in sorted(files.items()) if len(set(paths.values())) > 1}


def _between_nodes(
    evidence: Sequence[Trace], identities: Mapping[str, Identity], nodes: Mapping[str, Node]
) -> Iterator[tuple[str, dict[str, str]]]:
    """What differs between nodes that ran the same arm in the same phase."""
    by_phase: dict[str, dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for record in evidence:
        identity, node = identities.get(record.identity), nodes.get(record.node)
        version = identity.driver_version if identity is not None else None
        if version is not None and node is not None:
            phase = record.phase.value if record.phase is not None else ""
            by_phase[phase][version][node.hostname] = None
    for phase, versions in sorted(by_phase.items()):
        if len(versions) > 1:
            what = f"the driver of the nodes{f' {phase} the upgrade' if phase else ''}"
            yield what, {version: ", ".join(sorted(names)) for version, names in sorted(versions.items())}


def _same(found: str, stated: str) -> bool:
    """Whether two versions agree as far as both say."""
    short, long = sorted((found.split("."), stated.split(".")), key=len)
    return long[: len(short)] == short

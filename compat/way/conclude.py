"""The last stages: from stored evidence to a verdict and its reports."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import compat
from compat.errors import StoreError
from compat.model import Identity, Node, Plan, Rehearsal, Verdict, digest
from compat.way.calibrate import calibrated_spreads
from compat.way.options import ring_of

if TYPE_CHECKING:
    from compat.judge.evidence import ByItem
    from compat.report.view import View
    from compat.store import Store
    from compat.store.place import Where

__all__ = [
    "Concluded",
    "blobs",
    "conclude",
    "judge_digest",
    "newest_verdict",
    "open_store",
    "report_folder",
    "write_reports",
]


@dataclass(frozen=True)
class Concluded:
    """A verdict, and what the report formats print of it."""

    verdict: Verdict
    digest: str  # the verdict's, in the store
    plan: Plan
    nodes: Sequence[Node]
    identities: Mapping[str, Identity]
    evidence: ByItem
    store: Store
    rehearsals: Sequence[Rehearsal] = ()

    @functools.cached_property
    def view(self) -> View:
        """All that a format prints; the evidence is read once more for it, and what the store says besides."""
        from compat.report.view import view
        from compat.way.history import read_history

        past = read_history(self.store, self.plan, self.verdict, self.digest, self.rehearsals)
        return view(
            self.verdict,
            self.plan,
            self.nodes,
            self.identities,
            self.evidence,
            self.rehearsals,
            past,
            blob=blobs(self.store),
            store=self.store.where,
        )

    @functools.cached_property
    def summary(self) -> View:
        """What a terminal prints: nothing that evidence has to be read for."""
        from compat.report.view import view

        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return view(self.verdict, self.plan, self.nodes, self.identities, {}, self.rehearsals, now=now)


def open_store(place: Where) -> Store:
    """The store in a folder, or at an address. StoreError when there is none."""
    from compat.store import Store

    return Store(place)


def conclude(
    store: Store,
    ring: str | None = None,
    plan: str | None = None,
    waivers: Path | None = None,
    calibration: Where | None = None,
    *,
    look: bool = False,
) -> Concluded:
    """Judge all evidence of a plan (the newest, unless its digest is given) for a ring, and keep the verdict.

    Who only wants to ``look`` takes nothing away from what was accepted: the waivers of the newest verdict hold as far
    as they still do. A calibration is not in the store: a verdict that was reached with one stands, on that evidence.
    ``waivers`` is a file of accepted changes: MatrixError where it is wrong, before anything is judged. ``calibration``
    is the store that ``compat calibrate`` left: UsageError where it is of something else.
    """
    from compat.judge import judge
    from compat.plan import load_waivers

    accepted = () if waivers is None else load_waivers(waivers)
    chosen = store.plan(plan)
    name = ring_of(chosen, ring)
    last = newest_verdict(store, digest(chosen), name)
    if look and last is not None:
        accepted = tuple(use.waiver for use in last.waivers)
    evidence = store.runs(digest(chosen))
    nodes, identities = store.nodes(), store.identities()
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    known = {} if calibration is None else calibrated_spreads(open_store(calibration), chosen, nodes)
    verdict = judge(chosen, name, evidence, identities, nodes, blobs(store), now, accepted, known)
    verdict = replace(verdict, judge=judge_digest())
    stands = look and last is not None and bool(last.calibration) and last.evidence == verdict.evidence
    if last is not None and (stands or replace(verdict, judged_at=last.judged_at) == last):
        verdict = last  # said before: since then it holds
        kept = digest(verdict)
    else:
        kept = store.put_verdict(verdict)
    rehearsals = store.rehearsals(digest(chosen))
    return Concluded(verdict, kept, chosen, list(nodes.values()), identities, evidence, store, rehearsals)


def newest_verdict(store: Store, plan: str, ring: str) -> Verdict | None:
    """The ring's verdict that was written last. Those before it are not read: each may be tens of megabytes."""
    names = [name for name in store.objects.names(f"verdicts/{plan}/{ring}") if name.endswith(".json")]
    return store.checked(names[-1], Verdict) if names else None


@functools.cache
def judge_digest() -> str:
    """The digest of the code that judges: rings are passed by one judge."""
    package = Path(compat.__file__).parent
    parts = [path for part in ("judge", "model") for path in (package / part).rglob("*.py")]
    files = sorted((*parts, package / "digests.py", package / "patterns.py"))
    return digest([[str(path.relative_to(package)), digest(path.read_bytes())] for path in files])


def blobs(store: Store) -> Callable[[str], bytes]:
    """Blobs by digest; a lost or changed one reads as nothing, which the judge refuses for what it is."""

    def read(name: str) -> bytes:
        try:
            return store.blob(name)
        except StoreError:
            return b""

    return read


def report_folder(place: Where, matrix: str) -> Path:
    """Where the reports of a store go: into it, or of one in a bucket to where a run would have left them."""
    from compat.store.place import is_address

    return Path("out", matrix) if is_address(place) else Path(place)


def write_reports(concluded: Concluded, folder: Path, names: Sequence[str] = ()) -> dict[str, Path]:
    """Write the report formats of these names into ``folder``, or those that are written by default.

    Gives the paths by format; of a format with several files they are ``NAME``, ``NAME 2``. The JSON verdict names the
    digest of the HTML that is written with it. Nothing is written unless everything could be computed.
    """
    from compat.report.formats import chosen
    from compat.report.formats.document import verdict_json

    files: dict[str, Mapping[str, bytes]] = {}
    for form in chosen(names):  # html comes before json
        if form.name == "json":
            page = files.get("html", {}).get("report.html")
            document = verdict_json(concluded.verdict, concluded.view, None if page is None else digest(page))
            files["json"] = {"verdict.json": document.encode()}
        else:
            files[form.name] = form.files(concluded.view)
    written = {}
    for name, contents in files.items():
        for number, (file, data) in enumerate(contents.items(), 1):
            written[name if number == 1 else f"{name} {number}"] = _write(folder / file, data)
    return written


def _write(path: Path, data: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as problem:
        raise StoreError(str(path), f"cannot be written: {problem.strerror}", "make room or rights there") from problem
    return path

"""What every gate of a store says, kept up to date: documents are read once, and their names looked at again and again.

A document never changes under its name, so what was read of it holds; in a folder, where anybody can change a file, as
long as the file is the same. What a gate says also changes by time alone (a
soak is over, a GO is too old), so it is asked anew each time.
"""

from __future__ import annotations

import datetime
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar, cast

from compat.errors import CompatError
from compat.gate.answer import Answer, counts, worse
from compat.gate.serve import Told
from compat.gate.standing import Stored, standing
from compat.model import Plan, Rehearsal, Verdict, Watch, digest
from compat.store.folder import FolderObjects
from compat.store.marker import check_marker
from compat.way.answer import answer_of

if TYPE_CHECKING:
    from compat.store import Store
    from compat.way.gate import Trust

__all__ = ["Board"]

_SECONDS = 0.5  # between two looks: a new verdict is told within a second
_BUCKET_SECONDS = 5.0  # in a bucket, where a look costs eight requests
_SIGNED_SECONDS = 5.0  # after which signatures are checked again, though no document is new
_STALE = 15.0  # seconds after which what was read is no answer any more: a look hangs

_Document = TypeVar("_Document", Rehearsal, Watch)
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class _Read:
    """A verdict without its comparisons, which are what makes it large, and what was counted of them."""

    digest: str
    verdict: Verdict
    counts: dict[str, int] | None
    worse: int


@dataclass(frozen=True)
class _Kept:
    """What was read, and the files that it was read from, as they were (``Objects.stamp``)."""

    stamps: tuple[tuple[str, str], ...]  # name and stamp
    value: object


@dataclass(frozen=True)
class _Signed:
    """What became of a plan's signatures, by which documents, and when."""

    seen: tuple[object, ...]  # files, and digests
    at: float  # of the monotonic clock
    wrong: dict[str, tuple[str, ...]]  # verdict -> why


@dataclass(frozen=True)
class _Told:
    """All answers of a moment."""

    at: float  # of the monotonic clock
    newest: dict[str, str]  # matrix -> plan
    answers: dict[tuple[str, str, bool], Told]  # by plan, ring, and whether it is about entering


class Board:
    """The answers of a store. ``say`` gets a line when it can no longer be read, and when it can again.

    With ``trust`` every verdict has to be signed by a key of it.
    """

    def __init__(self, store: Store, say: Callable[[str], None], trust: Trust | None = None) -> None:
        self._store = store
        self._say = say
        self._trust = trust
        self._read: dict[str, _Kept] = {}  # by name
        self._signed: dict[str, _Signed] = {}  # by plan
        self._told: _Told | None = None
        self._broken = ""
        self._seconds = _SECONDS if isinstance(store.objects, FolderObjects) else _BUCKET_SECONDS
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="board", daemon=True)

    @property
    def fresh(self) -> bool:
        """Whether the store could be read a moment ago."""
        told = self._told
        return told is not None and time.monotonic() - told.at < _STALE

    def find(self, matrix: str, ring: str, plan: str = "", entering: bool = False) -> Told | None:
        """The answer for a ring: of the matrix's newest plan, or of the one of its plans whose digest begins so."""
        told = self._told
        if told is None or matrix not in told.newest:
            return None
        name = told.newest[matrix]
        if plan and not name.startswith(plan):
            fitting = {key[0] for key, one in told.answers.items() if key[0].startswith(plan)}
            if len(fitting) != 1:
                return None
            name = fitting.pop()
        found = told.answers.get((name, ring, entering))
        return found if found is not None and found.answer.matrix == matrix else None

    def all(self) -> Iterable[Answer]:
        """The answer for each ring of each matrix's newest plan."""
        told = self._told
        if told is None:
            return ()
        newest = set(told.newest.values())
        return [one.answer for (plan, _, entering), one in told.answers.items() if plan in newest and not entering]

    def start(self) -> None:
        """Look once, so that what is wrong with the store is an error of the call; then again and again."""
        self._told = self._look()
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._end.set()
        self._thread.join(timeout=2 * _SECONDS)  # it may hang on a disk, and ends with the process

    def _watch(self) -> None:
        while not self._end.wait(self._seconds):
            try:
                self._told = self._look()
                problem = ""
            except CompatError as error:
                self._told = None
                problem = str(error)
            except Exception as error:  # noqa: BLE001 - whatever it is: nobody is told GO meanwhile, and we go on
                self._told = None
                problem = f"{type(error).__name__}: {error}"
            if problem and problem != self._broken:
                self._say(f"the store cannot be read, every answer is 503: {problem}")
            if self._broken and not problem:
                self._say("the store can be read again")
            self._broken = problem

    def _look(self) -> _Told:
        """Read what is new, and ask every gate. StoreError where anything is not as it has to be."""
        store, at = self._store, time.monotonic()
        check_marker(store.objects)
        kept: dict[str, _Kept] = {}
        verdicts, watches, rehearsals = defaultdict(list), defaultdict(list), defaultdict(list)
        for name in _json(store, "verdicts"):
            one = self._verdict(name, kept)
            verdicts[one.verdict.plan].append(one)
        for name in _json(store, "watches"):
            watch = self._document(name, Watch, kept)
            watches[watch.plan].append(watch)
        for name in _json(store, "rehearsals"):
            rehearsal = self._document(name, Rehearsal, kept)
            rehearsals[rehearsal.plan].append(rehearsal)
        hostnames = self._hostnames(kept)
        plans = {name: self._plan(name, kept) for name in store.plan_digests()}
        self._read = kept  # what is gone is forgotten
        now = datetime.datetime.now(datetime.UTC)
        answers: dict[tuple[str, str, bool], Told] = {}
        for name, plan in plans.items():
            own = [(one.digest, one.verdict) for one in verdicts[name]]
            read = {one.digest: one for one in verdicts[name]}
            signatures = self._signatures(name, verdicts[name], plan)
            sealed = self._trust is not None
            stored = Stored(own, watches[name], rehearsals[name], signatures, hostnames, sealed)
            for stand in standing(plan, stored, now):
                for entering in (False, True):
                    told = answer_of(plan, name, stand, stand.verdict, hostnames, entering)
                    newest = read.get(stand.digest)
                    if newest is not None:
                        told = replace(told, counts=newest.counts, worse=newest.worse)
                    answers[name, stand.ring, entering] = Told(told)
        return _Told(at, {plan.name: name for name, plan in plans.items()}, answers)

    def _signatures(self, own: str, verdicts: Sequence[_Read], plan: Plan) -> dict[str, tuple[str, ...]] | None:
        """What is wrong with the signatures of each ring's newest verdict; they expire by time, too."""
        if self._trust is None:
            return None
        from compat.way.signed import signed

        objects, now = self._store.objects, time.monotonic()
        names = tuple(one for part in ("attestations", "baselines") for one in objects.names(part))
        newest = {one.verdict.ring: (one.digest, one.verdict) for one in verdicts}
        seen = (*self._stamps(names), *(name for name, _ in newest.values()))
        found = self._signed.get(own)
        if found is None or found.seen != seen or now - found.at > _SIGNED_SECONDS:
            wrong = signed(self._store, newest.values(), plan, self._trust.keys, needed=self._trust.needed)
            found = self._signed[own] = _Signed(seen, now, wrong)
        return found.wrong

    def _stamps(self, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
        return tuple((name, self._store.objects.stamp(name)) for name in names)

    def _once(self, key: str, names: Sequence[str], read: Callable[[], _Value], kept: dict[str, _Kept]) -> _Value:
        """What ``read`` gives of these files: what it gave before, while none of them is another one."""
        stamps = self._stamps(names)  # before they are read: what changes meanwhile is read again
        found = self._read.get(key)
        if found is None or found.stamps != stamps:
            found = _Kept(stamps, read())
        kept[key] = found
        return cast("_Value", found.value)

    def _document(self, name: str, kind: type[_Document], kept: dict[str, _Kept]) -> _Document:
        return self._once(name, (name,), lambda: self._store.checked(name, kind), kept)

    def _hostnames(self, kept: dict[str, _Kept]) -> dict[str, str]:
        """The nodes' names by their ids; read together, since their sums are apart from them."""
        objects = self._store.objects
        names = objects.names("nodes") + objects.names("sums/nodes")
        return self._once("nodes", names, self._store.hostnames, kept)

    def _plan(self, own: str, kept: dict[str, _Kept]) -> Plan:
        """The plan, without what only measuring needs."""
        name = f"plans/{own}.json"

        def read() -> Plan:
            found = self._store.checked(name, Plan)
            return replace(found, items=(), findings=(), rejections=(), routes=(), cells=(), windows=())

        return self._once(name, (name,), read, kept)

    def _verdict(self, name: str, kept: dict[str, _Kept]) -> _Read:
        def read() -> _Read:
            verdict, data = self._store.named(name, Verdict)
            return _Read(digest(data), replace(verdict, comparisons=()), counts(verdict), worse(verdict))

        return self._once(name, (name,), read, kept)


def _json(store: Store, folder: str) -> list[str]:
    return [name for name in store.objects.names(folder) if name.endswith(".json")]

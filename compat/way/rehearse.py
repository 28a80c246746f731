"""The way back, tried: the user's own command or a fresh installation, and then cases until they are good again."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from compat.errors import CompatError, RuntimeSetupError, StoreError, UsageError
from compat.model import NODE_AXES, SCHEMA_VERSION, Arm, Item, Rehearsal
from compat.way.back import known_good_sentinels
from compat.way.here import Here, find_here, held
from compat.way.leases import take
from compat.way.options import Options
from compat.way.sentinels import look, prepare_sentinels

if TYPE_CHECKING:
    from compat.model import Plan
    from compat.run.measure import Progress
    from compat.run.prepare import Prepared
    from compat.store import Store

__all__ = ["Rehearsing", "rehearse"]

_AGAIN = 2.0  # seconds between two looks
_MOST = 100  # findings that a document keeps


@dataclass(frozen=True)
class Rehearsing:
    """What a user may choose. Durations in seconds; ``commands`` go back, ``then`` goes to the candidate again."""

    by: str
    commands: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    timeout: float = 1800.0  # for all of it, but for ``then``
    command_timeout: float = 1800.0  # for each command
    pattern: str = "*"


def rehearse(
    store: Store,
    options: Options,
    chosen: Rehearsing,
    say: Callable[[str], None],
    report: Callable[[Progress], None],
    plan: str | None = None,
) -> tuple[Rehearsal, str]:
    """Go back on this node, look until it is good, and keep in ``store`` how long each phase took.

    The second of the answer says what was wrong with ``then``, or nothing. UsageError where there is nothing to
    rehearse, before anything is touched. What goes wrong from then on is a finding, and ``then`` is run all the same.
    Killed in the middle it leaves no document; the next call says so.
    """
    here = find_here(store, options.ring, plan)
    items = known_good_sentinels(store, here, chosen.pattern)
    if not chosen.commands:
        _check_installable(here)
    what = "; ".join(chosen.commands) or f"a fresh installation of {here.plan.known_good['runtime']}"
    mark = _under_way(options.cache_folder() / "rehearsals", f"{here.digest[:16]}-{here.before.id}", what, say)
    with held(store, here, options, say):
        take(store, here.before, here.plan)  # StoreError where another upgrade has the node
        with mark:
            try:
                found = _Way(store, here, items, options, chosen, say, report).go(what)
            except BaseException:  # a disk that is full, or somebody's Ctrl-C
                if problem := _then(chosen, say):
                    say(f"then: {problem}")
                raise
            return found, _then(chosen, say)


def _then(chosen: Rehearsing, say: Callable[[str], None]) -> str:
    """To the candidate again; what was wrong with that, or nothing."""
    from compat.run.command import run_command

    for command in chosen.then:
        say(f"back to the candidate: {command}")
        if problem := run_command(command, chosen.command_timeout).problem:
            return f"{command!r} {problem}: this node may not have the candidate"
    return ""


def _check_installable(here: Here) -> None:
    """UsageError where compat itself cannot bring the known-good stack."""
    plan = here.plan
    runtime = plan.runtimes[plan.known_good["runtime"]]
    axes = [axis for axis in NODE_AXES if plan.candidate.get(axis) != plan.known_good.get(axis)]
    if axes:
        raise UsageError(
            "rehearse", f"the {axes[0]} changes, which no runtime brings", "say how it goes back: --command"
        )
    if runtime.kind == "in_place":
        problem = f"runtime {runtime.name} is in place: compat did not install it, and cannot"
        raise UsageError("rehearse", problem, "say how it goes back: --command")


@contextlib.contextmanager
def _under_way(folder: Path, name: str, what: str, say: Callable[[str], None]) -> Iterator[None]:
    """One at a time on a node, with a mark that stays where we are killed."""
    path = folder / f"{name}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = path.open("a+", encoding="utf-8")
    except OSError as problem:
        raise RuntimeSetupError(str(folder), f"cannot be written: {problem.strerror}", "name another --cache") from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError("rehearse", "another rehearsal runs on this node", "wait until it has ended") from None
        handle.seek(0)
        try:
            left = json.loads(handle.read() or "{}")
            began, did = str(left.get("began", "")), str(left.get("what", ""))
        except (ValueError, AttributeError):
            began, did = "an unknown time", ""
        if began:
            say(f"a rehearsal that began at {began} ({did}) did not end: nothing of it is on record, this one is new")
        handle.seek(0)
        handle.truncate()
        json.dump({"began": _now(), "what": what[:1000]}, handle)
        handle.flush()
        try:
            yield
        except StoreError:  # nothing of it could be kept
            raise
        except BaseException:
            path.unlink()
            raise
        path.unlink()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


class _Way:
    """One way back, phase by phase."""

    def __init__(
        self,
        store: Store,
        here: Here,
        items: Sequence[Item],
        options: Options,
        chosen: Rehearsing,
        say: Callable[[str], None],
        report: Callable[[Progress], None],
    ) -> None:
        self._store = store
        self._here = here
        self._asked = tuple((item, (Arm.KNOWN_GOOD,)) for item in items)
        self._options = options
        self._chosen = chosen
        self._say = say
        self._report = report
        self._phases: dict[str, float] = {}
        self._until = time.monotonic() + chosen.timeout
        self._ran: tuple[str, ...] = ()

    def go(self, what: str) -> Rehearsal:
        """All of it; what came of it, which is kept in the store. An error is a finding; what ends us is one, too."""
        try:
            found = self._commands() if self._chosen.commands else ()
            if not found:
                found = self._until_good()
        except CompatError as problem:
            found = (str(problem),)
        except BaseException as problem:
            self._keep((f"it was ended by {type(problem).__name__}" + (f": {problem}" if str(problem) else ""),))
            raise
        rehearsal = self._keep(found)
        self._say(f"went back by {what}")
        return rehearsal

    def _keep(self, found: tuple[str, ...]) -> Rehearsal:
        rehearsal = Rehearsal(
            schema_version=SCHEMA_VERSION,
            plan=self._here.digest,
            ring=self._here.ring.name,
            node=self._here.before.id,
            at=_now(),
            by=self._chosen.by,
            real=False,
            good=not found,
            phases={name: round(seconds, 3) for name, seconds in self._phases.items()},
            cases=self._ran,
            command="; ".join(self._chosen.commands),
            findings=found[:_MOST],
            pattern=self._chosen.pattern,
        )
        self._store.put_rehearsal(rehearsal)
        return rehearsal

    def _commands(self) -> tuple[str, ...]:
        from compat.run.command import run_command

        begin = time.monotonic()
        try:
            for command in self._chosen.commands:
                self._say(f"command: {command}")
                left = self._until - time.monotonic()
                problem = run_command(command, max(0.001, min(self._chosen.command_timeout, left))).problem
                if problem:
                    return (f"the command {command!r} {problem}",)
        finally:
            self._phases["command"] = time.monotonic() - begin
        return ()

    def _until_good(self) -> tuple[str, ...]:
        """Install where no command did, start, and look again and again; the findings of the last look."""
        from compat.run.prepare import discard
        from compat.run.sentinels import first_start

        fresh = not self._chosen.commands
        begin = time.monotonic()
        made = None
        found: tuple[str, ...] = ("there was no time to look",)
        said: dict[tuple[str, ...], int] = {}
        try:
            while time.monotonic() < self._until:
                try:
                    if made is None:
                        made = prepare_sentinels(self._here, self._asked, self._options, self._say, fresh=fresh)
                        if fresh:
                            self._phases["install"] = time.monotonic() - begin
                            begin = time.monotonic()
                    if "first start" not in self._phases:
                        runtime = made[1].runtime(self._here.plan.known_good["runtime"])
                        first_start(runtime, made[0].items, self._here.node)
                        self._phases["first start"] = time.monotonic() - begin
                        begin = time.monotonic()
                    found = self._look(made)
                except RuntimeSetupError as problem:
                    found = (str(problem),)
                if not found:
                    break
                said[found] = said.get(found, 0) + 1
                if said[found] == 1:
                    for one in found:
                        self._say(f"not good yet: {one}")
                time.sleep(max(0.0, min(_AGAIN, self._until - time.monotonic())))
        finally:
            self._phases["sentinels" if "first start" in self._phases else "waiting"] = time.monotonic() - begin
            if fresh and made is not None:
                discard(made[1])
        return found

    def _look(self, made: tuple[Plan, Prepared]) -> tuple[str, ...]:
        """One look at the node as it is now."""
        from compat.node import this_node

        here = self._here = replace(self._here, node=self._here.known_as(this_node()))
        node = here.node
        if not here.same_gpus:
            return ("its GPUs are not those that it was measured on",)
        drivers = {item.cell.known_good.get("driver") for item, _ in self._asked} - {None, node.driver}
        if drivers:
            return tuple(f"this node has driver {node.driver}, the known-good stack has {one}" for one in drivers)
        looked = look(self._store, here, self._asked, made, self._options, self._until, self._say, self._report)
        self._ran = looked.ran
        return looked.findings

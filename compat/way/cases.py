"""What a store says of a case: the newest verdict, and the evidence. Nothing is judged, and nothing is written."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compat.errors import UsageError
from compat.escape import clean
from compat.model import Comparison, Status, Verdict, digest
from compat.model.moments import moment
from compat.patterns import name_pattern
from compat.report.items import Beside, item_anchor, items
from compat.report.text import cleaned
from compat.way.conclude import blobs, newest_verdict

if TYPE_CHECKING:
    from compat.model import Evidence, Item, Node, Plan
    from compat.report.parts import ItemView
    from compat.store import Store
    from compat.store.runs import Runs

__all__ = ["CaseView", "Cases", "find_cases", "find_runs"]

_NEAR = 3  # names in a message


@dataclass(frozen=True)
class CaseView:
    """One case: what is shown of it, in clean text, and its comparisons. ``later`` runs are not in the verdict."""

    view: ItemView
    comparisons: tuple[Comparison, ...]
    later: int


@dataclass(frozen=True)
class Cases:
    """The cases of a plan that were asked for. ``verdict``: the newest one that has them; None: they are not judged.

    ``comparisons`` are of those that are judged; ``unjudged`` are items that have evidence alone.
    """

    store: Store
    runs: Runs
    plan: Plan
    nodes: tuple[Node, ...]
    verdict: Verdict | None
    comparisons: tuple[Comparison, ...]
    unjudged: tuple[Item, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of all of them."""
        return tuple(dict.fromkeys([*(one.item for one in self.comparisons), *(item.key for item in self.unjudged)]))

    def overview(self) -> tuple[ItemView, ...]:
        """How they came out, the worst first; nothing is read for it."""
        return self._views(self.keys, evidence=False)

    def whole(self) -> Iterator[CaseView]:
        """All that there is of each, the worst first."""
        order = {view.anchor: number for number, view in enumerate(self.overview())}
        for key in sorted(self.keys, key=lambda key: order[item_anchor(key)]):
            (view,) = self._views([key], evidence=True)
            own = tuple(one for one in self.comparisons if one.item == key)
            yield CaseView(view, own, self._later(key))

    def _views(self, keys: Collection[str], *, evidence: bool) -> tuple[ItemView, ...]:
        wanted = set(keys)
        blob = blobs(self.store) if evidence else None
        policy = self.plan.policy if self.verdict is None else self.verdict.policy
        compared = [*self.comparisons, *(one for item in self.unjudged for one in _open(item))]
        return cleaned(
            items(
                [one for one in compared if one.item in wanted],
                lambda key: self.runs.get(key, []) if evidence else [],
                Beside.of(self.plan, digest(self.plan), policy, self.nodes, self.store.where, blob),
            )
        )

    def _later(self, key: str) -> int:
        """How many runs of a case began after the verdict, and are not in it."""
        if self.verdict is None:
            return 0
        judged = moment(self.verdict.judged_at)
        return sum(moment(run.started) > judged for run in self.runs.get(key, []))


def _open(item: Item) -> list[Comparison]:
    """What would be compared of an item: it is not judged, and says nothing but what was measured."""
    names = ["execution", *(metric.name for metric in item.case.metrics)]
    case = item.case
    return [
        Comparison(item.key, item.cell.id, case.workload, case.id, case.tier, name, Status.MISSING, "not judged")
        for name in names
    ]


def find_cases(store: Store, words: str, ring: str | None = None, plan: str | None = None) -> Cases:
    """The cases whose name is ``words``, or is meant by it as a pattern (``compat.patterns``).

    A name may lack its cell, or be as pytest shows it, with the matrix file before it. Of several rings the one that
    was judged last counts, unless ``ring`` says which. UsageError with near names where nothing is meant.
    """
    chosen = store.plan(plan)
    runs, nodes = store.runs(digest(chosen)), tuple(store.nodes().values())
    rings = [one.name for one in chosen.rings]
    if ring is not None and ring not in rings:
        raise UsageError("ring", f"the plan has no {ring!r}", f"choose one of {', '.join(rings)}")
    verdicts = [one for name in rings if ring in (None, name) and (one := newest_verdict(store, digest(chosen), name))]
    verdicts.sort(key=lambda one: moment(one.judged_at), reverse=True)
    wanted = _wanted(words)
    for verdict in verdicts:
        found = _meant(wanted, {one.item: f"{one.workload}[{one.case}]" for one in verdict.comparisons})
        if found:
            own = tuple(one for one in verdict.comparisons if one.item in found)
            return Cases(store, runs, chosen, nodes, verdict, own)
    items = {item.key: item for item in chosen.items}
    named = _meant(wanted, _titles(chosen))
    unjudged = tuple(items[key] for key in named if key in runs)
    if unjudged:
        return Cases(store, runs, chosen, nodes, None, (), unjudged)
    if named:
        raise _unmeasured(named)
    known = [*items, *(one.item for verdict in verdicts for one in verdict.comparisons)]
    raise UsageError("case", f"no case is called {words!r}", _near(wanted, known))


def find_runs(store: Store, words: str, ring: str | None = None, plan: str | None = None) -> Iterator[Evidence]:
    """The runs of the cases that are meant, by their names as ``find_cases`` reads them, case by case.

    Without ``ring`` it is all that was measured, whichever ring's verdict has it; with it, what ``find_cases`` finds.
    UsageError where nothing is meant, or nothing was measured of it.
    """
    chosen = store.plan(plan)
    runs = store.runs(digest(chosen))
    named: set[str] = set()
    if ring is None:
        named = _meant(_wanted(words), {key: key.partition("/")[2] for key in runs} | _titles(chosen))
    if not any(key in runs for key in named):
        named = set(find_cases(store, words, ring, plan).keys)
    own = [key for key in runs if key in named]
    if not own:
        raise _unmeasured(named)
    return (record for key in own for record in runs[key])


def _wanted(words: str) -> str:
    """The name without the matrix file that pytest shows before it."""
    return words.rpartition("::")[2]


def _titles(plan: Plan) -> dict[str, str]:
    """What the plan's cases are called without their cell, by their keys."""
    return {item.key: f"{item.case.workload}[{item.case.id}]" for item in plan.items}


def _unmeasured(keys: Collection[str]) -> UsageError:
    some = ", ".join(map(clean, sorted(keys)[:_NEAR]))
    return UsageError("case", f"nothing was measured of {some}", "compat run measures it, compat judge judges it")


def _meant(words: str, titles: dict[str, str]) -> set[str]:
    """The keys that ``words`` mean: one that it is, or else each that it matches, with its cell or without."""
    if words in titles:
        return {words}
    wild = name_pattern(words)
    return {key for key, title in titles.items() if wild.fullmatch(key) or wild.fullmatch(title)}


def _near(words: str, keys: Sequence[str]) -> str:
    """Names that may have been meant: those that have the words in them, or else those that are written alike."""
    if not keys:
        return "the plan has no case at all"
    names = [*dict.fromkeys(keys)]
    core = words.strip("*?")
    within = [key for key in names if core and core in key]
    if within:
        return f"'*{clean(core)}*' means {len(within):,}, such as {', '.join(map(clean, within[:_NEAR]))}"
    fragments: dict[str, str] = {}  # a part of a name, and the first name that has it
    for key in names:
        for part in (key, key.partition("/")[2], *re.split(r"[/:\[\]]", key)):
            fragments.setdefault(part, key)
    alike = [key for key in names if core and core.casefold() in key.casefold()]
    alike += [fragments[part] for part in difflib.get_close_matches(core, fragments, 2 * _NEAR)]
    near = dict.fromkeys(alike)
    some = ", ".join(map(clean, [*near][:_NEAR] or names[:_NEAR]))
    return f"near are {some}" if near else f"there are {len(names):,}, such as {some}"

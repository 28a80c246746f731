"""The verdicts of a ring over the plans of an upgrade, in the order in which they were judged: the newest first.

Within a plan they keep the order in which they were written, whatever their clocks said. An earlier plan may have been
judged again after a later one: what is of several plans is merged by its moment.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from compat.model import Status, Verdict
from compat.model.moments import moment
from compat.report.past import Line, Past, changed, failing, past

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from compat.way.past_verdicts import Reader

__all__ = ["Series"]

_MOST = 20  # verdicts of a ring that are shown
_AHEAD = 5  # earlier plans that are looked at besides those that fill the table: one may have been judged again


@dataclass(frozen=True)
class _Entry:
    """A verdict that was read: what is shown of it, its items, and when it takes its place among other plans'."""

    at: datetime.datetime
    past: Past
    items: Mapping[str, Status]


@dataclass
class _Stream:
    """The verdicts of one plan, the newest first. ``rank`` is the place of the plan: 0 the own, 1 the one before it."""

    rank: int
    entries: Iterator[_Entry | None]  # None: one that was not read
    head: _Entry | None = None  # the next one
    begun: bool = False  # whether one was taken
    lost: bool = False  # whether one was not read, between the one that was taken last and the next one

    def fill(self) -> None:
        """Read on to the next one, unless it is there."""
        while self.head is None:
            try:
                self.head = next(self.entries)
            except StopIteration:
                return
            self.lost |= self.head is None

    def between(self, chosen: _Stream) -> bool:
        """Whether one that was not read may lie before what was taken last, and after the next one of ``chosen``."""
        return self.lost and (self.begun or self is chosen or chosen.rank > self.rank)


@dataclass
class Series:
    """The verdicts of a ring, as they are read."""

    sentinels: frozenset[str]  # whose effects are kept
    kept: list[Past] = field(default_factory=list)
    torn: int = 0  # that could not be read
    unread: int = 0  # earlier plans that were not looked at, and may be of this upgrade
    stored: list[tuple[str, Verdict]] = field(default_factory=list)  # of the plan, all of them, without comparisons
    whole: bool = True  # whether all of the plan were read
    _there: int = 0  # verdicts of the plans that were looked at
    _streams: list[_Stream] = field(default_factory=list)

    @property
    def more(self) -> int:
        """How many that could be read are not shown."""
        return self._there - self.torn - len(self.kept)

    def own(self, reader: Reader, names: Sequence[str]) -> None:
        """Read all of the plan's: whether a ring is GO, and since when, rests on every one of them."""
        entries: list[_Entry | None] = []
        for name in reversed(names):
            found = self._read(reader, name)
            if found is None:
                self.whole = False
                entries.append(None)
                continue
            self.stored.append(found[:2])
            if len(entries) <= _MOST:
                entries.append(self._entry(*found))
        # A clock that was set back puts none of them behind those of earlier plans.
        latest = list(itertools.accumulate((moment(one.judged_at) for _, one in reversed(self.stored)), max))
        placed = (None if one is None else replace(one, at=latest.pop()) for one in entries)
        self._there += len(names)
        self._streams.append(_Stream(0, placed))

    def before(self, reader: Reader, plans: Iterable[tuple[str, Sequence[str]]], verdict: Verdict) -> None:
        """Take in those of earlier plans of the same upgrade, which come the newest first, until there are enough."""
        besides = 0
        for rank, (plan, names) in enumerate(plans, 1):
            besides += self._there > _MOST
            newest_first = list(reversed(names))
            other = None if besides > _AHEAD else reader.of_another(plan, newest_first, verdict)
            if other is None:
                self.unread += 1
                self._streams.append(_Stream(rank, iter(()), lost=True))
            elif not other:
                self._there += len(names)
                self._streams.append(_Stream(rank, self._entries(reader, newest_first)))
                self._streams[-1].fill()  # it was read for the answer: it is not kept for long
        self._merge(reader)

    def _entries(self, reader: Reader, names: Iterable[str]) -> Iterator[_Entry | None]:
        for name in names:
            found = self._read(reader, name)
            yield None if found is None else self._entry(*found)

    def _read(self, reader: Reader, name: str) -> tuple[str, Verdict, Sequence[Line]] | None:
        found = reader.read(name)
        self.torn += found is None and not reader.refused
        return found

    def _entry(self, name: str, verdict: Verdict, lines: Sequence[Line]) -> _Entry:
        return _Entry(moment(verdict.judged_at), past(verdict, lines, name, self.sentinels), failing(lines))

    def _merge(self, reader: Reader) -> None:
        """Keep the newest; the one after the last of them is read as well, for what the last one changed."""
        items: Mapping[str, Status] = {}
        while len(self.kept) < _MOST or (self.kept[-1].changed is None and not self.kept[-1].gap):
            for stream in self._streams:
                stream.fill()
            there = [(one.head.at, -one.rank, one.head, one) for one in self._streams if one.head]
            if not there:
                break
            *_, entry, chosen = max(there, key=lambda each: each[:2])
            if self.kept and any(stream.between(chosen) for stream in self._streams):
                self.kept[-1] = replace(self.kept[-1], gap=True)
            elif self.kept:
                said = changed(self.kept[-1], items, entry.past, entry.items)
                self.kept[-1] = replace(self.kept[-1], changed=said)
            for stream in self._streams:
                ended = stream.head is None and chosen.rank > stream.rank  # what it lost is older than its last one
                stream.lost &= not (ended or stream is chosen)
            chosen.begun, chosen.head, items = True, None, entry.items
            if len(self.kept) < _MOST:
                self.kept.append(entry.past)
        if self.kept and self.kept[-1].changed is None and not reader.refused:
            torn = any(stream.lost and stream.begun for stream in self._streams)
            self.kept[-1] = replace(self.kept[-1], gap=self.kept[-1].gap or torn)

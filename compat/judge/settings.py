"""How the nodes were set while the arms ran: what was not the same for both, and what changed under both alike.

The arms are compared pair by pair, on one node and its GPUs. Nodes may be set differently: each compares with itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compat.judge.text import plural
from compat.judge.traces import Trace
from compat.model import Arm, Identity, Place

__all__ = ["ABSENT", "SETTING", "Settings", "compare_settings"]

ABSENT = "absent"
SETTING = "setting "  # what a difference of this kind is called, and then the setting's name


@dataclass(frozen=True)
class Settings:
    """``differences`` are (what, known-good, candidate), sorted; ``changes`` say in words what changed in both."""

    differences: tuple[tuple[str, str, str], ...] = ()
    changes: tuple[str, ...] = ()


def compare_settings(evidence: Sequence[Trace], identities: Mapping[str, Identity]) -> Settings:
    """Compare the settings of one cell's evidence. A setting that was read in one arm only differs."""
    places: dict[Place, set[str]] = defaultdict(set)
    for record in evidence:
        places[record.place].add(record.identity)
    varying = {place for place, keys in places.items() if not _alike([identities[key].settings for key in keys])}
    if not varying:  # nearly always, and then that is all it costs
        return Settings()
    found: set[tuple[str, str, str]] = set()
    changed: dict[tuple[str, str], set[str]] = defaultdict(set)
    for place in varying:
        here = _Here([record for record in evidence if record.place == place], identities)
        for name in here.names:
            found |= {(f"{SETTING}{name}", good, new) for good, new in here.apart(name)}
            values = here.values(name, *Arm)
            if len(values) > 1 and not here.apart(name):
                changed[name, ", then ".join(values)].add(place.node)
    said = [f"{SETTING}{name} was {values} in both arms alike{_on(nodes)}" for (name, values), nodes in changed.items()]
    return Settings(tuple(sorted(found)), tuple(sorted(said)))


def _alike(settings: Sequence[Mapping[str, str]]) -> bool:
    return all(one == settings[0] for one in settings)


def _on(nodes: set[str]) -> str:
    return f" on {min(nodes)}" if len(nodes) == 1 else f" on {plural(len(nodes), 'node')}"


class _Here:
    """One node with the GPUs of a lane, whose settings were not always the same."""

    def __init__(self, evidence: Sequence[Trace], identities: Mapping[str, Identity]) -> None:
        self._settings = {record.identity: identities[record.identity].settings for record in evidence}
        self.names = sorted({name for settings in self._settings.values() for name in settings})
        self._first: dict[tuple[Arm, str], tuple[int, int]] = {}  # of an arm's identity: generation, pair
        pairs: dict[tuple[str, int], dict[Arm, str]] = defaultdict(dict)
        for record in evidence:
            pairs[record.item, record.pair][record.arm] = record.identity
            at = record.generation, record.pair
            key = record.arm, record.identity
            self._first[key] = min(at, self._first.get(key, at))
        self._pairs = {(arms[Arm.KNOWN_GOOD], arms[Arm.CANDIDATE]) for arms in pairs.values() if len(arms) == 2}

    def values(self, name: str, *arms: Arm) -> list[str]:
        """What a setting was in these arms, in the order in which it came to be that."""
        runs = sorted((at, self._value(key, name)) for (arm, key), at in self._first.items() if arm in arms)
        return list(dict.fromkeys(value for _, value in runs))

    def apart(self, name: str) -> list[tuple[str, str]]:
        """The values that the arms of a pair had and that differ; else all of both arms, if these are not the same."""
        pairs = {(self._value(good, name), self._value(new, name)) for good, new in self._pairs}
        apart = sorted((good, new) for good, new in pairs if good != new)
        if apart:
            return apart
        good, new = self.values(name, Arm.KNOWN_GOOD), self.values(name, Arm.CANDIDATE)
        return [(", then ".join(good), ", then ".join(new))] if good and new and set(good) != set(new) else []

    def _value(self, identity: str, name: str) -> str:
        return self._settings[identity].get(name, ABSENT)

"""The stored design over items: every place's sessions of the candidate against its sessions of the known-good arm.

A session is what one call of a run measured, and everything in it shares its hour. Sessions that begin soon after
another are one with it, and only that one counts. A session counts for a metric that it measured in a whole
round, with all sentinels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from compat.judge.legs import Leg, Row, bare, enter, limits_of
from compat.judge.plausible import moment
from compat.judge.stored import Session, stored
from compat.model import Phase, Place, Plan, Status

__all__ = ["by_sessions"]

_Key = tuple[Phase, str]  # a session: its phase, and when it began


def by_sessions(rows: Sequence[Row], sentinels: Sequence[Row], plan: Plan, measured: int) -> list[list[Leg]]:
    """The legs of each row: one for each upgraded place. ``measured`` share the ring's budget for REGRESS."""
    found: list[list[Leg]] = [[] for _ in rows]
    for place in sorted({one.place for row in rows for one in row.places}):
        _in_place(place, rows, sentinels, plan, measured, found)
    return found


def _in_place(
    place: Place, rows: Sequence[Row], sentinels: Sequence[Row], plan: Plan, measured: int, found: list[list[Leg]]
) -> None:
    # Sentinels that need no GPU ran on the node, and not in the place of one of its GPUs.
    watched = [_values(row, {place, Place(place.node)}) for row in sentinels]
    own = [_values(row, {place}) for row in rows]
    apart = _apart(_begun(rows, place), plan.policy.stored.apart)
    fresh_ones = {key for key in apart if key[0] is Phase.AFTER}
    alike: dict[tuple[_Key, ...], list[int]] = {}
    for number, values in enumerate(own):
        if values or any(one.place == place for one in rows[number].places):
            whole = tuple(key for key in apart if key in values and all(key in each for each in watched))
            alike.setdefault(whole, []).append(number)
    for keys, numbers in alike.items():
        if not any(phase is Phase.AFTER for phase, _ in keys):
            for number in numbers:
                why = "no session after the upgrade has a whole round of it and of all sentinels"
                found[number].append(bare(rows[number], (place,), Status.MISSING, why))
            continue
        if short := sorted(fresh_ones - set(keys)):  # which may be what was too slow to be finished
            for number in numbers:
                why = (
                    f"the session of {short[0][1]}, after the upgrade, is not a whole round of it and of all sentinels"
                )
                found[number].append(bare(rows[number], (place,), Status.MISSING, why))
            continue
        sessions = {
            key: Session(
                f"{key[0].value} {key[1]}",
                np.array([own[number][key] for number in numbers]),
                np.array([each[key] for each in watched]),
            )
            for key in keys
        }
        history, fresh = ([s for key, s in sessions.items() if (key[0] is Phase.AFTER) is new] for new in (False, True))
        some = [rows[number] for number in numbers]
        families = [row.metric.name for row in some]
        edges = stored(history, fresh, limits_of(some), plan.policy, measured, families)
        enter(edges, numbers, rows, found, [f"node {place}"] * len(numbers), [(place,)] * len(numbers))


def _begun(rows: Sequence[Row], place: Place) -> set[_Key]:
    """Every session of a place, whole or not."""
    return {key for row in rows for one in row.places if one.place == place for key in one.begun}


def _values(row: Row, where: set[Place]) -> Mapping[_Key, float]:
    """By session: the oriented log-median, the mean over its generations. Sessions with too few runs are left out."""
    return {key: value for one in row.places if one.place in where for key, value in one.sessions.items()}


def _apart(keys: set[_Key], seconds: float) -> list[_Key]:
    """The sessions in order, without those that began too soon after one of their phase that counts."""
    began = {key: moment(key[1]) for key in keys}
    kept: list[_Key] = []
    last = dict.fromkeys(Phase, float("-inf"))
    for key in sorted(keys, key=lambda key: (began[key] or 0.0, key)):
        start = began[key]
        if start is not None and start - last[key[0]] >= seconds:
            kept.append(key)
            last[key[0]] = start
    return kept

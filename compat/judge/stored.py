"""The stored design: sessions measured now against sessions that were stored.

A session shares its machine, its hour and its neighbours, so the session is the unit, no test rescues a comparison with
a single stored one, and several of one hour are one. With H stored sessions of which a measurement's values have the
deviation s, and C new ones, the difference of their means has the error s sqrt(1/H + 1/C) with H - 1 degrees of
freedom: a prediction interval (Hahn and Meeker 1991, *Statistical Intervals*, section 4.7).

How far the odd session lies is not known from twelve, and a single new one may be it: in simulation the test alone
gives two to seven times the false alarms that it should where sessions are t-distributed (five and three degrees of
freedom). So REGRESS also needs two new sessions or more, each of them worse than every stored one. That keeps the
level, and costs no more than three points of power where sessions are normal.

*Sentinels* are measurements of what the upgrade does not touch, taken in every session (for a driver upgrade on control
nodes). What they all have in common in a session is the session's and not the candidate's: their mean distance from
their own medians over the stored sessions is subtracted. A session is refused if the 95 % t-interval of that mean
leaves +-3 %: a machine that is so different is another machine.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from compat.judge.centre import Centres
from compat.judge.moderated import within_families
from compat.judge.path import Edges, Limits, refuse, weigh
from compat.judge.series import Floats
from compat.judge.text import percent, plural
from compat.model import Design, Policy, Status

__all__ = [
    "Session",
    "stored",
]


@dataclass(frozen=True)
class Session:
    """What one session measured: oriented log-medians (natural logarithm; greater is worse)."""

    name: str
    values: Floats  # (measurements,)
    sentinels: Floats  # (sentinels,)


def stored(
    history: Sequence[Session],
    candidate: Sequence[Session],
    limits: Limits,
    policy: Policy,
    measured: int,
    families: Sequence[str] = (),
) -> Edges:
    """Judge every measurement of the ``candidate``'s sessions (at least one) against the ``history``.

    ``measured``: sampled measurements that share the budget for REGRESS. ``families``: a label for each measurement,
    within which the variances between sessions are moderated. From 12 stored sessions on a measurement may pass, from 8
    on it may regress.
    """
    everything = [*history, *candidate]
    shapes = {(len(s.values), len(s.sentinels)) for s in everything}
    if len(shapes) != 1 or not candidate:
        raise ValueError(f"{len(candidate)} new sessions, {len(shapes)} different layouts of sessions, expected one")
    count, sentinels = shapes.pop()
    if wrong := _twice(everything):
        return refuse(Design.STORED, count, Status.INVALID, wrong)
    rules = policy.stored
    if sentinels < rules.sentinels:
        said = f"{plural(sentinels, 'sentinel')} a session, {rules.sentinels} are needed"
        return refuse(Design.STORED, count, Status.MISSING, said)
    whole = [s for s in history if np.isfinite(s.sentinels).all()]
    reference = np.median([s.sentinels for s in whole or candidate], axis=0)
    with np.errstate(invalid="ignore"):
        moved = {s.name: _moved(s.sentinels - reference) for s in everything}
    kept = [s for s in whole if _agrees(*moved[s.name], rules.limit)]
    for session in candidate:
        mean, half = moved[session.name]
        if not _agrees(mean, half, rules.limit):
            by = f"{percent(mean)} +- {percent(half)}" if math.isfinite(mean + half) else "what is not a number"
            said = f"the sentinels of session {session.name} moved by {by}, beyond {percent(rules.limit)}: refused"
            return refuse(Design.STORED, count, Status.INVALID, said)
    aside = f" ({len(history) - len(kept)} refused by their sentinels)" if len(kept) < len(history) else ""
    basis = f"{plural(len(candidate), 'session')} against {len(kept)} stored{aside}"
    if len(kept) < rules.regresses:
        said = f"{basis}: {rules.regresses} are needed to find a change, {rules.passes} to pass"
        return refuse(Design.STORED, count, Status.INCONCLUSIVE, said)
    with np.errstate(invalid="ignore"):
        old, new = (np.stack([s.values - moved[s.name][0] for s in group], axis=1) for group in (kept, candidate))
        variance, freedom = within_families(
            old.var(axis=1, ddof=1), np.full(count, len(kept) - 1), families or [""] * count
        )
        error = np.sqrt(variance * (1.0 / len(kept) + 1.0 / len(candidate)))
        found = Centres(new.mean(axis=1) - old.mean(axis=1), error, freedom, len(kept))
    no_pass, no_regress = {}, {}
    if len(kept) < rules.passes:
        no_pass = dict.fromkeys(range(count), f"{len(kept)} of the {rules.passes} stored sessions that may pass it")
    if len(candidate) < rules.fresh:
        no_regress = dict.fromkeys(range(count), "one new session may be the odd one: a second has to confirm it")
    elif len(mixed := np.flatnonzero(~(new.min(axis=1) > old.max(axis=1)))):
        no_regress = dict.fromkeys(map(int, mixed), "not every new session is worse than all stored ones")
    levels = (policy.pass_alpha, policy.regress_alpha / max(1, measured))
    level = old.mean(axis=1)
    return weigh(Design.STORED, basis, level, found, limits, policy, levels, no_pass=no_pass, no_regress=no_regress)


def _twice(sessions: Sequence[Session]) -> str:
    """Which session is there more than once, by its name or by its numbers; or nothing."""
    names = Counter(s.name for s in sessions)
    numbers: dict[bytes, str] = {}
    for session in sessions:
        if names[session.name] > 1:
            return f"session {session.name} is there {names[session.name]} times"
        text = np.concatenate([session.values, session.sentinels]).tobytes()
        if text in numbers:
            return f"session {session.name} is a copy of session {numbers[text]}"
        numbers[text] = session.name
    return ""


def _moved(distances: Floats) -> tuple[float, float]:
    """The mean of a session's sentinels, and half the width of its 95 % interval."""
    error = float(distances.std(ddof=1)) / math.sqrt(len(distances))
    return float(distances.mean()), float(special.stdtrit(len(distances) - 1, 0.975)) * error


def _agrees(mean: float, half: float, most: float) -> bool:
    limit = math.log1p(most)
    return -limit <= mean - half and mean + half <= limit

"""From the known-good point to the candidate over edges, each compared by its own design, and what they add up to.

An *edge* is how one point of the matrix compares with the one before it, whatever the design: paired, control, A-B-A or
stored. A candidate that cannot be paired with the known-good point directly (its runtime does not run on the old
driver) is reached over several. Their effects add up and, as the edges are measured apart, so do their variances; the
degrees of freedom of the sum are Welch's and Satterthwaite's. Edges that share the runs of the point between them are
less apart than the sum says, which errs to the safe side: those runs count with opposite signs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compat.judge.centre import Centre, Centres, almost_always
from compat.judge.moderated import whole
from compat.judge.outcome import Outcome
from compat.judge.rounds import Courses
from compat.judge.series import Floats, Integers
from compat.judge.text import change, percent, plural, quantity
from compat.model import FEWEST_UNITS, Design, Direction, Kind, Metric, MetricPolicy, Policy, Status

__all__ = [
    "Edge",
    "Edges",
    "Limits",
    "along",
    "in_words",
    "log_limits",
    "of_courses",
    "satterthwaite",
    "weigh",
]

Bools = NDArray[np.bool_]
Limits = MetricPolicy | tuple[Floats, Floats]  # of all measurements, or (margin, ignore) with a value for each

NO_VARIANCE = 1e-9  # a log ratio that no clock can tell from 0

_DECIDED = (Status.PASS, Status.REGRESS)
_NOT_FINITE = (Status.INVALID, "not every value is finite")
_NO_VARIANCE = (Status.INCONCLUSIVE, "without any variance nothing can be said")
_TENFOLD = math.log(10.0)


@dataclass(frozen=True)
class Edge:
    """What one measurement came to on one edge. Effects are oriented log ratios: positive is worse."""

    design: Design
    status: Status
    why: str  # what keeps it from a decision or is to be looked at; often nothing
    basis: str  # what it rests on, for the words: "8 upgraded and 8 control nodes"
    known_good: float  # oriented log-median before
    centre: Centre | None  # None where there is no estimate
    flagged: bool  # worse than nobody cares about, at ``flag_alpha``
    detectable: float | None  # the effect that would have been REGRESS in 99 of 100 cases


@dataclass(frozen=True)
class Edges:
    """The same of many measurements."""

    design: Design
    status: tuple[Status, ...]
    why: tuple[str, ...]
    basis: tuple[str, ...]
    known_good: Floats
    found: Centres  # no degrees of freedom where there is no estimate
    flagged: Bools
    detectable: Floats  # nan where there is no estimate

    def __len__(self) -> int:
        return len(self.status)

    def came_to(self, status: Status) -> Bools:
        """(measurements,) which of them have this status."""
        return np.array([one is status for one in self.status], dtype=bool)

    def take(self, rows: Sequence[int]) -> Edges:
        """Those of some measurements."""
        place = np.asarray(rows, dtype=int)
        return Edges(
            self.design,
            tuple(self.status[row] for row in rows),
            tuple(self.why[row] for row in rows),
            tuple(self.basis[row] for row in rows),
            self.known_good[place],
            Centres(self.found.effect[place], self.found.error[place], self.found.freedom[place], self.found.units),
            self.flagged[place],
            self.detectable[place],
        )

    def at(self, row: int) -> Edge:
        """That of one measurement."""
        found, centre, detectable = self.found, None, None
        if found.freedom[row] >= 1:
            effect, error = float(found.effect[row]), float(found.error[row])
            centre = Centre(effect, error, int(found.freedom[row]), found.units)
            detectable = None if np.isnan(self.detectable[row]) else float(self.detectable[row])
        return Edge(
            self.design,
            self.status[row],
            self.why[row],
            self.basis[row],
            float(self.known_good[row]),
            centre,
            bool(self.flagged[row]),
            detectable,
        )


def log_limits(limits: Limits, count: int) -> tuple[Floats, Floats]:
    """log(1 + margin) and log(1 + ignore), (measurements,) each."""
    margin, ignore = (limits.margin, limits.ignore) if isinstance(limits, MetricPolicy) else limits
    delta, nothing = (np.log1p(np.broadcast_to(np.asarray(each, dtype=float), count)) for each in (margin, ignore))
    return delta, nothing


def weigh(
    design: Design,
    basis: str | Sequence[str],
    known_good: Floats,
    found: Centres,
    limits: Limits,
    policy: Policy,
    levels: tuple[float, float],
    *,
    against: Centres | None = None,
    barred: Mapping[int, tuple[Status, str]] | None = None,
    no_pass: Mapping[int, str] | None = None,
    no_regress: Mapping[int, str] | None = None,
) -> Edges:
    """Decide every measurement at the ``levels`` of PASS and of REGRESS.

    PASS: "at least log(1 + margin)" is rejected. REGRESS: "at most log(1 + ignore)" is, by ``against`` (else by
    ``found``). By measurement, ``barred`` ones have a status, a reason and no estimate; ``no_pass`` and ``no_regress``
    say why one that would be it is INCONCLUSIVE instead. Without variance nothing is decided: such numbers were not
    measured apart from each other.
    """
    count, against = len(known_good), against or found
    delta, ignore = log_limits(limits, count)
    out = dict(barred or {})
    finite = np.isfinite(found.effect) & np.isfinite(found.error) & np.isfinite(against.error) & np.isfinite(known_good)
    same = finite & ~((found.error > NO_VARIANCE) & (against.error > NO_VARIANCE))
    for rows, one in ((~finite, _NOT_FINITE), (same, _NO_VARIANCE)):
        for place in map(int, np.flatnonzero(rows)):
            out.setdefault(place, one)
    able = np.ones(count, dtype=bool)
    able[list(out)] = False
    within = able & (found.p_within(delta) <= levels[0])
    p_worse = against.p_worse(ignore)
    worse = able & ~within & (p_worse <= levels[1])
    status, why = [Status.INCONCLUSIVE] * count, [""] * count
    for rows, decision, withheld in ((within, Status.PASS, no_pass), (worse, Status.REGRESS, no_regress)):
        for place in map(int, np.flatnonzero(rows)):
            if withheld is not None and place in withheld:
                why[place] = withheld[place]
            else:
                status[place] = decision
    for place, (instead, said) in out.items():
        status[place], why[place] = instead, said
    return Edges(
        design,
        tuple(status),
        tuple(why),
        (basis,) * count if isinstance(basis, str) else tuple(basis),
        known_good,
        Centres(found.effect, found.error, np.where(able, found.freedom, 0), found.units),
        able & (p_worse <= policy.flag_alpha),
        np.where(able, ignore + almost_always(against.freedom, levels[1]) * against.error, np.nan),
    )


def refuse(design: Design, count: int, status: Status, why: str) -> Edges:
    """Edges of so many measurements of which none can be judged, for the same reason."""
    empty = np.full(count, np.nan)
    found = Centres(empty, empty, np.zeros(count, dtype=int), 0)
    no = np.zeros(count, dtype=bool)
    return Edges(design, (status,) * count, (why,) * count, ("",) * count, empty, found, no, empty)


def of_courses(courses: Courses) -> Edges:
    """The edges of the paired design. A measurement that is still open is INCONCLUSIVE."""
    states = [courses.at(row) for row in range(len(courses.round))]
    nothing = Centre(math.nan, math.nan, 0, 0)
    centres = [state.centre or nothing for state in states]
    return Edges(
        Design.PAIRED,
        tuple(state.status or Status.INCONCLUSIVE for state in states),
        tuple("" if state.status else "more pairs are needed" for state in states),
        tuple(plural(state.pairs, "pair") for state in states),
        np.array([state.known_good for state in states], dtype=float),
        Centres(
            np.array([c.effect for c in centres], dtype=float),
            np.array([c.error for c in centres], dtype=float),
            np.array([c.freedom for c in centres], dtype=int),
            min((c.units for c in centres), default=0),
        ),
        np.array([state.flagged for state in states], dtype=bool),
        np.array([math.nan if state.detectable is None else state.detectable for state in states], dtype=float),
    )


def along(legs: Mapping[str, Edges | None], limits: Limits, policy: Policy, measured: int) -> Edges:
    """The sum over at least one edge, by name, in order; every one has the same measurements, and None was not run.

    A measurement's sum is judged if every edge of it was decided; else it is INCONCLUSIVE and says which edge was not.
    An edge that is worse is a regression by itself; the sum only says what the whole way comes to. ``measured``:
    measurements that share the budget for REGRESS, edges and sums alike. A paired edge stops when it has passed, and
    then looks better than it is, so the level is shared by its rounds here too. ValueError for nothing to add up.
    """
    there = {name: leg for name, leg in legs.items() if leg is not None}
    sizes = {len(leg) for leg in there.values()}
    if len(sizes) != 1:
        raise ValueError(f"edges of {len(sizes)} different sizes, expected one")
    count = sizes.pop()
    absent = [name for name in legs if name not in there]
    barred: dict[int, tuple[Status, str]] = {}
    for row in range(count):
        lacking = [f"edge {name} was not measured" for name in absent]
        lacking += [
            f"edge {name} ({leg.design.value}) is {leg.status[row].value}"
            for name, leg in there.items()
            if leg.status[row] not in _DECIDED or leg.found.freedom[row] < 1
        ]
        if lacking:
            barred[row] = (Status.INCONCLUSIVE, "the sum over its edges is not known: " + ", ".join(lacking))
    effects, errors, freedoms = (
        np.stack([np.asarray(getattr(leg.found, name), dtype=float) for leg in there.values()])
        for name in ("effect", "error", "freedom")
    )
    variances = np.square(errors)
    found = Centres(
        effects.sum(axis=0),
        np.sqrt(variances.sum(axis=0)),
        satterthwaite(variances, freedoms),
        max(FEWEST_UNITS, min(leg.found.units for leg in there.values())),
    )
    rounds = len(policy.rounds) if any(leg.design is Design.PAIRED for leg in there.values()) else 1
    levels = (policy.pass_alpha / rounds, policy.regress_alpha / max(1, rounds - 1) / max(1, measured))
    said = ", ".join(f"{name} {leg.design.value}" for name, leg in there.items())
    first = next(iter(there.values()))
    basis = f"{plural(len(there), 'edge')}: {said}"
    return weigh(Design.PATH, basis, first.known_good, found, limits, policy, levels, barred=barred)


def satterthwaite(variances: Any, freedoms: Any) -> Integers:
    """Degrees of freedom of a sum of variances (terms, measurements): (sum v)^2 / sum(v^2 / d), rounded down.

    Welch 1947, Satterthwaite 1946. Rounding down errs to the safe side; 0 where there is no variance.
    """
    variances, freedoms = np.asarray(variances, dtype=float), np.asarray(freedoms, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A tiny excess, so that sums that are whole but for rounding stay what they are.
        found = np.square(variances.sum(axis=0)) / (np.square(variances) / freedoms).sum(axis=0) * (1.0 + 1e-12)
    return whole(found)


def in_words(metric: Metric, edge: Edge, limits: MetricPolicy) -> Outcome:
    """What one measurement came to, with the numbers."""
    if edge.centre is None:
        said = f"{metric.name}: {edge.why or 'there is no estimate'}"
        return Outcome(metric.name, edge.status, said, Kind.SAMPLED, metric.unit)
    sign = 1.0 if metric.direction is Direction.LOWER else -1.0
    good = math.exp(sign * edge.known_good)
    new = good * math.exp(sign * edge.centre.effect)
    interval = edge.centre.interval()
    moved, span = change(edge.centre.effect, interval, metric.unit, metric.direction)
    said = (
        f"{metric.name} {moved} (95 % interval {span}, {edge.basis}), margin {percent(limits.margin)}: "
        f"{quantity(good, metric.unit)} -> {quantity(new, metric.unit)}{_remark(edge, limits)}"
    )
    limit = math.log1p(limits.margin)
    return Outcome(
        metric.name, edge.status, said, Kind.SAMPLED, metric.unit, good, new, edge.centre.effect, interval, limit
    )


def _remark(edge: Edge, limits: MetricPolicy) -> str:
    remarks = []
    if edge.status is Status.PASS and edge.flagged:
        remarks.append(f"worse than the {percent(limits.ignore)} that is ignored, within the margin")
    if edge.why:
        remarks.append(edge.why)
    if edge.status is Status.INCONCLUSIVE and edge.detectable is not None:
        far = edge.detectable >= _TENFOLD
        would = "not have found a tenfold change" if far else f"have found {percent(math.expm1(edge.detectable))}"
        remarks.append(f"would {would}")
    return "".join(f"; {remark}" for remark in remarks)

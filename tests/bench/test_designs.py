"""The designs other than the paired one: what so many nodes or sessions find, and how often they are wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from compat.judge.aba import aba
from compat.judge.centre import Centres, centres
from compat.judge.control import control, reach
from compat.judge.moderated import moderated
from compat.judge.path import Edges, along, of_courses
from compat.judge.rounds import courses
from compat.judge.series import Floats
from compat.judge.stored import stored
from compat.model import MetricPolicy, Policy, Status

from .designs import Tables, changes, draw, generations, sessions
from .noise import SHAPES
from .rings import upper_bound

SEED = 20261125
POLICY = Policy()
LIMITS = MetricPolicy()
MARGIN, IGNORED = math.log1p(LIMITS.margin), math.log1p(LIMITS.ignore)
MEASURED = (1, 100, 500, 2000)
RINGS = {1: 4000, 100: 150, 500: 60, 2000: 40}
STORED = 100  # measurements of a session
SLOW = 2000  # measurements that are slower, one in a ring each

Note = Callable[[str], None]


@pytest.fixture(scope="module")
def tables(request: pytest.FixtureRequest) -> Iterator[Tables]:
    found = Tables()
    yield found
    found.keep(request.config.rootpath / "out" / "bench" / "designs.md")


def share(found: Edges, status: Status) -> float:
    return float(found.came_to(status).mean())


def percents(*values: Any) -> list[str]:
    return [f"{float(f'{100.0 * float(value):.3g}') if value > 1e-5 else 0:g} %" for value in values]


def _control(groups: Sequence[Floats], measured: int, families: bool = False) -> Edges:
    upgraded, controls = groups
    labels = ["all"] * len(upgraded) if families else []
    return control(changes(upgraded, controls), LIMITS, POLICY, measured, labels)


def _groups(rng: np.random.Generator, count: int, nodes: int, deviation: float, shift: float = 0.0) -> list[Floats]:
    return [by + draw(rng, (count, nodes), deviation) for by in (shift, 0.0)]


def _rings(rng: np.random.Generator, measured: int, nodes: int, deviation: float) -> tuple[float, ...]:
    """Shares of rings in which nothing changed: NO-GO, its upper bound, GO, and GO with moderated variances."""
    rings = RINGS[measured]
    if measured == 1:
        whole = _control(_groups(rng, rings, nodes, deviation), 1)
        no_go, go, shrunk = int(whole.came_to(Status.REGRESS).sum()), share(whole, Status.PASS), math.nan
    else:
        drawn = [_groups(rng, measured, nodes, deviation) for _ in range(rings)]
        found = [_control(groups, measured) for groups in drawn]
        no_go = sum(Status.REGRESS in one.status for one in found)
        go = _all_passed(found)
        shrunk = _all_passed([_control(groups, measured, True) for groups in drawn[: rings // 2]])
    return no_go / rings, upper_bound(no_go, rings), go, shrunk


def _all_passed(found: Sequence[Edges]) -> float:
    return float(np.mean([one.came_to(Status.PASS).all() for one in found]))


def test_control_groups(note: Note, tables: Tables) -> None:
    rng = np.random.default_rng(SEED)
    rows = []
    for nodes in (4, 6, 8, 16):
        for deviation in (0.01, 0.02):
            for measured in MEASURED:
                no_go, bound, go, shrunk = _rings(rng, measured, nodes, deviation)
                power = [
                    share(_control(_groups(rng, SLOW, nodes, deviation, math.log1p(by)), measured), Status.REGRESS)
                    for by in (0.05, 0.10)
                ]
                known = reach(nodes, nodes, deviation, LIMITS, POLICY, measured)
                cells = percents(no_go, bound, go, known.go, *power, math.expm1(known.least))
                cells += [] if math.isnan(shrunk) else percents(shrunk)
                cells += [""] * (8 - len(cells))
                rows.append([f"{nodes}+{nodes}", f"{deviation:.0%}", str(measured), *cells])
    columns = ["nodes", "deviation", "measurements", "false NO-GO", "its upper bound", "GO", "GO foreseen", "5 % found"]
    columns += ["10 % found", "99 of 100 found", "GO, moderated"]
    tables.add("Control groups", "Rings in which nothing changed, and single slow measurements.", columns, rows)
    for row in rows:
        if row[1] == "1%" and row[2] in ("100", "500"):
            note(f"control {row[0]}, node deviation 1 %, {row[2]} measurements: {_said(columns[3:], row[3:])}")


def _said(columns: list[str], cells: list[str]) -> str:
    return ", ".join(f"{name} {cell}" for name, cell in zip(columns, cells, strict=True))


def test_welch_and_pooled(note: Note, tables: Tables) -> None:
    """Why REGRESS is by the pooled error and PASS by Welch's: both on the same data."""
    rng = np.random.default_rng(SEED)
    count, level = 200_000, POLICY.regress_alpha / 100
    rows = []
    for upgraded, controls in ((4, 4), (8, 8), (3, 9), (4, 12)):
        still = draw(rng, (count, controls), 0.01)
        same, unequal = (draw(rng, (count, upgraded), deviation) for deviation in (0.01, 0.02))
        cells = []
        for moved, sign, alpha in ((same, 1.0, level), (unequal, -1.0, POLICY.pass_alpha)):
            for equal in (True, False):
                p = stats.ttest_ind(sign * moved, sign * still, axis=1, equal_var=equal, alternative="greater").pvalue
                cells.append(f"{np.mean(np.asarray(p) <= alpha) / alpha:.2f}")
        rows.append([f"{upgraded}+{controls}", *cells])
    columns = ["nodes", "false REGRESS over its level, pooled", "Welch", "false PASS over its level, pooled", "Welch"]
    said = "REGRESS where nothing changed, at 0.04/100; PASS at the margin, the upgraded nodes vary twice as much."
    tables.add("Pooled or Welch", said, columns, rows)
    for row in rows:
        note(f"control {row[0]}: {_said(columns[1:], row[1:])}")


def test_one_slow_node(note: Note, tables: Tables) -> None:
    """One of eight upgraded nodes is slower in everything: how many measurements pass all the same."""
    rng = np.random.default_rng(SEED)
    rows = []
    for by in (0.0, 0.04, 0.06, 0.10):
        passed = []
        for measured in (100, 500):
            groups = _groups(rng, measured, 8, 0.01)
            groups[0][:, 0] += math.log1p(by)
            passed.append(share(_control(groups, measured), Status.PASS))
        rows.append([f"{by:.0%}", *percents(*passed)])
    columns = ["slower by", "PASS, 100 measurements", "PASS, 500 measurements"]
    tables.add("One slow node of eight", "Node deviation 1 %, 8+8 nodes.", columns, rows)
    note("control 8+8, one upgraded node 6 % slower: " + _said(columns[1:], rows[2][1:]))


def _aba(rng: np.random.Generator, count: int, deviation: float, shift: float, freedom: float, margin: float) -> Edges:
    phases = []
    for by in (0.0, shift, 0.0):
        common = rng.normal(0.0, deviation)  # of the node's session: the same in all measurements
        phases.append(generations(rng, common + draw(rng, (count,), deviation, freedom) + by))
    before, after, back = phases
    return aba(before, after, back, MetricPolicy(margin=margin), POLICY, count)


def test_a_b_a(note: Note, tables: Tables) -> None:
    rng = np.random.default_rng(SEED)
    rows = []
    for name, freedom in (("normal", math.inf), ("t, 5 degrees", 5.0)):
        for deviation in (0.01, 0.02, 0.04):
            for count, nodes in ((1, 600), (20, 300), (500, 60)):
                same = [_aba(rng, count, deviation, 0.0, freedom, 0.10) for _ in range(nodes)]
                alarms = sum(Status.REGRESS in one.status for one in same)
                passed = float(np.mean([share(one, Status.PASS) for one in same]))
                power = [
                    np.mean(
                        [
                            share(_aba(rng, count, deviation, math.log1p(by), freedom, 0.03), Status.REGRESS)
                            for _ in range(nodes // 6)
                        ]
                    )
                    for by in (0.05, 0.10, 0.15, 0.25, 0.50)
                ]
                cells = percents(alarms / nodes, upper_bound(alarms, nodes), *power, passed)
                rows.append([name, f"{deviation:.0%}", str(count), *cells])
    columns = ["sessions", "deviation", "measurements", "false NO-GO", "its upper bound"]
    columns += [*(f"{by} % found" for by in (5, 10, 15, 25, 50)), "PASS of margin 10 %"]
    said = "Deviation between sessions of one node: of each measurement, and as much of all in common."
    tables.add("A-B-A on one node", said, columns, rows)
    for row in rows:
        if row[1] == "2%":
            note(f"A-B-A, sessions {row[0]}, deviation 2 %, {row[2]} measurements: {_said(columns[3:], row[3:])}")


def _stored(
    rng: np.random.Generator, number: int, new: int, freedom: float, shift: float = 0.0
) -> tuple[Edges, Edges, Edges]:
    """A hundred measurements: as they are, moderated, and without what the sentinels say."""
    old = sessions(rng, number, STORED, "old", freedom=freedom)
    now = sessions(rng, new, STORED, "new", shift, freedom=freedom)
    unseen, blind = ([replace(one, sentinels=np.zeros(3)) for one in group] for group in (old, now))
    return (
        stored(old, now, LIMITS, POLICY, STORED),
        stored(old, now, LIMITS, POLICY, STORED, ["all"] * STORED),
        stored(unseen, blind, LIMITS, POLICY, STORED),
    )


def test_stored_sessions(note: Note, tables: Tables) -> None:
    rng = np.random.default_rng(SEED)
    rows = []
    rings = 60
    for name, freedom in (("normal", math.inf), ("t, 5 degrees", 5.0)):
        for number in (8, 12, 20, 40):
            for new in (1, 2, 4):
                drawn = [_stored(rng, number, new, freedom) for _ in range(rings)]
                same = [one for one in drawn if Status.INVALID not in one[0].status]
                alarms = sum(Status.REGRESS in one[0].status for one in same)
                go = [_all_passed([one[way] for one in same]) for way in (0, 1)]
                passed = [np.mean([share(one[way], Status.PASS) for one in same]) for way in (0, 2)]
                power = []
                for by in (0.05, 0.10):
                    slow = [_stored(rng, number, new, freedom, math.log1p(by))[0] for _ in range(15)]
                    power.append(
                        np.mean([share(one, Status.REGRESS) for one in slow if Status.INVALID not in one.status])
                    )
                shares = 1.0 - len(same) / rings, alarms / len(same), upper_bound(alarms, len(same))
                rows.append([name, str(number), str(new), *percents(*shares, *power, *passed, *go)])
    columns = ["sessions", "stored", "new", "refused", "false NO-GO", "its upper bound", "5 % found", "10 % found"]
    columns += ["PASS", "PASS, session not subtracted", "GO", "GO, moderated"]
    said = (
        f"{STORED} measurements. Everything in a session has an effect of 1 % in common, 8 sentinels too; each "
        "measurement has 1 % of its own. Refused: a new session's sentinels leave +-3 %."
    )
    tables.add("Stored sessions", said, columns, rows)
    for row in rows:
        if row[0] == "normal" and row[2] != "1":
            note(f"stored, {row[2]} new sessions against {row[1]}: {_said(columns[3:], row[3:])}")


def _paired(rng: np.random.Generator, count: int, shift: float, measured: int) -> Edges:
    rings = np.zeros(count, dtype=int)
    per, slower = POLICY.pairs_per_generation, np.full(count, shift)
    drawn = [SHAPES["plain"].draw(rng, rings, 0.02, n, size, per, slower) for n, size in enumerate(POLICY.rounds, 1)]
    series = drawn[0]
    for one in drawn[1:]:
        series = type(series)(
            np.concatenate([series.known_good, one.known_good], axis=1),
            np.concatenate([series.candidate, one.candidate], axis=1),
            np.concatenate([series.rounds, one.rounds]),
            np.concatenate([series.generations, one.generations]),
        )
    return of_courses(courses(series, LIMITS, POLICY, measured))


def test_path_of_two_edges(note: Note, tables: Tables) -> None:
    rng = np.random.default_rng(SEED)
    count = 1500
    rows = []
    for second in ("paired", "control 8+8"):
        for measured in (1, 100):
            cells = []
            for total, status in ((0.0, Status.PASS), (MARGIN, Status.PASS), (IGNORED, Status.REGRESS)):
                cells.append(share(_path(rng, count, total, measured, second), status))
            cells += [
                share(_path(rng, count, math.log1p(by), measured, second), Status.REGRESS) for by in (0.03, 0.05, 0.10)
            ]
            rows.append([f"paired, {second}", str(measured), *percents(*cells)])
    columns = ["edges", "measurements", "unchanged: PASS", "3 %: PASS", "1 %: REGRESS"]
    columns += ["3 %: REGRESS", "5 %: REGRESS", "10 %: REGRESS"]
    tables.add(
        "A path of two edges", "Half of the change on each edge; pair deviation 2 %, node deviation 1 %.", columns, rows
    )
    for row in rows:
        note(f"path {row[0]}, {row[1]} measurements: {_said(columns[2:], row[2:])}")


def _path(rng: np.random.Generator, count: int, total: float, measured: int, second: str) -> Edges:
    first = _paired(rng, count, total / 2.0, measured)
    if second == "paired":
        other = _paired(rng, count, total / 2.0, measured)
    else:
        other = _control(_groups(rng, count, 8, 0.01, total / 2.0), measured)
    return along({"first": first, "second": other}, LIMITS, POLICY, measured)


def test_moderated_against_plain(note: Note, tables: Tables) -> None:
    """Round 1 of the paired design: a trimmed mean of ten pairs, five degrees of freedom."""
    rng = np.random.default_rng(SEED)
    members, families = 100, 1000
    size = (families, members)
    deviations = {
        "alike": np.full(size, 0.02),
        "scattered, d0 = 4": 0.02 * np.sqrt(4.0 / rng.chisquare(4.0, size)),
        "one in twenty thrice as noisy": np.where(rng.random(size) < 0.05, 0.06, 0.02),
    }
    level = POLICY.regress_alpha / (len(POLICY.rounds) - 1) / members
    within = POLICY.pass_alpha / len(POLICY.rounds)
    rows = []
    for name, deviation in deviations.items():
        found: dict[str, list[list[float]]] = {"plain": [], "moderated": []}
        for family in deviation:
            values = rng.normal(0.0, 1.0, (members, 10)) * family[:, None]
            for label, shown in (
                ("plain", centres(values)),
                ("moderated", moderated(centres(values), ["one"] * members)),
            ):
                found[label].append(_claims(shown, within, level))
        for label, each in found.items():
            unchanged, margin, ignored, slow5, slow10 = np.mean(each, axis=0)
            cells = [*percents(unchanged), f"{margin / within:.2f}", f"{ignored / level:.2f}", *percents(slow5, slow10)]
            rows.append([name, label, *cells])
    columns = ["deviations", "t", "unchanged: PASS", "3 %: PASS over its level", "1 %: REGRESS over its level"]
    columns += ["5 % found", "10 % found"]
    said = "A hundred members of a family, ten pairs each, a deviation of 2 %; the level of REGRESS is 0.04/4/100."
    tables.add("Moderated t", said, columns, rows)
    for row in rows:
        note(f"{row[1]} t, deviations {row[0]}: {_said(columns[2:], row[2:])}")


def _claims(shown: Centres, within: float, worse: float) -> list[float]:
    """Shares: PASS if unchanged and at the margin; REGRESS at what is ignored, at 5 and at 10 %."""

    def at(effect: float) -> Centres:
        return Centres(shown.effect + effect, shown.error, shown.freedom, shown.units)

    margin, ignored = (np.full(len(shown.effect), limit) for limit in (MARGIN, IGNORED))
    passed = [float(np.mean(at(effect).p_within(margin) <= within)) for effect in (0.0, MARGIN)]
    slow = (IGNORED, math.log(1.05), math.log(1.10))
    return passed + [float(np.mean(at(effect).p_worse(ignored) <= worse)) for effect in slow]

"""What the product made of real work: statuses from its verdict, and the noise of the pairs that it judged."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compat.judge.admit import in_pairs
from compat.judge.budget import measured
from compat.judge.points import points
from compat.judge.rounds import courses
from compat.judge.series import Floats, Integers, Series
from compat.model import Evidence, Status, Verdict, digest
from compat.way import Job, open_store

__all__ = ["Deviation", "RealCase", "deviation", "in_words", "real_cases", "share", "table"]

_LARGE = 2_000  # measurements of a large ring: each has less of the budget for REGRESS
_STATUSES = (Status.PASS, Status.REGRESS, Status.INCONCLUSIVE)
_WITHIN = 2  # percent: between what nobody cares about and what must not pass, so no status of it is wrong


@dataclass(frozen=True)
class RealCase:
    """The latency of one case, judged. Effects are log ratios: positive is slower."""

    work: str
    percent: int  # of work planted
    status: Status
    reason: str
    effect: float  # over all complete rounds; nan where there is none
    detectable: float  # what the last complete round would have found in 99 of 100 cases; nan as well
    spent: bool  # it is open because the ring's budget was spent
    regress_in_large: bool  # in a ring of 2,000 measurements the same pairs would be REGRESS too
    differences: Floats  # (pairs,) in the order of the rounds
    generations: Integers  # (pairs,)
    known_good: float  # seconds a call, the median of the processes' medians


@dataclass(frozen=True)
class Deviation:
    """Standard deviations of the difference of a pair (a log ratio), of cases that do the same work."""

    pair: float
    robust: float  # 1.4826 times the median absolute deviation: without the outliers
    generation: float  # what pairs of one generation have in common; nan where one case is alone

    def __str__(self) -> str:
        shared = "" if math.isnan(self.generation) else f", {self.generation:.1%} of it shared by a generation"
        return f"pair deviation {self.pair:.1%} ({self.robust:.1%} without outliers){shared}"


def real_cases(job: Job, verdict: Verdict) -> list[RealCase]:
    """The latency of every case of the job, as its verdict has it."""
    plan, policy = job.plan, job.plan.policy
    budget = measured(plan, plan.ring(job.ring))
    by_item: dict[str, list[Evidence]] = {item.key: [] for item in job.items}
    for evidence in open_store(job.folder).evidence(digest(plan)):
        by_item[evidence.item].append(evidence)
    judged = {c.item: c for c in verdict.comparisons if c.metric == "latency"}
    found = []
    for item in job.items:
        metric = next(metric for metric in item.case.metrics if metric.name == "latency")
        pairs, problems = in_pairs(by_item[item.key])
        taken = points(metric, pairs)
        assert taken, f"{item.key} was not measured: {problems}"
        series, limits = Series.of([taken]), policy.metric(metric.name)
        state = courses(series, limits, policy, budget).at(0)
        large = courses(series, limits, policy, _LARGE).at(0)
        comparison = judged[item.key]
        found.append(
            RealCase(
                work=item.case.workload.partition("real_")[2],
                percent=item.case.params["more"],
                status=comparison.status,
                reason=f"{item.case.workload}[{item.case.id}] {comparison.reason}",
                effect=math.nan if state.centre is None else state.centre.effect,
                detectable=math.nan if state.detectable is None else state.detectable,
                spent=state.status is None,
                regress_in_large=large.status is Status.REGRESS,
                differences=(series.candidate - series.known_good)[0],
                generations=series.generations,
                known_good=math.exp(float(np.median(series.known_good))),
            )
        )
    return found


def share(found: Sequence[RealCase], status: Status) -> float:
    """Which share of them came to this status."""
    return sum(each.status is status for each in found) / len(found)


def in_words(found: Sequence[RealCase]) -> str:
    """Statuses, pairs and effects of some cases."""
    said = [
        ", ".join(f"{status.value.upper()} {share(found, status):.0%}" for status in _STATUSES) + f" of {len(found)}"
    ]
    said.append(f"{np.mean([len(each.differences) for each in found]):.0f} pairs each")
    if effects := [math.expm1(each.effect) for each in found if not math.isnan(each.effect)]:
        span = f" ({min(effects):+.1%} to {max(effects):+.1%})" if len(effects) > 1 else ""
        said.append(f"effect seen {np.mean(effects):+.1%}{span}")
    still = [each for each in found if each.status is Status.INCONCLUSIVE]
    if least := [math.expm1(each.detectable) for each in still if not math.isnan(each.detectable)]:
        said.append(f"the inconclusive ones would have found {min(least):.1%} to {max(least):.1%}")
    if spent := sum(each.spent for each in still):
        said.append(f"{spent} of them open because the budget was spent")
    return ", ".join(said)


def deviation(found: Sequence[RealCase]) -> Deviation:
    """The noise of the pairs of one work, each case about its own mean.

    ``generation`` is by the method of moments, from the generations in which every case was measured: the mean of k
    cases varies by what they share and by a k-th of what is a pair's own. An estimate below zero is given as zero.
    """
    apart = np.concatenate([each.differences - each.differences.mean() for each in found])
    robust = np.concatenate([each.differences - np.median(each.differences) for each in found])
    return Deviation(
        pair=float(np.sqrt((apart**2).sum() / max(1, len(apart) - len(found)))),
        robust=1.4826 * float(np.median(np.abs(robust))),
        generation=_shared(found),
    )


def _shared(found: Sequence[RealCase]) -> float:
    common = sorted(set.intersection(*({int(g) for g in each.generations} for each in found)))
    if len(found) < 2 or len(common) < 2:
        return math.nan
    grid = np.array([[each.differences[each.generations == g].mean() for g in common] for each in found])
    grid -= grid.mean(axis=1, keepdims=True)
    cases, generations = grid.shape
    means = grid.mean(axis=0)
    own = ((grid - means) ** 2).sum() / ((cases - 1) * (generations - 1))
    return math.sqrt(max(0.0, float((means**2).sum() / (generations - 1) - own / cases)))


def table(found: Sequence[RealCase]) -> str:
    """Markdown: a line for each work and percentage, then the reasons of what should have come to something else."""
    heads = ("work", "ms a call", "planted", "cases", *(status.value.upper() for status in _STATUSES), "pairs each")
    heads += ("effect seen", "pair deviation", "without outliers", "shared by a generation")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for work, percent in sorted({(each.work, each.percent) for each in found}):
        own = [each for each in found if (each.work, each.percent) == (work, percent)]
        counts, noise = Counter(each.status for each in own), deviation(own)
        cells = [work, f"{np.median([each.known_good for each in own]) * 1e3:.2f}", f"{percent} %", str(len(own))]
        cells += [str(counts[status]) for status in _STATUSES]
        cells += [f"{np.mean([len(each.differences) for each in own]):.0f}"]
        cells += [f"{math.expm1(float(np.mean([each.effect for each in own]))):+.2%}"]
        cells += [f"{noise.pair:.2%}", f"{noise.robust:.2%}"]
        cells += ["" if math.isnan(noise.generation) else f"{noise.generation:.2%}"]
        lines.append(f"| {' | '.join(cells)} |")
    judged = [each for each in found if each.percent != _WITHIN]
    odd = [each for each in judged if each.status is not (Status.REGRESS if each.percent else Status.PASS)]
    return "\n".join([*lines, "", *(f"- {each.status.value.upper()}: {each.reason}" for each in odd), ""])

"""The parts of a report's view: frozen, every number already in words, so that a format only lays them out."""

from __future__ import annotations

from dataclasses import dataclass

from compat.model import Status
from compat.report.case_parts import AotTable, Course, HealthLine, PairTable, Spread, WorstTable
from compat.report.text import NOTHING

__all__ = [
    "Change",
    "ClosenessView",
    "Difference",
    "EffectPlot",
    "FaultView",
    "HeatColumn",
    "HeatMap",
    "HeatRow",
    "HeatSpot",
    "ItemView",
    "Lane",
    "Missing",
    "Observed",
    "Pair",
    "Plot",
    "Reason",
    "Row",
    "Series",
    "Tally",
]


@dataclass(frozen=True)
class Change:
    """An axis or a component with its value on both sides."""

    what: str
    known_good: str
    candidate: str


@dataclass(frozen=True)
class Difference:
    """A difference between what the arms really were; an undeclared one was not asked for."""

    what: str
    known_good: str
    candidate: str
    declared: bool


@dataclass(frozen=True)
class Reason:
    """A reason of the verdict: ``place`` and ``text`` together, in full. ``anchor`` is the item of ``place``."""

    place: str  # empty where the reason is about the ring, not about an item
    text: str
    anchor: str

    @property
    def full(self) -> str:
        """The reason as the verdict has it."""
        return self.place + self.text


@dataclass(frozen=True)
class Tally:
    """How many comparisons came to a status, and how many of those the verdict rests on."""

    status: Status
    count: int
    required: int


@dataclass(frozen=True)
class Missing:
    """Something that was not measured. A blocking one keeps the ring from GO."""

    what: str
    reason: str
    blocking: bool


@dataclass(frozen=True)
class HeatColumn:
    """A stack, or a metric of the only stack: a column of the heat map. The ring rests on a required one."""

    name: str
    required: bool


@dataclass(frozen=True)
class HeatSpot:
    """The worst status of a workload in a column, how many of its comparisons have it, and of how many."""

    status: Status | None
    count: int
    total: int
    anchor: str


@dataclass(frozen=True)
class HeatRow:
    """A workload: a row of the heat map, one spot per column."""

    workload: str
    spots: tuple[HeatSpot, ...]


@dataclass(frozen=True)
class HeatMap:
    """Workloads by stacks, for one value of each other axis: ``name`` says which; empty: it is the only map."""

    name: str
    across: str  # the axis of the columns; empty where they are not one axis's values
    columns: tuple[HeatColumn, ...]
    rows: tuple[HeatRow, ...]


@dataclass(frozen=True)
class Row:
    """A comparison, in words. ``interval`` is of the change; for sampled metrics + is always worse."""

    metric: str
    status: Status
    required: bool
    reason: str
    known_good: str
    candidate: str
    change: str
    interval: str
    limit: str
    pairs: int

    @property
    def said(self) -> str:
        """The reason, where the other columns do not say it: what passed with an interval is all in them."""
        return "" if self.status is Status.PASS and self.interval != NOTHING else self.reason


@dataclass(frozen=True)
class Lane:
    """One arm's medians on a plot. ``dots`` is the data of an SVG path; positions are in the plot's units."""

    label: str
    dots: str
    center: float
    median: str
    count: int


@dataclass(frozen=True)
class EffectPlot:
    """Each pair's change: dots, the line of no change, the margin, the judged effect and its interval."""

    dots: str
    zero: float
    margin: float
    margin_label: str
    low: float | None
    high: float | None
    effect: float | None
    label: str


@dataclass(frozen=True)
class Plot:
    """The medians of a metric, process by process, in both arms."""

    metric: str
    label: str
    lanes: tuple[Lane, ...]
    low: str
    high: str
    effect: EffectPlot | None
    omitted: int  # medians that are not finite: counted, never drawn


@dataclass(frozen=True)
class Pair:
    """The medians of one pair, in the metric's unit; None where an arm gave none."""

    node: str
    gpu: str  # UUID; empty where the case needs none
    round: int
    generation: int
    pair: int
    known_good: float | None
    candidate: float | None


@dataclass(frozen=True)
class Series:
    """A judged metric as it was measured, pair by pair: the numbers behind a plot."""

    metric: str
    unit: str
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class FaultView:
    """A fault as often as it was seen in one arm."""

    arm: str
    kind: str
    stage: str
    signal: str
    detail: str
    output: str
    times: int
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class ClosenessView:
    """How far one arm's output is from its reference, in words."""

    output: str
    arm: str
    elements: str
    max_error: str
    relative_l2: str
    ulps: str
    cosine: str
    wrong: str  # elements that must be exact and are not, or that are not finite


@dataclass(frozen=True)
class Observed:
    """A metric that was measured and not judged: the median over the processes of each arm."""

    metric: str
    known_good: str
    candidate: str
    change: str  # of the candidate's median, relative to the known-good's; + is more, whichever way is better


@dataclass(frozen=True)
class ItemView:
    """An item: its comparisons, worst first, with the evidence they rest on."""

    key: str
    anchor: str
    title: str
    workload: str
    case: str
    cell: str
    axes: tuple[Change, ...]  # of the cell's stacks; none where the plan does not know the cell
    tier: str
    status: Status
    required: bool
    headline: str
    rows: tuple[Row, ...]
    versions: tuple[Change, ...]
    series: tuple[Series, ...]  # by metric
    plots: tuple[Plot, ...]
    courses: tuple[Course, ...]
    spreads: tuple[Spread, ...]
    pairs: PairTable | None  # only of what is no pass
    aot: AotTable | None  # only of what was compiled ahead of time
    worst: tuple[WorstTable, ...]  # of outputs that are no pass, for the first such items of a report
    health: tuple[HealthLine, ...]
    closeness: tuple[ClosenessView, ...]
    observed: tuple[Observed, ...]
    seconds: float  # that all of its runs took together
    took: tuple[Change, ...]  # which path the case took in each arm
    faults: tuple[FaultView, ...]
    notes: tuple[str, ...]
    repeat: str  # the command; empty for what is no item of the plan: the state of a cell
    numbers: str  # the command that prints its pairs as numbers; empty where it has none

    @property
    def brief(self) -> bool:
        """Whether all of it passed: of what nobody has to look into, the page shows each thing once."""
        return all(row.status is Status.PASS for row in self.rows)

    @property
    def hint(self) -> str:
        """Why it is no pass; of one that passed, what is shown only and did not."""
        if self.status is not Status.PASS:
            return self.headline
        return next((f"shown only: {row.reason}" for row in self.rows if row.status is not Status.PASS), "")

    @property
    def figures(self) -> str:
        """All of it in one line: each metric with both values and the change, and the reason of what is no pass."""
        return "; ".join(map(_figure, self.rows))


def _figure(row: Row) -> str:
    if row.status is not Status.PASS:
        return f"{row.status.value}: {row.reason}"
    if row.known_good == row.candidate:
        return row.metric if row.known_good == NOTHING else f"{row.metric} {row.known_good}"
    change = "" if row.change == NOTHING else f" ({row.change})"
    return f"{row.metric} {row.known_good} → {row.candidate}{change}"

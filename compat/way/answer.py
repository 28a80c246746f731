"""A gate's answer with all that whoever acts on it needs: judged anew, or by stored verdicts alone."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import compat
from compat.model import digest
from compat.way.gate import gate, judge_before, stored_gate
from compat.way.options import ring_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from compat.gate.answer import Answer
    from compat.gate.standing import Stand
    from compat.model import Plan, Verdict
    from compat.store import Store
    from compat.store.place import Where
    from compat.way.gate import Trust

__all__ = ["answer", "answer_of"]


def answer(
    store: Store,
    ring: str | None = None,
    plan: str | None = None,
    waivers: Path | None = None,
    calibration: Where | None = None,
    entering: bool = False,
    stored: bool = False,
    trust: Trust | None = None,
    returnable: bool = False,
) -> Answer:
    """What the gate of a ring says. ``entering`` asks what is before the ring alone, which is judged anew.

    What is asked of ``stored`` verdicts alone judges nothing and writes nothing. Whoever trusts keys and
    asks for a stored verdict asks for one that is signed. ``returnable``: nothing is GO whose known-good stack cannot
    be had any more.
    """
    from compat.gate.standing import held
    from compat.report.formats.markdown import render_markdown

    chosen = store.plan(plan)
    report: Callable[[int], str] | None = None
    if entering or stored:
        if not stored:
            judge_before(store, chosen, ring_of(chosen, ring), waivers, calibration)
        stand = stored_gate(store, ring, digest(chosen), trust, sealed=stored and trust is not None)
    else:
        gated = gate(store, ring, digest(chosen), waivers, calibration, trust)
        stand, view = gated.stand, gated.concluded.view
        report = lambda room: render_markdown(view, room)  # noqa: E731 - it has the view
    if returnable:
        stand = held(stand, _gone(store, digest(chosen)))
    hostnames = store.hostnames()
    return answer_of(chosen, digest(chosen), stand, stand.verdict, hostnames, entering, report)


def _gone(store: Store, plan: str) -> tuple[str, ...]:
    """The parts of the known-good stack that cannot be had any more, or of which nobody knows."""
    from compat.way.back import can_be_had, plan_back
    from compat.way.options import Options

    parts = can_be_had(plan_back(store, plan), Options().cache_folder())
    return tuple(f"the way back: {part.what}: {part.said}" for part in parts if not part.good)


def answer_of(
    plan: Plan,
    name: str,
    stand: Stand,
    verdict: Verdict | None,
    hostnames: Mapping[str, str],
    entering: bool = False,
    report: Callable[[int], str] | None = None,
) -> Answer:
    """The answer that a stand comes to. ``verdict`` is the ring's newest, with its comparisons."""
    from compat.gate.answer import Answer, counts, worse

    return Answer(
        stand,
        plan.name,
        plan.matrix_digest,
        name,
        datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        compat.__version__,
        entering,
        tuple(sorted({hostnames.get(node, node) for node in verdict.nodes})) if verdict else (),
        worse(verdict),
        counts(verdict),
        report,
    )

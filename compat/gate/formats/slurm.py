"""An answer for Slurm: the commands that drain the nodes of a ring which is NO-GO. Nothing is drained for a HOLD.

``scontrol update`` wants a reason with the state DRAIN. It expands lists in a node's name (``n[1-3]``, ``a,b``; man
scontrol), so a name is only taken as it is where it has nothing that would be one. A command a node: one that Slurm
does not know is no reason to leave the others in use.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from compat.escape import clean
from compat.gate.answer import Answer
from compat.gate.formats import GateFormat, Part, Wanted
from compat.model import Decision

__all__ = ["FORMAT", "drain_commands"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST = 200  # characters of a reason: sinfo shows a few of them


def _parts(answer: Answer, wanted: Wanted) -> Sequence[Part]:
    lines = [f"# {clean(answer.line)}", *map(shlex.join, drain_commands(answer))]
    if answer.decision is not Decision.NO_GO:
        lines.append("# nothing to drain: only the nodes of a ring that is NO-GO are")
    odd = [host for host in answer.hosts if answer.decision is Decision.NO_GO and not _NAME.fullmatch(host)]
    remedy = "drain it yourself, and measure it under the name that Slurm has for it (COMPAT_NODE)"
    return (
        Part("".join(f"{line}\n" for line in lines), wanted.output),
        *(
            Part(f"compat: node {host!a} is not drained: Slurm has no such names; {remedy}\n", error=True)
            for host in odd
        ),
    )


def drain_commands(answer: Answer) -> list[list[str]]:
    """The commands, as lists of words: of each node that has a name as Slurm's are."""
    if answer.decision is not Decision.NO_GO:
        return []
    why = f"compat: NO-GO for {answer.matrix}, ring {answer.stand.ring}, verdict {answer.stand.digest[:12]}"
    reason = clean(why).replace("\n", " ")[:_LONGEST]
    return [
        ["scontrol", "update", f"NodeName={host}", "State=DRAIN", f"Reason={reason}"]
        for host in answer.hosts
        if _NAME.fullmatch(host)
    ]


FORMAT = GateFormat("slurm", "the commands that drain the nodes of a ring that is NO-GO", _parts)

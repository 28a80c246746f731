"""An answer for a job of GitLab CI: a metrics report and a dotenv report. The job's exit code does the rest.

``artifacts:reports:metrics`` takes OpenMetrics text. ``artifacts:reports:dotenv`` takes one variable a line, without
quotes, comments, empty lines, spaces or newlines in a value, 5 KB at most (docs.gitlab.com, "CI/CD artifacts reports
types"); so a character that a value may not have is written as ``%20``.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence
from pathlib import Path

from compat.errors import UsageError
from compat.escape import clean
from compat.gate import exit_code
from compat.gate.answer import Answer
from compat.gate.formats import GateFormat, Part, Wanted
from compat.gate.metrics import answer_gauges, metrics_text

__all__ = ["FORMAT"]

_METRICS = Path("gate.txt")
_KEPT = "-_.:+/"


def _parts(answer: Answer, wanted: Wanted) -> Sequence[Part]:
    metrics = wanted.output or _METRICS
    variables = metrics.with_suffix(".env")
    if variables == metrics:
        raise UsageError(
            "output", f"{metrics} is where the variables go", "name a file with another ending, for metrics"
        )
    return (
        Part(f"{clean(answer.line)}\n"),
        Part(metrics_text(answer_gauges(answer)), metrics),
        Part(_variables(answer), variables),
    )


def _variables(answer: Answer) -> str:
    values = {
        "DECISION": answer.decision.value,
        "EXIT_CODE": str(exit_code(answer.decision)),
        "MATRIX": answer.matrix,
        "RING": answer.stand.ring,
        **{f"{name.upper()}_DIGEST": value for name, value in answer.document()["digests"].items() if value},
    }
    return "".join(f"COMPAT_{name}={urllib.parse.quote(value, safe=_KEPT)}\n" for name, value in values.items())


FORMAT = GateFormat("gitlab", "gate.txt and gate.env: a metrics report and a dotenv report of GitLab CI", _parts)

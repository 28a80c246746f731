"""An answer as a JSON document, by the published schema ``reports/gate.schema.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence

from compat.gate.answer import Answer
from compat.gate.formats import GateFormat, Part, Wanted

__all__ = ["FORMAT"]


def _parts(answer: Answer, wanted: Wanted) -> Sequence[Part]:
    return (Part(json.dumps(answer.document(), indent=2, ensure_ascii=True, allow_nan=False) + "\n", wanted.output),)


FORMAT = GateFormat("json", "a document with a schema version", _parts)

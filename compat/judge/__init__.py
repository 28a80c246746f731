"""From evidence to comparisons to a verdict: pure functions, without I/O and without a clock.

``judge`` says GO, NO-GO or HOLD for a ring; ``wanted`` and ``wanted_by_groups`` say how many pairs are still needed.
All fail closed: what is missing, contradictory or not what was asked for is never GO. Importing this package imports
neither numpy nor scipy; they come with the first call.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compat.judge.budget import strictest
    from compat.judge.calibration import calibrated, spreads
    from compat.judge.ring import judge
    from compat.judge.sampling import Wanted, wanted, wanted_by_groups, wanted_in_phase

__all__ = [
    "Wanted",
    "calibrated",
    "judge",
    "spreads",
    "strictest",
    "wanted",
    "wanted_by_groups",
    "wanted_in_phase",
]

_HOMES = dict.fromkeys(__all__, "compat.judge.sampling") | {
    "judge": "compat.judge.ring",
    "strictest": "compat.judge.budget",
    **dict.fromkeys(("calibrated", "spreads"), "compat.judge.calibration"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)

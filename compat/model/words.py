"""The words that a noun's field may be: enumerations, whose values are what documents say."""

from __future__ import annotations

import enum

__all__ = [
    "ACCEPTED",
    "FINE",
    "SCHEMA_VERSION",
    "Arm",
    "Decision",
    "Design",
    "Direction",
    "FaultKind",
    "Kind",
    "Loads",
    "Phase",
    "Stack",
    "Status",
    "Tier",
]

SCHEMA_VERSION = 1

# A point of the matrix: axis -> value. Values are strings, always: 12.10 and 12.1 are different versions.
Stack = dict[str, str]


class Arm(str, enum.Enum):
    """Which side a run belongs to."""

    KNOWN_GOOD = "known_good"
    CANDIDATE = "candidate"


class Design(str, enum.Enum):
    """How two points of the matrix are compared."""

    PAIRED = "paired"  # both stacks run on the node, interleaved
    CONTROL = "control"  # an upgraded group of nodes and one that is not, before and after
    ABA = "aba"  # one node: before, after, and back again
    STORED = "stored"  # against sessions measured earlier
    PATH = "path"  # the sum of several edges


class Phase(str, enum.Enum):
    """When a run was, where two stacks cannot share a node: its driver or firmware is what changes."""

    BEFORE = "before"  # the upgrade
    AFTER = "after"
    BACK = "back"  # after the node was rolled back


class Tier(str, enum.Enum):
    """How strong evidence is."""

    STATIC = "static"  # tables: nothing was run
    AOT = "aot"  # compiled for a target, not run
    INTERPRETED = "interpreted"  # Triton's interpreter: numerics, never speed
    CPU = "cpu"
    GPU = "gpu"


class Direction(str, enum.Enum):
    """Which way a metric is better. Never defaulted."""

    LOWER = "lower"
    HIGHER = "higher"


class Kind(str, enum.Enum):
    """How a metric is judged."""

    EXACT = "exact"  # one value per process, the same each time: no p-value
    BOUNDED = "bounded"  # varies within limits: the maximum counts
    SAMPLED = "sampled"  # a distribution: pairs, intervals, rounds


class FaultKind(str, enum.Enum):
    """Why a case did not produce its measurements."""

    EXCEPTION = "exception"
    CRASH = "crash"  # ended by a signal
    EXIT = "exit"  # ended itself without a result
    HANG = "hang"  # did not end in its time
    OOM = "oom"
    IMPORT = "import"
    LOAD = "load"
    COMPILE = "compile"
    OUTPUT = "output"  # printed or returned more than it may, or something that is not a result
    NONFINITE = "numerics-nonfinite"
    INFRASTRUCTURE = "infrastructure"  # the runtime, the engine or the node: nobody's fault but ours


class Loads(str, enum.Enum):
    """Who saved the files that a case loads."""

    KNOWN_GOOD = "known_good"  # the runtime of its known-good arm, once, for both arms
    OWN = "own"  # each arm's runtime, for itself


class Status(str, enum.Enum):
    """What a comparison came to."""

    PASS = "pass"  # noqa: S105 - a status
    REGRESS = "regress"  # shown to be worse: NO-GO
    INCONCLUSIVE = "inconclusive"  # the budget is spent and it is still open: HOLD
    MISSING = "missing"  # expected and not there: HOLD
    INVALID = "invalid"  # there, but not what was asked for: HOLD
    PREEXISTING = "preexisting"  # wrong in both arms alike: HOLD until accepted
    FLAKY = "flaky"  # wrong once and not again: HOLD
    FIXED = "fixed"  # wrong in the known-good arm only
    WAIVED = "waived"  # it would be in the way of GO, and somebody accepted it until a date
    UNCOVERED = "uncovered"  # calibration showed that it cannot be told here: never judged, and listed
    UNDECLARED = "undeclared"  # the arms differ in what nobody declared: HOLD until it is declared or accepted


# What lets a ring be GO. How much may be accepted or left uncovered is policy.
ACCEPTED = frozenset({Status.WAIVED, Status.UNCOVERED})
FINE = frozenset({Status.PASS, Status.FIXED}) | ACCEPTED


class Decision(str, enum.Enum):
    """The answer for a ring."""

    GO = "GO"
    NO_GO = "NO-GO"
    HOLD = "HOLD"

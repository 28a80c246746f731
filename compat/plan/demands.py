"""What a declaration of a content file has to be: each demand is an error with file and line where it is not met."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from compat.plan.shapes import is_count, is_json, is_limit
from compat.plan.tolerances import DIGITS

if TYPE_CHECKING:
    from compat.plan.literals import Declarations

__all__ = [
    "SHA256",
    "check_keys",
    "configurations",
    "is_tiers",
    "names",
    "need",
    "parameters",
    "required",
    "required_types",
    "seeds",
    "splits",
]

SHA256 = re.compile(r"[0-9a-f]{64}")
_CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,=+-]*")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


def parameters(declared: Declarations, tiers: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """``CASES``: id -> parameters. ``tiers`` are those that a case may narrow itself to."""
    cases = configurations(declared, "CASES")
    for case, params in cases.items():
        need(declared, "CASES", is_json(params), f"CASES[{case!r}] has only what JSON has: no sets, bytes, NaN")
        tolerance = params.get("tolerance", 0.0)
        need(declared, "CASES", is_limit(tolerance), f"CASES[{case!r}]['tolerance'] is a number, 0 or more")
        narrowed = is_tiers(params.get("tiers", tiers), tiers)
        need(declared, "CASES", narrowed, f"CASES[{case!r}]['tiers'] has some of {', '.join(tiers)}")
        whether = isinstance(params.get("per_target", False), bool)
        need(declared, "CASES", whether, f"CASES[{case!r}]['per_target'] is True or False")
    return cases


def required_types(declared: Declarations, cases: dict[str, dict[str, Any]]) -> None:
    """Each case has a tolerance, or what decides it: the type of its result and the length of its sums."""
    for case, params in cases.items():
        if "tolerance" in params:
            continue
        kind = params.get("out", params.get("dtype"))
        label = f"CASES[{case!r}]"
        said = f"{label} has a tolerance (so has a file with TOLERANCE), or a dtype among {', '.join(DIGITS)}"
        need(declared, "CASES", kind in DIGITS, said)
        need(declared, "CASES", is_limit(params.get("length", 1)), f"{label}['length'] is a number, 0 or more")


def is_tiers(value: object, allowed: tuple[str, ...]) -> bool:
    """Whether it is a tuple of some of ``allowed``, each once."""
    if not isinstance(value, tuple | list) or not value or len(set(map(repr, value))) < len(value):
        return False
    return all(tier in allowed for tier in value)


def configurations(declared: Declarations, name: str) -> dict[str, dict[str, Any]]:
    """A declaration that maps ids to dicts; at least one."""
    cases = required(declared, name)
    need(declared, name, isinstance(cases, dict) and len(cases) > 0, f"{name} is a dict with at least one case")
    for case, params in cases.items():
        good = isinstance(case, str) and _CASE_ID.fullmatch(case)
        need(declared, name, bool(good), f"{name} has ids of letters, digits and _ . , = + - (found {case!r})")
        need(declared, name, isinstance(params, dict), f"{name}[{case!r}] is a dict")
    return dict(cases)


def names(declared: Declarations, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """A declaration that is a tuple of names; it must be there unless it has a default."""
    value = required(declared, name) if default is None else declared.values.get(name, default)
    good = isinstance(value, tuple | list) and all(isinstance(item, str) and item for item in value)
    need(declared, name, good and (default is not None or len(value) > 0), f"{name} is a tuple of names")
    if name == "IMPORTS":
        need(declared, name, all(_MODULE.fullmatch(item) for item in value), "IMPORTS is a tuple of module names")
    return tuple(value)


def seeds(declared: Declarations) -> int:
    """``SEEDS``: how many inputs a case has; 1 if it is not declared."""
    found = declared.values.get("SEEDS", 1)
    need(declared, "SEEDS", is_count(found), "SEEDS is a whole number above 0")
    return int(found)


def splits(declared: Declarations) -> bool:
    """Whether the file has a function ``split``, by which a batch is computed in parts."""
    arguments = declared.functions.get("split")
    good = arguments in (None, ("params", "tools"))
    need(declared, "split", good, "a function split has the arguments params, tools")
    return arguments is not None


def required(declared: Declarations, name: str) -> Any:
    """What is declared; ContentError if it is not."""
    if name not in declared.values:
        raise declared.error(name, f"{name} is missing", f"declare {name} = ... at the top level")
    return declared.values[name]


def need(declared: Declarations, name: str, good: bool, expected: str) -> None:
    """ContentError at the declaration unless ``good``."""
    if not good:
        raise declared.error(name, f"expected: {expected}")


def check_keys(
    declared: Declarations, name: str, label: str, entry: dict[Any, Any], allowed: set[str], needed: set[str]
) -> None:
    """ContentError where a dict lacks a needed key or has one that is not allowed."""
    unknown, missing = sorted(map(repr, entry.keys() - allowed)), sorted(map(repr, needed - entry.keys()))
    if unknown:
        raise declared.error(
            name, f"{label} has the unknown key {unknown[0]}", f"expected {', '.join(sorted(allowed))}"
        )
    if missing:
        raise declared.error(name, f"{label} lacks the key {missing[0]}", "add it")

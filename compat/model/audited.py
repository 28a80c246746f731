"""What an audit found: why a verdict was what it was, and whether it still is."""

from __future__ import annotations

from dataclasses import dataclass

from compat.model.judged import Verdict

__all__ = ["Audited", "Check"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. ``stands`` is None for what is only said, since nobody asked or could tell."""

    what: str
    stands: bool | None
    said: str


@dataclass(frozen=True)
class Audited:
    """What came of an audit. ``again`` is what the judge says now; None where it could not be judged again."""

    verdict: Verdict
    digest: str
    checks: tuple[Check, ...]
    again: Verdict | None = None

    @property
    def stands(self) -> bool:
        """Whether everything is there, unchanged, and says the same again."""
        return self.again is not None and all(check.stands is not False for check in self.checks)

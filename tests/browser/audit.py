"""axe-core over an open page: https://github.com/dequelabs/axe-core, as the package axe-playwright-python brings it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["Violation", "violations"]

# Whether a finger hits what it aims at is a rule of WCAG 2.2 that is off unless it is asked for.
_OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}


@dataclass(frozen=True)
class Violation:
    """A rule that an element of the page breaks. ``serious``: serious or critical, and not minor or moderate."""

    rule: str
    impact: str
    element: str

    @property
    def serious(self) -> bool:
        return self.impact in ("serious", "critical")


def violations(page: Page) -> list[Violation]:
    """What axe-core finds in the page as it is: what is shut is not looked at."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options=_OPTIONS).response
    return [
        Violation(rule["id"], rule["impact"], node["html"][:200])
        for rule in found["violations"]
        for node in rule["nodes"]
    ]

"""Known issues of the versions that a stack has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.plan.support.subject import Opinion, Subject, card_of, components, fits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packaging.version import Version

    from compat.plan.support.rows import Issue
    from compat.plan.support.tables import Tables

__all__ = ["issues_of", "known_issues"]


def known_issues(subject: Subject, tables: Tables) -> Opinion | None:
    """What is known to be wrong with the stack's versions, on its cards.

    What fails always is a failure. What depends on the work is said (level ``conditional``), and is for measurements to
    decide: it is no reason against them. What is unconfirmed is left to ``compat check``. None where no issue is known,
    which says nothing.
    """
    found = issues_of(components(subject, tables), subject.gpus, tables)
    sure = [issue for issue in found if issue.always and not issue.unconfirmed]
    told = sure or [issue for issue in found if not issue.unconfirmed]
    if not told:
        return None
    said = "; ".join(f"{issue.component} {issue.affected}: {issue.symptom} ({issue.when})" for issue in told)
    remedy = "; ".join(dict.fromkeys(issue.remedy for issue in told))
    status, level = ("fail", "fail") if sure else ("ok", "conditional")
    reason = said if sure else f"what is known of these versions, and depends on the work: {said}"
    return Opinion(status, reason, tuple(told), level, remedy)


def issues_of(versions: Mapping[str, Version], gpus: Sequence[str], tables: Tables) -> list[Issue]:
    """The known issues of these versions; one that is bound to cards only where such a card is among ``gpus``."""
    cards = {card.capability for name in gpus if (card := card_of(name, tables)) is not None}
    return [
        issue
        for issue in tables.issues
        if fits(versions.get(issue.component), issue.affected)
        and all(fits(versions.get(name), specifier) for name, specifier in issue.beside.items())
        and (not issue.capabilities or cards & set(issue.capabilities))
    ]

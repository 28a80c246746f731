"""Why a verdict was what it was, years later."""

from __future__ import annotations

from typing import Annotated

import typer

from compat.commands.words import Calibration, JsonOption, Signatures, Trust, counted

__all__ = ["audit"]


def audit(
    verdict: Annotated[str, typer.Argument(help="A verdict's digest, or its start, or its file.", metavar="VERDICT")],
    store: Annotated[
        str | None, typer.Argument(help="Its store. Default: the one that the file is in.", metavar="STORE")
    ] = None,
    trust: Trust = None,
    signatures: Signatures = 1,
    calibration: Calibration = None,
    json: JsonOption = False,
) -> None:
    """Check everything that a verdict rests on and judge it again. 0: it stands, 1: it does not, 2: usage."""
    from compat.gate.keys import trusted_keys
    from compat.report.audited import audit_json, audit_text
    from compat.way.audit import audit as look
    from compat.way.given_verdict import given_verdict

    counted(trust, signatures)
    keys = trusted_keys(trust) if trust else None
    given = given_verdict(verdict, store)
    found = look(given.store, given.verdict, keys, calibration, signatures, given.problem)
    typer.echo(audit_json(found) if json else audit_text(found), nl=json is False)
    raise typer.Exit(0 if found.stands else 1)

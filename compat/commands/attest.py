"""Signed verdicts: making keys, signing, and checking a signature anywhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from compat.commands.outputs import check_output
from compat.commands.words import Calibration, Plan, Ring, Signatures, Store, Trust, counted

__all__ = ["attest", "keys", "verify_attestation"]

keys = typer.Typer(name="key", help="Keys that verdicts are signed with.", no_args_is_help=True, rich_markup_mode=None)


@keys.callback()
def _keys() -> None:
    """Keys that verdicts are signed with."""


@keys.command(name="new")
def new(
    file: Annotated[Path, typer.Argument(help="Where the private key goes; the public one goes to FILE.pub.")],
) -> None:
    """Make a pair of ed25519 keys. The private one is for this user alone (0600). Nothing is overwritten."""
    from compat.gate.keys import new_key, public_name

    keyid = new_key(file)
    typer.echo(f"private key: {file} (a secret: who has it can sign)")
    typer.echo(f"public key: {public_name(file)} (for --trust)")
    typer.echo(f"key id: {keyid}")


def attest(
    store: Store,
    ring: Ring = None,
    plan: Plan = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="KEY", help="A private key: a file, or env:NAME. Several sign together."),
    ] = None,
    valid: Annotated[
        str, typer.Option("--valid", help="For how long it is to be believed, such as 12h; with --add, at most.")
    ] = "30d",
    add: Annotated[bool, typer.Option("--add", help="Add a signature to the newest envelope that is right.")] = False,
    keyless: Annotated[
        bool, typer.Option("--keyless", help="With Sigstore, as who this job is. Has not run yet: see the docs.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Also write the envelope here.")
    ] = None,
    calibration: Calibration = None,
) -> None:
    """Sign the newest stored verdict of a ring, if everything it rests on is there and says the same again.

    The envelope (DSSE, with an in-toto statement in it) is kept in the store, and printed unless --output is given.
    """
    from compat.errors import StoreError, UsageError
    from compat.gate.envelope import cosign, seal
    from compat.gate.keyless import seal_keyless
    from compat.gate.keys import signing_key
    from compat.plan.units import duration
    from compat.way import open_store
    from compat.way.signed import add_signatures
    from compat.way.signed import attest as sign

    if bool(key) == keyless or (keyless and add):
        raise UsageError("attest", "needs --key, or --keyless, and not both", "make a key with compat key new FILE")
    try:
        seconds = duration(valid)
    except ValueError as problem:
        raise UsageError("--valid", str(problem)) from None
    check_output(output, store, key or ())
    signers = [signing_key(one) for one in key or ()]
    opened = open_store(store)
    if add:
        made = add_signatures(opened, lambda data: cosign(data, signers), seconds, ring, plan, calibration)
    elif keyless:
        browser = sys.stdin.isatty()
        made = sign(opened, lambda said: seal_keyless(said, browser=browser), seconds, ring, plan, calibration)
    else:
        made = sign(opened, lambda said: seal(said, signers), seconds, ring, plan, calibration)
    if output is None:
        typer.echo(made.envelope, nl=False)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(made.envelope)
    except OSError as problem:
        raise StoreError(str(output), f"cannot be written: {problem.strerror}", "make room or rights there") from None
    typer.echo(
        f"{output}: {made.verdict.decision.value} {made.verdict.matrix} ring {made.verdict.ring}, "
        f"verdict {made.claims.verdict[:12]}, valid until {made.claims.valid_until}"
    )


def verify_attestation(
    file: Annotated[Path, typer.Argument(help="The envelope that compat attest has written.", metavar="FILE")],
    trust: Trust = None,
    signatures: Signatures = 1,
    store: Annotated[
        str | None, typer.Option("--store", metavar="STORE", help="Has to be of the newest verdict of the ring there.")
    ] = None,
    ring: Annotated[str | None, typer.Option("--ring", help="The ring that it has to be of.")] = None,
    plan: Annotated[
        str | None, typer.Option("--plan", metavar="DIGEST", help="The plan; with --store its start.")
    ] = None,
    matrix: Annotated[Path | None, typer.Option("--matrix", metavar="FILE", help="The matrix file.")] = None,
    candidate: Annotated[
        list[str] | None, typer.Option("--candidate", metavar="AXIS=VALUE", help="All of its candidate. Repeatable.")
    ] = None,
    baseline: Annotated[
        list[str] | None, typer.Option("--baseline", metavar="NAME=DIGEST", help="All of its baselines. Repeatable.")
    ] = None,
    identity: Annotated[str | None, typer.Option("--identity", help="Who has to have signed a keyless one.")] = None,
    issuer: Annotated[str | None, typer.Option("--issuer", help="And who has to have known them.")] = None,
) -> None:
    """Check a signed verdict, offline: by whom, of what, until when, and unchanged. 0 yes, 1 no, 2 usage."""
    from compat.errors import UsageError
    from compat.gate.envelope import LONGEST, opened
    from compat.gate.keyless import open_bundle
    from compat.gate.keys import trusted_keys
    from compat.way.verified import Asked, verified

    counted(trust, signatures)
    if bool(trust) == bool(identity) or bool(identity) != bool(issuer):
        remedy = "name the public key (--trust FILE.pub), or --identity and --issuer"
        raise UsageError("verify-attestation", "does not know whom to trust", remedy)
    try:
        with file.open("rb") as stream:
            data = stream.read(LONGEST + 1)
    except OSError as problem:
        raise UsageError(str(file), f"cannot be read: {problem.strerror}", "name the file of compat attest") from None
    if identity and issuer:
        found = open_bundle(data, identity, issuer)
    else:
        found = opened(data, trusted_keys(trust or ()), signatures)
    asked = Asked(store, ring, plan, matrix, tuple(candidate or ()), tuple(baseline or ()))
    answer = verified(found, asked)
    for line in answer.lines:
        typer.echo(line)
    raise typer.Exit(0 if answer.accepted else 1)

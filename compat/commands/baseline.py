"""What is known-good: promoting it, and looking back."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from compat.commands.words import Calibration, JsonOption, Plan, Ring, Signatures, Store, Trust, Waivers, counted
from compat.model import digest

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from compat.model import Promotion
    from compat.store import Store as Store_

__all__ = ["app"]

app = typer.Typer(help="What is known-good, since when, by whom, and from which verdict.", no_args_is_help=True)

_Name = Annotated[
    str | None, typer.Option("--name", metavar="BASELINE", help="The baseline. Default: the matrix's name.")
]
_By = Annotated[str | None, typer.Option("--by", metavar="WHO", help="For the record. Default: user@machine.")]


@app.command()
def promote(
    store: Store,
    ring: Ring = None,
    plan: Plan = None,
    waivers: Waivers = None,
    calibration: Calibration = None,
    name: _Name = None,
    by: _By = None,
    expires: Annotated[str, typer.Option("--expires", metavar="DATE", help="The last day that it is in force.")] = "",
    seen: Annotated[
        int | None,
        typer.Option(
            "--seen", metavar="N", min=0, help="The last entry that you have seen: refuse if there is another."
        ),
    ] = None,
    override: Annotated[
        str, typer.Option("--override", metavar="REASON", help="Promote what is not GO: signed, recorded, and shown.")
    ] = "",
    accept_drift: Annotated[
        str,
        typer.Option("--accept-drift", metavar="REASON", help="Promote what has drifted since the oldest baseline."),
    ] = "",
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="KEY", help="Sign it with a private key: a file, or env:NAME. Repeatable."),
    ] = None,
    trust: Trust = None,
    signatures: Signatures = 1,
) -> None:
    """Make the candidate known-good, from a ring's verdict. Exit code: 0 promoted, 1 or 10 refused, 2 usage.

    The evidence is judged anew. Refused are what is not GO, and what has drifted beyond its margin since the oldest
    baseline that is kept, though each step was within it.
    """
    from compat.gate import exit_code
    from compat.report.baseline_text import promoted_text
    from compat.way import Trust as Trusted
    from compat.way import open_store
    from compat.way.baseline import Wish
    from compat.way.baseline import promote as make

    wish = Wish(name, by, expires, override, accept_drift, seen, _signers(key))
    trusted = Trusted.of(trust, signatures)
    found = make(open_store(store), wish, ring, plan, waivers, calibration, trusted)
    typer.echo(promoted_text(found))
    raise typer.Exit(0 if found.new else exit_code(found.decision))


@app.command(name="list")
def list_(store: Store, name: _Name = None, json: JsonOption = False) -> None:
    """List the entries of a store's baselines, and what is in force."""
    from compat.report.baseline_text import entries_document, list_text
    from compat.way import open_store

    opened = open_store(store)
    logs = {one: opened.baseline(one).entries() for one in _names(store, name)}
    _print(entries_document(logs) if json else list_text(logs))


@app.command()
def show(
    store: Store,
    number: Annotated[int | None, typer.Argument(help="The entry. Default: what is in force.", metavar="N")] = None,
    name: _Name = None,
    trust: Trust = None,
    signatures: Signatures = 1,
) -> None:
    """Print one entry: who, when, from which verdict, on which nodes, and how far it is from the oldest one."""
    from compat.report.baseline_text import show_text
    from compat.way import open_store
    from compat.way.drifted import drift_between

    counted(trust, signatures)
    opened = open_store(store)
    log = opened.baseline(_only(store, name)).entries()
    entry = _entry(log, number)
    signature = _signature(opened, entry, trust, signatures)
    typer.echo(show_text(entry, log, drift_between(opened, log, None, entry), signature))


@app.command()
def diff(
    store: Store,
    old: Annotated[int, typer.Argument(help="An entry.", metavar="N")],
    new: Annotated[int, typer.Argument(help="A later one.", metavar="M")],
    name: _Name = None,
) -> None:
    """Print what two entries differ in: stack, packages, nodes, policy, content, and what was measured in between."""
    from compat.errors import UsageError
    from compat.report.baseline_text import diff_text
    from compat.way import open_store
    from compat.way.drifted import drift_between

    opened = open_store(store)
    log = opened.baseline(_only(store, name)).entries()
    one, other = _entry(log, old), _entry(log, new)
    if one.number >= other.number:
        raise UsageError("baseline diff", f"entry {old} is not before entry {new}", "name the earlier one first")
    typer.echo(diff_text(one, other, drift_between(opened, log, one, other)))


@app.command()
def expire(
    store: Store,
    before: Annotated[int, typer.Option("--before", metavar="N", help="Entries before this one are kept no longer.")],
    name: _Name = None,
    by: _By = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "",
) -> None:
    """Keep old entries no longer: drift is counted from the oldest one that is kept. Nothing is deleted."""
    from compat.way import open_store
    from compat.way.baseline import expire as make

    entry = make(open_store(store), _only(store, name), before, by, reason)
    typer.echo(f"baseline {entry.baseline}: entries before {entry.oldest} are kept no longer (entry {entry.number})")


def _signers(keys: Sequence[str] | None) -> tuple[Signer, ...]:
    """What signs with these keys; no key, no library is needed."""
    if not keys:
        return ()
    from compat.gate.keys import signing_key

    return tuple(signing_key(one) for one in keys)


def _signature(store: Store_, entry: Promotion, trust: Sequence[str] | None, needed: int) -> str:
    """In words: whether the entry is signed, and by somebody who is trusted."""
    from compat.store.attestations import attestations

    there = len(attestations(store, digest(entry)))
    if not trust:
        return "there, not checked: name keys that you trust (--trust)" if there else "none"
    from compat.gate.keys import trusted_keys
    from compat.gate.promotion import check_promotion

    now = datetime.datetime.now(datetime.UTC)
    wrong = check_promotion(store, entry, trusted_keys(trust), now, needed)
    return f"refused: {wrong[0]}" if wrong else "by a key that is trusted"


def _names(store: str, name: str | None) -> list[str]:
    """The baseline that was asked for, or all. UsageError where there is none."""
    from compat.errors import UsageError
    from compat.way import open_store

    names = open_store(store).baselines()
    if name is not None and name not in names:
        raise UsageError(f"baseline {name}", "is not in this store", f"there is {', '.join(names) or 'none'}")
    if not names:
        raise UsageError(store, "has no baseline", "compat baseline promote makes one from a verdict")
    return names if name is None else [name]


def _only(store: str, name: str | None) -> str:
    from compat.errors import UsageError

    names = _names(store, name)
    if len(names) > 1:
        raise UsageError(store, f"has {len(names)} baselines", f"say --name, one of {', '.join(names)}")
    return names[0]


def _entry(log: Sequence[Promotion], number: int | None) -> Promotion:
    """The promotion of that number, or the one in force. UsageError where there is none."""
    from compat.errors import UsageError
    from compat.gate.baselines import current

    name = log[0].baseline
    if number is None:
        entry = current(log, datetime.datetime.now(datetime.UTC).date())
        if entry is None:
            raise UsageError(f"baseline {name}", "has nothing in force", "name an entry of compat baseline list")
        return entry
    found = [one for one in log if one.number == number]
    if not found or found[0].action != "promote":
        there = ", ".join(str(one.number) for one in log if one.action == "promote")
        raise UsageError(f"baseline {name}", f"has no promotion {number}", f"its promotions are {there}")
    return found[0]


def _print(answer: str | dict[str, object]) -> None:
    import json

    typer.echo(answer if isinstance(answer, str) else json.dumps(answer, indent=2, sort_keys=True))

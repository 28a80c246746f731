"""Questions to the support tables. They need no GPU, no matrix and no network."""

from __future__ import annotations

from typing import Annotated

import typer

from compat.commands.words import JsonOption, TablesOption

__all__ = ["check", "support"]

_Gpu = Annotated[
    list[str] | None, typer.Option("--gpu", metavar="NAME", help="A card, as nvidia-smi names it. Repeatable.")
]
_Compat = Annotated[
    bool | None, typer.Option("--cuda-compat/--no-cuda-compat", help="Whether the runtime has NVIDIA's cuda-compat.")
]
_Ptx = Annotated[bool, typer.Option("--ptx", help="The driver has to compile PTX of that CUDA.")]
_On = Annotated[str | None, typer.Option("--on", metavar="DATE", help="The day of the upgrade. Default: today.")]

_EXITS = {"safe": 0, "blocked": 1, "conditional": 10, "unknown": 10}


def support(
    component: Annotated[str, typer.Argument(help="cuda, driver, gpu, torch, triton, ...", metavar="COMPONENT")],
    version: Annotated[str, typer.Argument(help="Its version, or the name of a card.", metavar="VERSION")],
    driver: Annotated[str | None, typer.Option("--driver", help="Whether it runs on this driver.")] = None,
    gpu: _Gpu = None,
    cuda_compat: _Compat = None,
    ptx: _Ptx = False,
    on: _On = None,
    tables: TablesOption = None,
    json: JsonOption = False,
) -> None:
    """Print what the support tables say of a version. Exit code: 0 known and fine, 1 it does not go, 10 unknown."""
    from compat.plan.support.answers import day_of, verdicts_of
    from compat.plan.support.lookup import facts_of
    from compat.plan.support.tables import load_tables
    from compat.report.support_text import facts_document, facts_text

    known = load_tables(tuple(tables or ()))
    facts = facts_of(component, version, known, on=day_of(on))
    stack = {component: version} | ({"driver": driver} if driver else {})
    opinions = verdicts_of(stack, known, gpus=tuple(gpu or ()), cuda_compat=cuda_compat, ptx=ptx)
    what = f"{component} {version}{f' on driver {driver}' if driver else ''}"
    _print(facts_document(what, facts, opinions) if json else facts_text(what, facts, opinions))
    found = {opinion.status for opinion in opinions.values()}
    raise typer.Exit(1 if "fail" in found else 10 if "unknown" in found or all(fact.issue for fact in facts) else 0)


def check(
    old: Annotated[
        str, typer.Option("--from", metavar="STACK", help='What runs now: "torch 2.10.0, driver 570.172.08".')
    ],
    new: Annotated[str, typer.Option("--to", metavar="STACK", help="What changes; the rest stays as it is.")],
    gpu: _Gpu = None,
    cuda_compat: _Compat = None,
    ptx: _Ptx = False,
    on: _On = None,
    tables: TablesOption = None,
    json: JsonOption = False,
) -> None:
    """Is this jump safe, and does staying behind hurt? Exit code: 0 safe, 1 blocked, 10 conditional or unknown."""
    from compat.plan.support import check as asked
    from compat.plan.support.answers import day_of
    from compat.plan.support.stated import parse_stack
    from compat.plan.support.tables import load_tables
    from compat.report.support_text import check_document, check_text

    day = day_of(on)
    before, after = parse_stack(old, "--from"), parse_stack(new, "--to")
    known = load_tables(tuple(tables or ()))
    found = asked.check(before, after, known, on=day, gpus=tuple(gpu or ()), cuda_compat=cuda_compat, ptx=ptx)
    _print(check_document(found, day) if json else check_text(found, day))
    raise typer.Exit(_EXITS[found.answer])


def _print(answer: str | dict[str, object]) -> None:
    import json

    typer.echo(answer if isinstance(answer, str) else json.dumps(answer, indent=2, sort_keys=True))

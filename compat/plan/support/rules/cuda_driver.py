"""CUDA and the driver: native, by minor-version compatibility, by forward compatibility, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from compat.plan.support.pins import as_version, minor
from compat.plan.support.subject import Opinion, Subject, card_of, cuda_of, torch_of, within, worst

if TYPE_CHECKING:
    from compat.plan.support.rows import Brand, Floor, Forward, Product, Row, Ships
    from compat.plan.support.tables import Tables

__all__ = ["cuda_driver"]


@dataclass(frozen=True)
class _Asked:
    """A CUDA and a driver that can be compared; ``pair`` names both, ``brought`` are the rows that say the CUDA."""

    subject: Subject
    tables: Tables
    pair: str
    driver: Version
    cuda: Version
    brought: tuple[Row, ...]


def cuda_driver(subject: Subject, tables: Tables) -> Opinion | None:
    """A program of the runtime's CUDA has to run on the stack's driver: for stacks with a driver and a known CUDA.

    ``native``: at least the driver that the toolkit ships with. ``minor_compat``: at least the floor of its major
    version; the driver cannot compile PTX of that toolkit then. Below the floor only the cuda-compat package helps
    (``forward_compat``), from some branches and on some cards.
    """
    driver_text = subject.stack.get("driver")
    cuda_text, brought = cuda_of(subject, tables)
    if driver_text is None or cuda_text is None:
        return None
    driver, cuda = as_version(driver_text), as_version(cuda_text)
    pair = f"CUDA {cuda_text} on driver {driver_text}"
    if driver is None or cuda is None:
        return Opinion("unknown", f"{pair}: not versions that can be compared", brought)
    ships = [row for row in tables.cuda_ships if within(Version(row.cuda), cuda)]
    floor = next((row for row in tables.cuda_floors if row.major == str(cuda.major)), None)
    if not ships or floor is None:
        return Opinion("unknown", f"{pair}: the tables do not have CUDA {cuda_text}", brought)
    newest = max(ships, key=lambda row: Version(row.driver))
    if driver >= Version(newest.driver) and not newest.unconfirmed:
        said = f"{pair}: native, the toolkit ships with {newest.driver}"
        return Opinion("ok", said, (*brought, newest), "native")
    asked = _Asked(subject, tables, pair, driver, cuda, brought)
    if _has_compat(subject) and (refused := _no_compat_here(asked, newest)) is not None:
        return refused
    if driver >= Version(floor.driver) and not floor.unconfirmed:
        return _minor(asked, floor)
    return _below(asked, floor)


def _minor(asked: _Asked, floor: Floor) -> Opinion:
    """At least the floor of the major version: all runs but PTX, which a driver compiles up to its own CUDA."""
    rows = (*asked.brought, floor)
    own = [row for row in asked.tables.cuda_ships if Version(row.driver) <= asked.driver and not row.unconfirmed]
    knows = max(own, key=lambda row: Version(row.cuda), default=None)
    said = f"{asked.pair}: minor_compat, the floor is {floor.driver}"
    if knows is not None and minor(Version(knows.cuda)) >= minor(asked.cuda):
        return Opinion("ok", said, (*rows, knows), "minor_compat")
    if asked.subject.runtime.ptx and not _has_compat(asked.subject):
        remedy = f"a driver that CUDA {minor(asked.cuda)} ships with, or code that is compiled for the card"
        reason = f"{said}, and its driver does not compile PTX of CUDA {asked.cuda}"
        return Opinion("fail", reason, (*rows, *([knows] if knows else [])), "fail", remedy)
    reason = f"{said}; PTX of CUDA {asked.cuda} cannot be compiled by it"
    return Opinion("ok", reason, (*rows, *([knows] if knows else [])), "minor_compat")


def _no_compat_here(asked: _Asked, newest: Ships) -> Opinion | None:
    """A runtime with cuda-compat brings a libcuda that is newer than the driver: some cards refuse that, always."""
    for name in asked.subject.gpus:
        card, brand = _brand_of(name, asked.tables)
        if card is not None and brand is not None and not (brand.forward or brand.unconfirmed or card.unconfirmed):
            reason = f"{asked.pair}: {name} is no card of forward compatibility, and refuses cuda-compat (error 804)"
            remedy = f"driver {newest.driver} or later"
            return Opinion("fail", reason, (*asked.brought, card, brand), "fail", remedy)
    return None


def _below(asked: _Asked, floor: Floor) -> Opinion:
    """Below the floor: what the cuda-compat package could do."""
    subject, driver, cuda = asked.subject, asked.driver, asked.cuda
    forward = [row for row in asked.tables.cuda_forward if Version(row.cuda) == minor(cuda)]
    branch = next((row for row in forward if row.branch == str(driver.major)), None)
    said = f"{asked.pair}: below the floor {floor.driver}"
    rows = (*asked.brought, floor)
    remedy = _remedy(asked, floor, forward)
    has = _has_compat(subject)
    if has is False:
        what = f"the runtime {subject.runtime.name} has no cuda-compat package"
        return Opinion("fail", f"{said}, and {what}", (*rows, *([branch] if branch else [])), "fail", remedy)
    if not forward:
        known = f"the tables have no forward compatibility of CUDA {minor(cuda)}"
        return Opinion("unknown", f"{said}, and {known}", rows, "", remedy)
    if branch is None:
        reason = f"{said}, and {driver.major} is no branch of its forward compatibility"
        return Opinion("fail", reason, (*rows, *forward), "fail", remedy)
    if has is None:
        reason = f"{said}; forward_compat needs cuda-compat in the runtime, and whether it is there is not stated"
        return Opinion("unknown", reason, (*rows, branch), "", f"cuda_compat: true or false; or {remedy}")
    if branch.unconfirmed:
        return Opinion("unknown", f"{said}; forward_compat from branch {branch.branch} is unconfirmed", (*rows, branch))
    if not subject.gpus:
        reason = f"{said}; forward_compat needs a data-centre card, and which cards the nodes have is not stated"
        return Opinion("unknown", reason, (*rows, branch), "", f"nodes: {{gpu: NAME}} of the ring; or {remedy}")
    return worst(_on_card(name, asked.tables, said, (*rows, branch), remedy) for name in subject.gpus)


def _on_card(name: str, tables: Tables, said: str, rows: tuple[Row, ...], remedy: str) -> Opinion:
    card, brand = _brand_of(name, tables)
    if card is None or brand is None:
        return Opinion("unknown", f"{said}; the tables do not have the card {name!r}", rows, "", remedy)
    rows = (*rows, card, brand)
    if brand.unconfirmed or card.unconfirmed:
        return Opinion("unknown", f"{said}; forward_compat on {name} is unconfirmed", rows, "", remedy)
    return Opinion("ok", f"{said}; forward_compat by cuda-compat on {name}", rows, "forward_compat")


def _brand_of(name: str, tables: Tables) -> tuple[Product | None, Brand | None]:
    """The rows of a card and of its brand, by its name."""
    card = card_of(name, tables)
    return card, next((row for row in tables.brands if card is not None and row.brand == card.brand), None)


def _has_compat(subject: Subject) -> bool | None:
    """Whether the runtime has the cuda-compat package. No wheel brings it; what an image has is not known here."""
    stated = subject.runtime.cuda_compat
    return False if stated is None and subject.runtime.kind == "requirements" else stated


def _remedy(asked: _Asked, floor: Floor, forward: list[Forward]) -> str:
    """What would be ok: a newer driver, cuda-compat where it can help, or the newest torch that this driver runs."""
    tables, driver = asked.tables, asked.driver
    ways = [f"driver {floor.driver} or later"]
    if any(row.branch == str(driver.major) and not row.unconfirmed for row in forward):
        ways.append(f"cuda-compat of CUDA {minor(asked.cuda)} on base branch {driver.major}, on data-centre cards")
    if torch_of(asked.subject.runtime, tables) is not None:
        floors = {row.major: Version(row.driver) for row in tables.cuda_floors if not row.unconfirmed}
        runs = [row for row in tables.torch if not row.unconfirmed and row.cuda.partition(".")[0] in floors]
        older = [row for row in runs if driver >= floors[row.cuda.partition(".")[0]]]
        if older:
            best = max(older, key=lambda row: Version(row.torch))
            ways.append(f"torch {best.torch} (CUDA {best.cuda})")
    return ", or ".join(ways)

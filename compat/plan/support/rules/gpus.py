"""The cards: whether the driver still knows them, and whether the runtime has code for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from compat.plan.support.pins import as_version, minor
from compat.plan.support.subject import Opinion, Subject, card_of, cuda_of, torch_of, worst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compat.plan.support.rows import Capability, Product, Row
    from compat.plan.support.tables import Tables

__all__ = ["driver_gpu", "gpu_code"]


def driver_gpu(subject: Subject, tables: Tables) -> Opinion | None:
    """The driver has to know the cards of the nodes: an old architecture ends with a branch."""
    text = subject.stack.get("driver")
    if text is None or not subject.gpus:
        return None
    driver = as_version(text)
    if driver is None:
        return Opinion("unknown", f"driver {text}: not a version that can be compared")
    return worst(_known_by(driver, text, name, tables) for name in subject.gpus)


def _known_by(driver: Version, text: str, name: str, tables: Tables) -> Opinion:
    card = card_of(name, tables)
    if card is None:
        return Opinion("unknown", f"the tables do not have the card {name!r}")
    row = next((row for row in tables.architectures if card.capability in row.capabilities), None)
    if row is None or row.unconfirmed or card.unconfirmed:
        return Opinion("unknown", f"{name}: no architecture in the table has {card.capability}", (card,))
    what = f"{name} ({row.architecture}) with driver {text}"
    if row.last_branch is not None and driver.major > int(row.last_branch):
        remedy = f"stay on branch {row.last_branch}"
        return Opinion(
            "fail", f"{what}: {row.last_branch} is the last branch that knows it", (card, row), "fail", remedy
        )
    return Opinion("ok", f"{what}: known", (card, row))


def gpu_code(subject: Subject, tables: Tables) -> Opinion | None:
    """The runtime has to have code for the cards: torch by what its wheel holds, else by what its CUDA compiles for.

    Code for 8.0 runs on 8.6, not on 9.0, and not the other way round.
    """
    if not subject.gpus:
        return None
    cuda_text, brought = cuda_of(subject, tables)
    torch = torch_of(subject.runtime, tables)
    cuda = as_version(cuda_text or "")
    if torch is None and cuda is None:
        return None
    opinions = []
    for name in subject.gpus:
        card = card_of(name, tables)
        if card is None:
            opinions.append(Opinion("unknown", f"the tables do not have the card {name!r}"))
        elif torch is not None and torch.code and not torch.unconfirmed:
            opinions.append(_held(name, card, torch.torch, torch.code, torch))
        elif cuda is not None:
            opinions.append(_compiled(name, card, cuda, subject, tables, brought))
    return worst(opinions) if opinions else None


def _held(name: str, card: Product, torch: str, code: Sequence[str], row: Row) -> Opinion:
    capability = Version(card.capability)
    fit = [each for each in code if Version(each).major == capability.major and Version(each) <= capability]
    what = f"torch {torch} on {name} ({card.capability})"
    if card.unconfirmed:
        return Opinion("unknown", f"{what}: its compute capability is unconfirmed", (row, card))
    if not fit:
        reason = f"{what}: its wheel has code for {', '.join(code)} only, and no PTX"
        return Opinion("fail", reason, (row, card), "fail", f"a torch with code for {card.capability}")
    return Opinion("ok", f"{what}: its wheel has code for {max(fit, key=Version)}", (row, card), "native")


def _compiled(
    name: str, card: Product, cuda: Version, subject: Subject, tables: Tables, brought: tuple[Row, ...]
) -> Opinion:
    row: Capability | None = next((row for row in tables.capabilities if row.capability == card.capability), None)
    what = f"CUDA {cuda} on {name} ({card.capability})"
    rows = (*brought, card, *([row] if row else []))
    early = row is not None and row.seen is not None and Version(row.first) <= minor(cuda) < Version(row.seen)
    if row is None or row.unconfirmed or card.unconfirmed or early:
        state = "not in the table" if row is None else "unconfirmed in the table"
        return Opinion("unknown", f"{what}: whether it compiles for that is {state}", rows)
    torch = subject.pins.versions.get("torch")
    if row.last is not None and minor(cuda) > Version(row.last):
        return Opinion("fail", f"{what}: dropped after CUDA {row.last}", rows, "fail", f"CUDA {row.last}")
    if minor(cuda) < Version(row.first):
        if torch is not None:
            reason = f"{what}: needs CUDA {row.first} or newer, and torch's wheels have no PTX"
            return Opinion("fail", reason, rows, "fail", f"a runtime of CUDA {row.first} or later")
        reason = f"{what}: needs CUDA {row.first} or newer; only PTX that the driver compiles could run"
        return Opinion("unknown", reason, rows, "", f"a runtime of CUDA {row.first} or later")
    if torch is not None:
        return Opinion(
            "unknown", f"torch {torch} on {name}: which cards its wheel has code for is not in the table", rows
        )
    return Opinion("ok", f"{what}: it compiles for that", rows, "native")

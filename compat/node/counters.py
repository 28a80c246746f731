"""What a GPU counts: errors of its memory, rows that were replaced, errors of its NVLinks; and where the GPU is.

It has run against a library of NVML's ABI and has not run on a machine with a GPU.
"""

from __future__ import annotations

from typing import Any

from compat.model.inventory import EccErrors, NvLink, RemappedRows
from compat.node.nvml import LOST, SUCCESS, ask, asked, text

__all__ = ["ecc_errors", "is_lost", "nvlinks", "pci_address", "remapped_rows"]

# Of nvml.h: nvmlMemoryErrorType_t, nvmlEccCounterType_t, nvmlNvLinkErrorCounter_t, NVML_NVLINK_MAX_LINKS as it is now.
_CORRECTED, _UNCORRECTED = 0, 1
_VOLATILE, _AGGREGATE = 0, 1
_LINK_ERRORS = {"replay": 0, "recovery": 1, "crc_flit": 2, "crc_data": 3}
_MOST_LINKS = 36
_INVALID_ARGUMENT, _NOT_SUPPORTED = 2, 3


def ecc_errors(handle: Any) -> EccErrors | None:
    """The errors that ECC saw; None where none of the counters can be read, as without ECC."""
    corrected, uncorrected = (
        [ask("nvmlDeviceGetTotalEccErrors", handle, kind, counter) for counter in (_VOLATILE, _AGGREGATE)]
        for kind in (_CORRECTED, _UNCORRECTED)
    )
    found = EccErrors(*corrected, *uncorrected)
    return None if found == EccErrors() else found


def remapped_rows(handle: Any) -> RemappedRows | None:
    """The rows that were replaced; None where that cannot be read: GPUs before Ampere do not replace rows."""
    found = ask("nvmlDeviceGetRemappedRows", handle)
    return None if found is None else RemappedRows(found[0], found[1], bool(found[2]), bool(found[3]))


def nvlinks(handle: Any) -> tuple[NvLink, ...] | None:
    """The links that a GPU has; none where NVML says that it has none, and None where it says nothing."""
    found = []
    for number in range(_MOST_LINKS):
        up, code = asked("nvmlDeviceGetNvLinkState", handle, number)
        if code == SUCCESS:
            counted = _LINK_ERRORS if up else {}
            errors = {
                name: ask("nvmlDeviceGetNvLinkErrorCounter", handle, number, kind) for name, kind in counted.items()
            }
            found.append(NvLink(number, bool(up), {name: count for name, count in errors.items() if count is not None}))
        elif code not in (_NOT_SUPPORTED, _INVALID_ARGUMENT):
            return None  # an error in the middle: a link that did not answer is not one that is not there
        elif code == _INVALID_ARGUMENT:
            break  # there is no such link, and none after it
    return tuple(found)


def is_lost(handle: Any) -> bool:
    """Whether NVML says that the GPU fell off the bus. What it keeps in memory it may still answer, so it is asked."""
    asking = ("nvmlDeviceGetUUID", "nvmlDeviceGetMemoryInfo", "nvmlDeviceGetPersistenceMode")
    return any(asked(name, handle)[1] == LOST for name in asking)


def pci_address(handle: Any) -> str | None:
    """Where on the PCI bus the GPU is, as NVML writes it: ``00000000:3B:00.0``, in small letters."""
    found = ask("nvmlDeviceGetPciInfo", handle)
    said = None if found is None else text(found.busId)
    return said.lower() if said else None

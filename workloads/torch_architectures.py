"""For which GPUs torch has code of its own: binaries, or PTX that the driver compiles at first use.

A binary for sm_XY runs on GPUs of compute capability X.Y and later ones of the same X, but for Tegra's; PTX for X.Y
runs on every later GPU; what ends in ``a`` runs on its own capability only (NVIDIA's CUDA C++ Programming Guide,
"Application Compatibility"). The list is that of the build and needs no GPU: a case for each target of the selection
asks whether the cards that you have are on it. On a GPU it is the card that is there, and a kernel of torch's is
launched.

Why upgrades break it: releases drop old architectures to keep wheels small, and then the first launch says that no
kernel image is available for execution on the device.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("numpy", "torch")
KIND = "operator"
TIERS = ("cpu", "gpu")
# There is one right answer.
TOLERANCE = 0.0
TIMED = False
METRICS = (
    {"name": "binary", "unit": "", "direction": "higher", "kind": "exact"},
    {"name": "code", "unit": "", "direction": "higher", "kind": "exact"},
)
_TEGRA = {53, 62, 72, 87}  # whose binaries run on no other GPU, and which run no other's
CASES = {
    "torch": {"count": 4099, "per_target": True, "tiers": ("cpu",)},
    "launched": {"count": 4099, "tiers": ("gpu",)},
}


def prepare(params, tools):
    """Say what torch was built for; the work is a small computation on the tier's device."""
    import torch

    tools.took("torch's code", " ".join(_built_for(torch)) or "none for GPUs")
    x = torch.from_numpy(tools.integers(-1000, 1000, params["count"])).to(tools.device)
    return lambda: {"y": x * 3 + 1}


def reference(params, tools):
    """The same numbers, by numpy."""
    return {"y": tools.integers(-1000, 1000, params["count"]) * 3 + 1}


def observe(params, _):
    """Whether the target, or the card, can run a binary of torch's, and whether it can run any code of it."""
    import torch

    target = params.get("target") or "sm_{}{}".format(*torch.cuda.get_device_capability())
    ways = {way for built in _built_for(torch) if (way := runs(built, target))}
    return {"binary": float("binary" in ways), "code": float(bool(ways))}


def _built_for(torch):
    """What torch was built for, such as ``sm_90`` and ``compute_90``, in a process that may have no GPU."""
    flags = getattr(torch._C, "_cuda_getArchFlags", None)
    return ((flags and flags()) or "").split()


def runs(built, target):
    """How code runs on a target: ``binary``, ``ptx``, or None if it does not.

    ``runs("sm_80", "sm_86")`` is ``binary``, ``runs("compute_80", "sm_90")`` is ``ptx``.
    """
    import re

    if built == target:  # all there is to know of a gfx target
        return "binary"
    found, wanted = re.fullmatch(r"(sm|compute)_(\d+)([af]?)", built), re.fullmatch(r"sm_(\d+)", target)
    if found is None or wanted is None:
        return None
    capability, card = int(found[2]), int(wanted[1])
    if capability == card:
        return "binary" if found[1] == "sm" else "ptx"
    if found[3] == "a":
        return None
    same_family = capability // 10 == card // 10 and not {capability, card} & _TEGRA
    if capability > card or ((found[1] == "sm" or found[3] == "f") and not same_family):
        return None
    return "binary" if found[1] == "sm" else "ptx"

"""Collectives of torch.distributed by message size: NCCL between GPUs, gloo between two processes on a CPU.

The case is rank 0. The other ranks are processes of its own, which do the same over and over, so that a call takes as
long as it takes all of them. What each of them got first is checked there, and one that got something else ends, which
ends the case. Values are whole numbers, whose sums are exact in any order. On GPUs there is a rank for each of the
node's.

Why upgrades break it: NCCL and gloo choose algorithm, protocol and transport by size, topology and driver, so that a
release or a driver loses half of the bandwidth of one range of sizes; and a transport that no longer works hangs. Then
the collective's own timeout says so: gloo raises it, and NCCL's watchdog ends the process.
"""

from __future__ import annotations

COMPONENTS = ("torch", "nvidia-nccl-cu12", "nvidia-nccl-cu13")
IMPORTS = ("numpy", "torch")
KIND = "operator"
GPUS = "all"
TIERS = ("cpu", "gpu")
# There is one right answer.
TOLERANCE = 0.0
TIMED = ("gpu",)  # two processes and their network on a few processors are no measure of anything
ITEMS = "bytes"  # of a rank's message

_SECONDS = 20  # for a collective to come to its end
_RANKS = 2  # on a CPU

# count: elements of a rank's message, an odd number but where it is cut into a part for each rank.
CASES = {
    "all-reduce-fp32-1": {"what": "all_reduce", "dtype": "fp32", "count": 1, "bytes": 4},
    "all-reduce-fp32-1025": {"what": "all_reduce", "dtype": "fp32", "count": 1025, "bytes": 4100},
    "all-reduce-fp32-262147": {"what": "all_reduce", "dtype": "fp32", "count": 262147, "bytes": 1048588},
    "all-reduce-fp16-4099": {"what": "all_reduce", "dtype": "fp16", "count": 4099, "bytes": 8198},
    "all-reduce-i64-4099": {"what": "all_reduce", "dtype": "i64", "count": 4099, "bytes": 32792},
    "broadcast-fp32-65537": {"what": "broadcast", "dtype": "fp32", "count": 65537, "bytes": 262148},
    "all-gather-fp32-65537": {"what": "all_gather", "dtype": "fp32", "count": 65537, "bytes": 262148},
    "all-to-all-fp32-65536": {"what": "all_to_all", "dtype": "fp32", "count": 65536, "bytes": 262144},
    "all-reduce-fp32-16777259": {
        "what": "all_reduce", "dtype": "fp32", "count": 16777259, "bytes": 67109036, "every": 4099, "tiers": ("gpu",)
    },
    "all-gather-fp32-4194319": {
        "what": "all_gather", "dtype": "fp32", "count": 4194319, "bytes": 16777276, "every": 4099, "tiers": ("gpu",)
    },
}  # fmt: skip


def prepare(params, tools):
    """Start the other ranks and meet them; the work is one collective."""
    import os
    import tempfile

    import numpy as np

    ranks = _ranks(tools)
    place = os.path.join(tempfile.mkdtemp(), "meeting")  # noqa: PTH118 - torch wants text
    inputs = _inputs(params, tools, ranks)
    if tools.device == "cuda":
        np.save(f"{place}.npy", inputs)
    for rank in range(1, ranks):
        _start(params, inputs, rank, place, tools.device)
    collective = _member(params, inputs, 0, place, tools.device)
    tools.took("ranks", str(ranks))
    every = params.get("every", 1)
    return lambda: {"y": collective()[::every]}


def reference(params, tools):
    """What rank 0 has then, by numpy."""
    expected = _expected(params, _inputs(params, tools, _ranks(tools)), 0)[:: params.get("every", 1)]
    return {"y": expected if params["dtype"] == "i64" else expected.astype("float64")}


def _ranks(tools):
    import torch

    return torch.cuda.device_count() if tools.device == "cuda" else _RANKS


def _inputs(params, tools, ranks):
    """The message of each rank, as rows of whole numbers: float16 has those up to 2048, also of their sum."""
    most = min(512, 2048 // ranks)
    return tools.integers(-most, most + 1, (ranks, params["count"]))


def _expected(params, inputs, rank):
    """What a rank has at the end, from all messages."""
    if params["what"] == "all_reduce":
        return inputs.sum(axis=0)
    if params["what"] == "broadcast":
        return inputs[0]
    if params["what"] == "all_gather":
        return inputs.reshape(-1)
    return inputs.reshape(len(inputs), len(inputs), -1)[:, rank].reshape(-1)


def _member(params, inputs, rank, place, device):
    """Join the others as ``rank``; a function that takes part in one collective and gives its result."""
    import datetime
    import os

    import torch
    from torch import distributed

    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # no name service, and nothing leaves this machine
    if device == "cuda":
        torch.cuda.set_device(rank)
    ranks = len(inputs)
    distributed.init_process_group(
        "nccl" if device == "cuda" else "gloo",
        store=distributed.FileStore(place, ranks),
        rank=rank,
        world_size=ranks,
        timeout=datetime.timedelta(seconds=_SECONDS),
    )
    kind = {"fp32": torch.float32, "fp16": torch.float16, "i64": torch.int64}[params["dtype"]]
    x = torch.from_numpy(inputs[rank]).to(device, kind)
    y = torch.empty(_expected(params, inputs, rank).shape, dtype=kind, device=device)
    parts = list(y.view(ranks, -1)) if params["what"] == "all_gather" else None

    def collective():
        if params["what"] == "all_gather":
            distributed.all_gather(parts, x)
        elif params["what"] == "all_to_all":
            distributed.all_to_all_single(y, x)
        else:
            y.copy_(x)
            if params["what"] == "all_reduce":
                distributed.all_reduce(y)
            else:
                distributed.broadcast(y, src=0)
        return y

    return collective


def _start(params, inputs, rank, place, device):
    """Another rank: a fork, or on a GPU, whose context no fork shares, a new interpreter. They end with the case."""
    import os
    import subprocess
    import sys
    import traceback

    if device == "cuda":
        code = (
            "import importlib.util, sys, numpy\n"
            "spec = importlib.util.spec_from_file_location('content', sys.argv[1])\n"
            "module = importlib.util.module_from_spec(spec)\n"
            "spec.loader.exec_module(module)\n"
            "what, dtype, rank, place = sys.argv[2:]\n"
            "inputs = numpy.load(place + '.npy')\n"
            "module.take_part({'what': what, 'dtype': dtype}, inputs, int(rank), place, 'cuda')\n"
        )
        words = (__file__, params["what"], params["dtype"], str(rank), place)
        subprocess.Popen([sys.executable, "-c", code, *words])
    elif os.fork() == 0:
        try:
            take_part(params, inputs, rank, place, device)
        except (Exception, SystemExit):  # noqa: BLE001 - said here, or nobody knows why it ended
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(1)


def take_part(params, inputs, rank, place, device):
    """Take part in collectives as ``rank`` until rank 0 is gone. SystemExit when a result is wrong."""
    import torch

    collective = _member(params, inputs, rank, place, device)
    expected = torch.from_numpy(_expected(params, inputs, rank))
    if not torch.equal(collective().cpu().double(), expected.double()):
        raise SystemExit(f"rank {rank} got something else")
    while True:
        collective()

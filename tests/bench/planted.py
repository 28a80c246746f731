"""The faults that are planted in good evidence: none of them may be GO. And what may be there without harm.

The names are shared with the files that give the same faults to other tools (``peer_*.py``).
"""

from __future__ import annotations

import numpy as np

from compat.model import LOCKED_CLOCKS, Arm, digest
from tests.judge import build

from . import folder
from .edits import (
    Planted,
    among,
    documents,
    each_output,
    everywhere,
    faulting,
    file,
    later,
    lost,
    measuring,
    reidentified,
    replanned,
    returning,
    runs,
    samples,
    scaled,
    setting,
    without,
)
from .good import MATMUL, POOL, SOFTMAX, STACKS, TEXT
from .tampering import (
    again,
    copied_node,
    flip_direction,
    gpus_set,
    newer_plan,
    no_references,
    older_plan,
    one_bit,
    one_pair_only,
    renumbered,
    returned_text,
    ring,
    ring_before,
    same_in_both,
    shuffled,
    swapped,
    with_nan,
)

__all__ = ["FAULTS", "HARMLESS"]

NEW, GOOD = Arm.CANDIDATE, Arm.KNOWN_GOOD
NAN, INF = float("nan"), float("inf")
ANOTHER = digest("another")
OTHER_DRIVER = "570.172.08"


_DROPPED = {
    "every run dropped": lost(of=None, arm=None),
    "the candidate's arm dropped": lost(of=None),
    "no known-good arm (empty baseline)": lost(of=None, arm=GOOD),
    "a case dropped": lost(arm=None),
    "a case dropped in the candidate's arm": lost(),
    "a case dropped in the known-good arm": lost(arm=GOOD),
    "a case dropped on one node": lost(arm=None, node="n2"),
    "a compiled case dropped": lost(of=MATMUL, arm=None),
    "the GPU's case dropped": lost(of=SOFTMAX, arm=None),
    "a node dropped (too few nodes)": lost(of=None, arm=None, node="n2"),
    "one run dropped": lost(pairs=(3,), node="n1"),
    "the last four pairs dropped": lost(arm=None, pairs=(6, 7, 8, 9)),
    "a metric dropped from one run": runs(without("latency")),
    "a metric dropped": everywhere(without("latency")),
    "a metric dropped in both arms": everywhere(without("latency"), arm=None),
    "a compiled case's metric dropped": everywhere(without("spills"), of=MATMUL, arm=None),
    "the case skipped itself": everywhere(setting(measurements=[], outputs=[], notes=["skipped"])),
    "the case skipped itself in both arms": everywhere(setting(measurements=[], outputs=[]), arm=None),
    "outputs dropped": everywhere(setting(outputs=[])),
    "outputs dropped in both arms": everywhere(setting(outputs=[]), arm=None),
    "one output of several dropped": everywhere(lambda d: d["outputs"].pop(), of=TEXT),
    "oracle dropped from one run": runs(no_references),
    "oracle dropped": everywhere(no_references, arm=None),
}

_VALUES = {
    "NaN in one sample": runs(among("latency", NAN)),
    "NaN": everywhere(samples("latency", NAN)),
    "NaN in the known-good arm": everywhere(samples("latency", NAN), arm=GOOD),
    "NaN in both arms": everywhere(samples("latency", NAN), arm=None),
    "NaN of a compiled case": everywhere(samples("spills", NAN), of=MATMUL),
    "infinite": everywhere(samples("latency", INF)),
    "infinite throughput": everywhere(samples("throughput", INF)),
    "zero": everywhere(samples("latency", 0.0)),
    "negative": everywhere(samples("latency", -0.0121)),
    "negative of a compiled case": everywhere(samples("spills", -64.0), of=MATMUL),
    "an error recorded as -1": everywhere(samples("memory", -1.0)),
    "memory of zero bytes": everywhere(samples("memory", 0.0)),
    "null in the place of a number": runs(among("latency", None)),
    "a word in the place of a number": runs(among("latency", "n/a")),
    "false in the place of a number": everywhere(samples("spills", False), of=MATMUL),
    "no samples": everywhere(samples("latency")),
    "one sample only": everywhere(samples("latency", 0.0121)),
    "wrong unit": everywhere(measuring("latency", setting(unit="ms")), arm=None),
    "wrong kind": everywhere(measuring("latency", setting(kind="bounded")), arm=None),
    "flipped direction": Planted(flip_direction),
    "a metric twice in one run": runs(lambda d: d["measurements"].append(d["measurements"][0])),
    "a metric that nobody declared": runs(measuring("latency", setting(metric="speed"))),
}

_FILES = {
    "truncated document": file("evidence", lambda data: data[: len(data) // 2]),
    "empty document": file("evidence", lambda _: b""),
    "flipped bit in a sample": file("evidence", one_bit, of=POOL, arm=NEW),
    "flipped bit in a word": file("evidence", lambda data: data.replace(b'"latency"', b'"latenby"'), of=POOL, arm=NEW),
    "another kind of document": file("evidence", lambda _: b'{"matrix": "upgrade", "decision": "GO"}'),
    "a newer schema version": runs(setting(schema_version=2)),
    "a field that the schema does not have": runs(setting(aborted=True)),
    "truncated blob": file("blobs", lambda data: data[:-1]),
    "flipped bit in a blob": file("blobs", lambda data: bytes([data[0] ^ 1]) + data[1:]),
    "lost blob": file("blobs", lambda _: None),
    "truncated identity": file("identities", lambda data: data[:-9]),
    "edited identity": documents("identities", setting(python="3.11.8")),
    "lost identity": file("identities", lambda _: None),
    "truncated inventory": file("nodes", lambda data: data[:-9]),
    "lost inventory": file("nodes", lambda _: None),
    "truncated plan": file("plans", lambda data: data[:-9]),
    "edited plan": documents("plans", lambda d: d["policy"].update(pass_alpha=0.5)),
    "a newer layout of the store": Planted(lambda f: folder.replace(f.root / "store.json", b'{"layout": 3}')),
}

_PLACES = {
    "stale: one run of another plan": runs(setting(plan=ANOTHER)),
    "stale: all runs of another plan": everywhere(setting(plan=ANOTHER), of=None, arm=None),
    "stale: a newer plan, not measured": Planted(newer_plan),
    "stale inventory: the node has another driver by now": documents("nodes", setting(driver=OTHER_DRIVER)),
    "stale inventory: the runs saw another driver": reidentified(
        lambda d: d["driver"].update(kernel_module=OTHER_DRIVER, libcuda=OTHER_DRIVER, nvml=OTHER_DRIVER), GOOD, NEW
    ),
    "another node's inventory copied over": Planted(
        lambda f: folder.replace(f.paths("nodes")[0], f.paths("nodes")[1].read_bytes())
    ),
    "wrong node": runs(setting(node="n2")),
    "a node that nobody knows": runs(setting(node="n7")),
    "arms on different nodes": everywhere(setting(node="n2"), node="n1"),
    "another node's evidence copied over": copied_node(renamed=False),
    "another node's evidence copied and renamed": copied_node(renamed=True),
    "nodes without the ring's label": replanned(ring(labels={"ring": "canary"})),
    "wrong content": runs(setting(content=ANOTHER)),
    "wrong content in both arms": everywhere(setting(content=ANOTHER), arm=None),
    "wrong stack": runs(setting(stack=STACKS[GOOD])),
    "wrong runtime": runs(setting(runtime="old")),
    "a runtime that nobody knows": runs(setting(runtime="other")),
    "wrong tier": everywhere(setting(tier="cpu"), of=SOFTMAX, arm=None),
    "a case that nobody planned": again(setting(item="operator:other[x]@candidate")),
    "arms swapped": everywhere(swapped, of=None, arm=None),
    "other identity: not upgraded": reidentified(lambda d: d["distributions"].update(build.OLD.distributions)),
    "other identity: another package changed": reidentified(lambda d: d["distributions"].update(pip="25.0")),
    "other identity in one pair": reidentified(setting(environment={"OMP_NUM_THREADS": "1"}), pairs=(3,)),
    "other Python in one arm": reidentified(setting(python="3.12.1")),
    "other architecture in one arm": reidentified(setting(machine="aarch64")),
    "other CPU in one arm": reidentified(lambda d: d["settings"].update(CPU="AMD EPYC 7763")),
    "other CPU in one run": reidentified(lambda d: d["settings"].update(CPU="AMD EPYC 7763"), pairs=(3,)),
    "other CPU than the inventory's": reidentified(lambda d: d["settings"].update(CPU="AMD EPYC 7763"), GOOD, NEW),
    "other power limit in one arm": reidentified(gpus_set("power limit", "500 W")),
    "ECC off in one arm": reidentified(gpus_set("ECC", "off")),
    "settings of one arm not read": reidentified(setting(settings={})),
    "another GPU in one arm": everywhere(setting(devices=["GPU-n1-1"]), of=SOFTMAX, node="n1"),
    "a GPU that the node does not have": everywhere(setting(devices=["GPU-n9-0"]), of=SOFTMAX, arm=None, node="n1"),
    "GPU evidence without a GPU": everywhere(setting(devices=[]), of=SOFTMAX, arm=None),
    "GPU evidence of a node without GPUs": documents("nodes", setting(gpus=[])),
    "locked clocks": documents("nodes", setting(labels={LOCKED_CLOCKS: "1410 MHz"})),
    "throttled throughout": everywhere(lambda d: d["conditions"].update(throttle=["hw_thermal"]), arm=None),
}

_ORDER = {
    "contradicting duplicate": again(scaled("latency", 1.2)),
    "a pair written again under another number": Planted(renumbered),
    "one pair written under all numbers": Planted(one_pair_only),
    "the candidate's samples in both arms": Planted(same_in_both),
    "wrong round": runs(setting(round=2)),
    "no round": runs(setting(round=0), arm=None),
    "wrong generation": runs(setting(generation=9)),
    "pairs of one generation only": everywhere(setting(generation=0), arm=None, pairs=range(1, 10)),
    "pairs that do not meet": everywhere(lambda d: d.update(pair=d["pair"] + 100)),
    "clock set back: started in 1970": runs(setting(started="1970-01-01T00:00:03+00:00")),
    "clock set back: an hour before the pair's other arm": runs(later(-3600.0)),
    "arms an hour apart, not interleaved": everywhere(later(3600.0)),
    "started at no time": runs(setting(started="")),
    "clock set back: negative duration": runs(setting(seconds=-0.5)),
    "clock set back: shorter than its samples": runs(setting(seconds=0.001)),
    "duration NaN": runs(setting(seconds=NAN)),
}

_RETURNED = {
    "unequal inputs": runs(setting(inputs=ANOTHER)),
    "inputs not recorded": everywhere(setting(inputs=""), arm=None),
    "NaN in outputs": returning(with_nan),
    "NaN in outputs of both arms": returning(with_nan, arm=None),
    "outputs of zeros": returning(np.zeros_like),
    "outputs of zeros in both arms": returning(np.zeros_like, arm=None),
    "outputs too short": returning(lambda value: value[:-1]),
    "wrong dtype": returning(lambda value: value.astype("f2")),
    "wrong dtype in one run": runs(each_output(setting(dtype="<i4"))),
    "wrong dtype in both arms": everywhere(
        each_output(lambda o: o["reference"] or o.update(dtype="<i4")), arm=None
    ),
    "text changed": returned_text("a b d"),
    "outputs by no digest": everywhere(each_output(setting(digest=""))),
}  # fmt: skip

_WORSE = {
    "5x slower": everywhere(scaled("latency", 5.0)),
    "5x slower at six pairs": everywhere(scaled("latency", 5.0), "six"),
    "5x slower at thirty pairs": everywhere(scaled("latency", 5.0), "thirty"),
    "5x slower on one node": everywhere(scaled("latency", 5.0), node="n2"),
    "5x slower on the GPU": everywhere(scaled("latency", 5.0), of=SOFTMAX),
    "5x slower in three processes of ten": everywhere(scaled("latency", 5.0), pairs=(1, 4, 7)),
    "half the throughput": everywhere(scaled("throughput", 0.5)),
    "twice the memory": everywhere(scaled("memory", 2.0)),
    "registers spilled": everywhere(samples("spills", 256.0), of=MATMUL),
    "one crash": runs(faulting()),
    "crashes each time": everywhere(faulting()),
    "crashes each time in both arms": everywhere(faulting(), arm=None),
    "crashes every other time": everywhere(faulting(), pairs=(1, 3, 5, 7, 9)),
    "failures of our own": everywhere(faulting("infrastructure", "start")),
}

_RINGS = {
    "the ring asks for more nodes": replanned(ring(minimum_nodes=3)),
    "a tier of the ring is missing": replanned(ring(tiers=["static", "interpreted", "cpu", "gpu"])),
    "ring with no case": replanned(ring(tiers=["interpreted"])),
    "the plan has no case": replanned(setting(items=[])),
    "nothing is required": replanned(lambda d: [one.update(required=False) for one in d["items"]]),
    "the tables say nothing": replanned(setting(findings=[])),
    "the ring before is not GO": replanned(ring_before, ring="early"),
}

FAULTS: dict[str, Planted] = {
    **_DROPPED, **_VALUES, **_FILES, **_PLACES, **_ORDER, **_RETURNED, **_WORSE, **_RINGS
}  # fmt: skip

# These are no faults, and what says HOLD to them says HOLD to everything.
HARMLESS: dict[str, Planted] = {
    "a run written twice": again(lambda _: None),
    "a surplus pair": again(
        lambda d: [scaled("latency", 1.001)(d), later(600.0)(d), d.update(pair=10, generation=10)], arm=None
    ),
    "documents in another order": Planted(shuffled),
    "what a killed writer left": Planted(lambda f: f.paths("evidence")[0].with_name(".new-1").write_bytes(b"{")),
    "broken evidence of an older plan": Planted(older_plan),
    "a blob that nobody asks for": Planted(lambda f: f.keep(b"unasked")),
    "5 % faster": everywhere(scaled("latency", 0.95)),
    "one hot run": runs(lambda d: d["conditions"].update(throttle=["hw_thermal"])),
}

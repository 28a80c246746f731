"""A small plan that is measured with our own interpreter in both arms; as a program, it measures it into a folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from compat.model import (
    SCHEMA_VERSION,
    Cell,
    Direction,
    Evidence,
    Item,
    Kind,
    Metric,
    Node,
    Plan,
    Policy,
    Ring,
    Runtime,
    Tier,
    digest,
)
from compat.run.in_place import InPlaceRuntime
from compat.run.measure import Measuring, Progress
from compat.run.prepare import Prepared
from compat.store import Store
from tests.rig import make_case, make_folders

__all__ = ["CONTENT", "NODE", "Small", "check"]

LATENCY = Metric("latency", "s", Direction.LOWER, Kind.SAMPLED)
MEMORY = Metric("memory", "B", Direction.LOWER, Kind.BOUNDED)
NODE = Node("node-1", "here", None, 2, None, "6.1")
CELL = Cell("candidate", {"runtime": "new"}, {"runtime": "old"}, None)

STEADY = """
import time

def prepare(params, tools):
    values = tools.uniform(64)
    def work():
        time.sleep(0.0005)
        return {"doubled": values * 2}
    return work
"""
TEXT = "def prepare(params, tools):\n    return lambda: {'text': 'same'}\n"
CRASH = "import os\n\ndef prepare(params, tools):\n    return os.abort\n"
KILLER = "import os, signal\n\ndef prepare(params, tools):\n    return lambda: os.kill(os.getppid(), signal.SIGKILL)\n"
CONTENT = {"steady": STEADY, "text": TEXT, "crash": CRASH}


class Small:
    """A plan over content files, and everything that measuring needs, in one folder."""

    def __init__(self, root: Path, content: Mapping[str, str] = CONTENT, **imports: tuple[str, ...]) -> None:
        root.mkdir(exist_ok=True)
        folders = make_folders(root)
        files = {f"operator:{stem}": folders.content[0] / f"{stem}.py" for stem in content}
        for stem, source in content.items():
            files[f"operator:{stem}"].write_text(source, encoding="utf-8")
        runtimes = {name: Runtime(name, values={"runtime": name}) for name in ("old", "new")}
        items = tuple(
            Item(
                f"operator:{stem}[case]@candidate",
                CELL,
                make_case(
                    workload=f"operator:{stem}",
                    metrics=(LATENCY, MEMORY) if stem == "steady" else (MEMORY,),
                    content=digest(source),
                    imports=imports.get(stem, ()),
                ),
                20.0,
            )
            for stem, source in content.items()
        )
        self.plan = Plan(
            schema_version=SCHEMA_VERSION,
            name="small",
            matrix_digest=digest("matrix"),
            compat_version="0.1.0",
            known_good=CELL.known_good,
            candidate=CELL.stack,
            runtimes=runtimes,
            rings=(Ring("canary", (Tier.CPU,)),),
            policy=Policy(rounds=(4, 4), pairs_per_generation=2),
            items=items,
            findings=(),
            rejections=(),
            content={item.case.workload: item.case.content for item in items},
        )
        realised = {name: InPlaceRuntime(spec, folders) for name, spec in runtimes.items()}
        self.prepared = Prepared(dict(realised), folders, files)
        self.store = Store(root / "store", create=True)
        self.store.put_plan(self.plan)
        self.store.put_node(NODE)
        self.seen: list[Progress] = []

    def measuring(self, budget: float = 120.0) -> Measuring:
        """The act of measuring, from what the store holds by now."""
        return Measuring(self.plan, self.plan.items, self.store, NODE, self.prepared, budget)

    def measure(self, budget: float = 120.0) -> bool:
        """Measure; whether nothing is open any more."""
        return self.measuring(budget).run(self.seen.append)

    def evidence(self) -> list[Evidence]:
        """All that was measured, in the order in which it was written."""
        return self.store.evidence(digest(self.plan))

    def files(self) -> dict[str, bytes]:
        """Every file of the store."""
        return {
            str(path.relative_to(self.store.root)): path.read_bytes()
            for path in self.store.root.rglob("*")
            if path.is_file()
        }


def check(small: Small, cuts: int = 0) -> dict[str, int]:
    """Assert what holds of every store, however often measuring was cut (``cuts``); whole pairs by item."""
    evidence = small.evidence()
    counts = {item.key: 0 for item in small.plan.items}
    seen: dict[tuple[str, int], list[Evidence]] = {}
    for record in evidence:
        seen.setdefault((record.item, record.pair), []).append(record)
    halves = 0
    for (item, pair), runs in seen.items():
        arms = {run.arm for run in runs}
        assert len(arms) == len(runs), f"{item}: pair {pair} has an arm twice"
        assert len({(run.round, run.generation) for run in runs}) == 1
        assert runs[0].generation >= 1
        halves += len(runs) == 1
        counts[item] += len(runs) == 2
        for run in runs:
            assert run.runtime == run.stack["runtime"] == ("old" if run.arm.value == "known_good" else "new")
            for output in run.outputs:
                small.store.blob(output.digest)
    assert halves <= cuts
    for item in counts:
        numbers = sorted(pair for name, pair in seen if name == item)
        assert numbers == list(range(1, len(numbers) + 1))
    identities = small.store.identities()
    assert all(record.identity in identities for record in evidence)
    return counts


if __name__ == "__main__":
    Small(Path(sys.argv[1])).measure()

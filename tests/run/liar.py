"""A runtime that lies: an interpreter that says what our script wants. As a program, a controller that it lies to."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

from compat.errors import RuntimeSetupError
from compat.model import Runtime
from compat.probe.memory import high_water_bytes, resident_bytes
from compat.probe.protocol import ANSWER_LIMIT, FRAMES_LIMIT, LINE_LIMIT
from compat.run import session as controller
from compat.run.container import ContainerRuntime
from compat.run.engine import connect
from compat.run.in_place import InPlaceRuntime
from compat.run.runtime import RealisedRuntime
from compat.run.session import Session
from tests.rig import make_case, make_folders
from tests.run.small_plan import CONTENT, Small

__all__ = ["each", "liar", "write_liar"]

_HEAD = f"""
import json, os, sys, time
LINE, ANSWER, FRAMES = {LINE_LIMIT}, {ANSWER_LIMIT}, {FRAMES_LIMIT}
COUNT = os.path.splitext(__file__)[0] + ".count" if os.access(os.path.dirname(__file__), os.W_OK) else "/tmp/count"

def read():
    line = sys.stdin.buffer.readline()
    return json.loads(line)["body"] if line else sys.exit()

def raw(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()

def say(op, body, frames=()):
    raw(json.dumps(dict(v=1, op=op, frames=list(frames), body=body)).encode() + b"\\n")

def ready():
    read()
    say("ready", dict(identity=dict(python="3", implementation="liar", machine="none", distributions={{}})))

def turn():
    '''How many times it was asked in this folder, over all lives of this program.'''
    with open(COUNT, "a+") as file:
        file.write(".")
        return file.tell()

def honest(request, **more):
    return dict(dict(id=request["id"], nonce=request["nonce"], seconds=1.0, inputs=""), **more)

def text(request, more="", frames=""):
    '''A result as a line without its newline, with more text in its body.'''
    body = json.dumps(honest(request))[:-1] + more + "}}"
    return '{{"v":1,"op":"result","frames":[' + frames + '],"body":' + body + "}}"

def fill(request, before, unit, after, most=ANSWER):
    '''A line with as many units between before and after as fit into the longest answer, and at most so many.'''
    room = ANSWER - 8 - len(text(request, before + after).encode())
    count = min(most, room // len(unit.encode()))
    return (text(request, before + (unit * count)[:-1] + after) + "\\n").encode()

"""


def each(body: str) -> str:
    """A script that is ready, and then executes ``body`` for each ``request``; ``number`` counts them from 1."""
    loop = "ready()\nnumber = 0\nwhile True:\n    request = read()['cases'][0]\n    number += 1\n"
    return loop + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n"


def liar(script: str, interpreter: str = sys.executable) -> str:
    """The text of an interpreter that executes ``script``, whatever it is asked to execute."""
    return f"#!{interpreter}\n{_HEAD}{script}"


def write_liar(folder: Path, script: str) -> Path:
    """Such an interpreter, as a program in ``folder``."""
    program = folder / "liar"
    program.write_text(liar(script), encoding="utf-8")
    program.chmod(0o755)
    return program


def _main(asked: dict[str, Any]) -> dict[str, Any]:
    """Run cases in the runtime that is named, with a new probe after a dead one; what came of it, and the memory."""
    controller._START = controller._GRACE = asked["patience"]
    folders = make_folders(Path(asked["folder"]))
    runtime: RealisedRuntime
    if asked["image"]:
        runtime = ContainerRuntime(Runtime("liar", image=asked["image"]), folders, connect(), asked["owner"])
    else:
        runtime = InPlaceRuntime(Runtime("liar", python=asked["python"]), folders)
    case = make_case(params={"padding": "x" * asked["padding"]})
    outcomes: list[list[str] | None] = []
    before = high_water_bytes()
    begin = time.monotonic()
    session = None
    for _ in range(asked["cases"]):
        try:
            if session is None or not session.alive:
                session = Session(runtime, ())
        except RuntimeSetupError as problem:
            outcomes.append(["start", str(problem)])
            continue
        result, frames = session.run(case, folders.content[0] / "none.py", None, asked["timeout"])
        fault = result.fault
        assert fault is None or (result.measurements, result.outputs, frames) == ((), (), ())
        outcomes.append(None if fault is None else [fault.kind.value, fault.detail])
        del result, frames
    seconds = time.monotonic() - begin
    if session is not None:
        session.close()
    return {"outcomes": outcomes, "before": before, "peak": high_water_bytes(), "seconds": seconds}


def _measure(asked: dict[str, Any]) -> list[tuple[int, int]]:
    """Measure a plan of so many cases whose candidate is the liar: pairs so far, and bytes, after each pair."""
    small = Small(
        Path(asked["folder"]) / "small", {f"text{number}": CONTENT["text"] for number in range(asked["items"])}
    )
    runtime = InPlaceRuntime(Runtime("new", python=asked["python"]), small.prepared.folders)
    small.prepared.runtimes["new"] = runtime
    seen: list[tuple[int, int]] = []
    small.measuring().run(lambda progress: seen.append((progress.pairs, resident_bytes() or 0)))
    return seen


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(_measure(asked) if "items" in asked else _main(asked)))  # noqa: T201

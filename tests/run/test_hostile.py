"""Runtimes that lie. None changes what another one said, and none makes the controller grow past a stated bound."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from compat.model import Arm, Decision, Evidence, FaultKind, Runtime
from compat.node.settings import read_settings
from compat.probe.protocol import ANSWER_LIMIT, FRAMES_LIMIT, LINE_LIMIT, VALUES_LIMIT, CaseResult
from compat.run.in_place import InPlaceRuntime
from compat.way import conclude
from tests.conftest import BASE, OWNER

from .liar import each, liar, write_liar
from .small_plan import CONTENT, Small, check

if TYPE_CHECKING:
    from docker import DockerClient

ROOT = Path(__file__).parents[2]

# What one message may cost the controller beyond what it has. Its arrays twice: in the buffer they are received in,
# which grows by an eighth, and cut out of it. Its header line eight times: as bytes, as text of four bytes a character,
# and written again. And 4 KiB for each value in it: one of the wrong type brings up to five of the validator's errors.
GROWTH = 2 * FRAMES_LIMIT + FRAMES_LIMIT // 8 + 8 * LINE_LIMIT + VALUES_LIMIT * 4096

LOST = FaultKind.INFRASTRUCTURE.value  # nobody's answer: the probe is ended
REFUSED = FaultKind.OUTPUT.value  # the case's own answer, and of no use


@dataclass(frozen=True)
class Told:
    """What came of a controller that was lied to: the kind of each case's fault, and what it says."""

    kinds: list[str | None]
    details: list[str]
    growth: int  # bytes
    seconds: float


def lie_to(folder: Path, script: str, cases: int = 1, *, padding: int = 0, image: str = "") -> Told:
    """Run cases in a runtime that lies, from a controller of its own, which gives it 1 s and 2 s of grace."""
    program = write_liar(folder, script)
    if image:  # whose interpreter executes what it finds there
        place = folder / "content"
        place.mkdir()
        (place / "script.py").write_text(script, encoding="utf-8")
    asked = {
        "folder": str(folder),
        "python": str(program),
        "image": image,
        "owner": OWNER,
        "cases": cases,
        "padding": padding,
        "timeout": 1.0,
        "patience": 2.0,
    }
    command = [sys.executable, "-m", f"{__package__}.liar", json.dumps(asked)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    kinds = [None if outcome is None else outcome[0] for outcome in said["outcomes"]]
    details = [outcome[1] for outcome in said["outcomes"] if outcome is not None]
    return Told(kinds, details, said["peak"] - said["before"], said["seconds"])


def assert_harmless(told: Told) -> None:
    """Assert that the controller stayed small and quick, and said in a line what was wrong."""
    assert told.growth <= GROWTH, f"the controller grew by {told.growth / 2**20:.0f} MiB"
    assert told.seconds < 5 + 5 * len(told.kinds)
    assert all("\n" not in detail and len(detail) < 600 for detail in told.details)


# script, and what the cases are to be
LIES: dict[str, tuple[str, list[str | None]]] = {
    "the answer before, again": (
        each("if number == 1: first = honest(request)\nsay('result', first)"),
        [None, LOST, None],
    ),
    "every answer twice": (each("for _ in range(2): say('result', honest(request))"), [None, LOST, None]),
    "the next case's answer": (each("say('result', honest(request, id=request['id'] + 1))"), [LOST, LOST]),
    "the nonce of the case before": (
        each("nonce = request['nonce'] if number == 1 else nonce\nsay('result', honest(request, nonce=nonce))"),
        [None, LOST],
    ),
    "results that nobody asked for": (
        "ready()\nfor number in range(1000): say('result', honest(dict(id=number, nonce='0' * 16)))\nread()",
        [LOST],
    ),
    "readiness again and again": (each("while True: say('ready', {})"), [LOST]),
    "a gigabyte without an end": (each("for _ in range(1 << 14): raw(b'x' * (1 << 16))"), [LOST]),
    "a flood on standard error": (
        each("for _ in range(1 << 12): os.write(2, b'x' * (1 << 16))\nsay('result', honest(request))"),
        [None, None],
    ),
    "arrays to the limit": (
        each(
            """
            head = dict(name="x", dtype="|u1", shape=[FRAMES], seed=0, reference=False)
            say('result', honest(request, outputs=[head]), [FRAMES])
            raw(bytes(FRAMES))
            """
        ),
        [None, None, None],
    ),
    "one byte more": (each("say('result', honest(request), [FRAMES, 1])\nraw(bytes(FRAMES + 1))"), [LOST]),
    "more together": (each("say('result', honest(request), [FRAMES // 2] * 3)\nread()"), [LOST]),
    "arrays that do not come": (
        each("say('result', honest(request), [FRAMES])\nraw(bytes(1 << 20))\nread()"),
        [LOST],
    ),
    "a million arrays": (
        each("raw((text(request, frames=','.join(['64'] * (1 << 20))) + '\\n').encode())\nraw(bytes(FRAMES))"),
        [LOST],
    ),
    "a dribble": (
        each("for byte in json.dumps(honest(request)).encode() * 1000: raw(bytes([byte])); time.sleep(0.1)"),
        [LOST],
    ),
    "nothing is read": ("ready()\ntime.sleep(60)", [LOST]),
    "deep values": (
        each("raw((text(request, ', \"notes\": ' + '[' * 100000 + ']' * 100000) + '\\n').encode())"),
        [LOST],
    ),
    "a number that is none": (each("raw((text(request).replace('1.0', 'NaN') + '\\n').encode())"), [LOST]),
}


@pytest.mark.parametrize(("script", "kinds"), LIES.values(), ids=LIES.keys())
def test_a_lie_harms_nobody(tmp_path: Path, script: str, kinds: list[str | None]) -> None:
    told = lie_to(tmp_path, script, len(kinds), padding=2 << 20)  # more than a pipe holds
    assert told.kinds == kinds
    assert_harmless(told)


# Places in a result where there may be many values, and short values: much memory for few bytes.
PLACES = {
    "notes": (', "notes": [', "]"),
    "measurements": (', "measurements": [', "]"),
    "outputs": (', "outputs": [', "]"),
    "samples": (
        ', "measurements": [{"metric": "a", "unit": "s", "direction": "lower", "kind": "sampled", "samples": [',
        "]}]",
    ),
    "shape": (', "outputs": [{"name": "x", "dtype": "<f4", "seed": 0, "reference": false, "shape": [', "]}]"),
    "took": (', "took": {"x": [', "]}"),
    "unknown": (', "more": [', "]"),
}
VALUES = ("[],", "{},", '{"":[]},', "1,", "0.1,", '"",', '{"metric":1},', "null,")


def _most(value: str) -> int:
    """How many of a value, comma included, are nearly as many values as a message may have."""
    return (VALUES_LIMIT - 100) // sum(value.count(sign) for sign in "[{,")


@pytest.mark.parametrize(("before", "after"), PLACES.values(), ids=PLACES.keys())
def test_a_line_of_many_small_values_costs_little(tmp_path: Path, before: str, after: str) -> None:
    """Each value as often as bytes allow and as often as values are allowed, of which the second is looked into."""
    lines = [(value, most) for value in VALUES for most in (ANSWER_LIMIT, _most(value))]
    script = each(f"value, most = {lines!r}[turn() - 1]\nraw(fill(request, {before!r}, value, {after!r}, most))")
    told = lie_to(tmp_path, script, len(lines))
    assert [detail for detail in told.details if "is wrong" in detail or "unknown" in detail]
    assert LOST in told.kinds
    assert_harmless(told)


# Expressions of the liar's.
LONG = {
    "inputs": """text(request).replace('"inputs": ""', '"inputs": "' + LETTERS + '"')""",
    "a note": """text(request, ', "notes": ["' + LETTERS + '"]')""",
    "wide characters": """text(request, ', "notes": ["' + LETTERS + chr(0x1f600) + '"]')""",
    "a path": """text(request, ', "took": {"' + LETTERS + '": ""}')""",
    "a fault": """text(request, ', "fault": {"stage": "run", "kind": "crash", "detail": "' + LETTERS + '"}')""",
    "many paths": """text(request, ', "took": {' + PAIRS.replace(':0', ':""') + '}')""",
    "many libraries": """text(request, ', "libraries": {' + PAIRS.replace(':0', ':""') + '}')""",
    "many fields": """text(request, ', ' + PAIRS)""",
}


def test_what_is_long_is_refused(tmp_path: Path) -> None:
    """All of it would be kept: on the disk, and in memory while it is asked what is still wanted."""
    script = "LETTERS = 'a' * ANSWER\nPAIRS = ','.join(f'\"{n:06d}\":0' for n in range(300000))\n"
    script += each(f"raw((({', '.join(LONG.values())})[turn() - 1] + '\\n').encode())")
    told = lie_to(tmp_path, script, len(LONG))
    assert [name for name, kind in zip(LONG, told.kinds, strict=True) if kind is None] == []
    assert_harmless(told)


DEEP = (
    "'[' * 100000 + ']' * 100000",
    "'[' * (LINE - 1000)",
    "'{\"\":' * 100000 + '0' + '}' * 100000",
    "'[{\"\":' * 50000 + '0' + '}]' * 50000",
    "'[' * 900 + ']' * 900",  # which Python's own reader takes
)


def test_deep_values_are_refused(tmp_path: Path) -> None:
    script = each(f"raw((text(request, ', \"notes\": ' + ({', '.join(DEEP)})[turn() - 1]) + '\\n').encode())")
    told = lie_to(tmp_path, script, len(DEEP))
    assert None not in told.kinds
    assert_harmless(told)


WORDS = ("NaN", "-NaN", "Infinity", "-Infinity", "1e999", "-1e999", "nan", "01", "+1", "1.", ".5", "0x10", "1_0", "1e")
SAMPLES = ', "measurements": [{"metric": "a", "unit": "s", "direction": "lower", "kind": "sampled", "samples": [2.0]}]'


@pytest.mark.parametrize("place", ["1.0", "2.0"], ids=["seconds", "samples"])
def test_numbers_that_are_not_finite_or_not_json_are_refused(tmp_path: Path, place: str) -> None:
    line = f"text(request, {SAMPLES!r}).replace({place!r}, {WORDS!r}[turn() - 1])"
    told = lie_to(tmp_path, each(f"raw(({line} + '\\n').encode())"), len(WORDS))
    assert None not in told.kinds
    assert_harmless(told)


# A value of every type that JSON has, and which of them are right in which field of a result.
TYPES: tuple[Any, ...] = (None, True, 1, 1.5, "x", [], [1], ["x"], [[]], {}, {"x": 1}, {"x": "y"}, {"x": {}})
RIGHT: dict[str, tuple[Any, ...]] = {
    "id": (1,),  # of the first case
    "nonce": (),
    "seconds": (1, 1.5),
    "inputs": ("x",),
    "measurements": ([],),
    "outputs": ([],),
    "fault": (None,),
    "notes": ([], ["x"]),
    "took": ({}, {"x": "y"}),
    "libraries": ({}, {"x": "y"}),
}


def test_a_value_of_the_wrong_type_is_refused_in_every_field(tmp_path: Path) -> None:
    assert set(RIGHT) == {field.name for field in fields(CaseResult)}
    # Compared as text: 1 is equal to true.
    right = {name: [json.dumps(value) for value in values] for name, values in RIGHT.items()}
    wrong = [{name: value} for name in RIGHT for value in TYPES if json.dumps(value) not in right[name]]
    script = each(f"say('result', honest(request, **{wrong!r}[turn() - 1]))")
    told = lie_to(tmp_path, script, len(wrong))
    assert [entry for entry, kind in zip(wrong, told.kinds, strict=True) if kind is None] == []
    assert_harmless(told)


# Expressions of the liar's, for a field of its first words.
FIRST = (
    "'[' * 100000 + ']' * 100000",
    "'[' + ','.join(['{}'] * 1300000) + ']'",
    "'{' + ','.join(f'\"{n:06d}\":0' for n in range(300000)) + '}'",
    "'{' + ','.join(f'\"{n:06d}\":[]' for n in range(300000)) + '}'",
    "'{\"x\":NaN}'",
)


@pytest.mark.parametrize("field", ["identity", "import_seconds", "libraries", "notes", "more"])
def test_first_words_that_are_a_lie_are_refused_and_cost_little(tmp_path: Path, field: str) -> None:
    identity = '"identity":{"python":"3","implementation":"liar","machine":"none","distributions":{}},'
    script = (
        "read()\n"
        f"lie = ({', '.join(FIRST)})[turn() - 1]\n"
        f"""raw(('{{"v":1,"op":"ready","frames":[],"body":{{{"" if field == "identity" else identity}"{field}":'"""
        """ + lie + '}}\\n').encode())\n"""
        "read()\n"
    )
    told = lie_to(tmp_path, script, len(FIRST))
    assert told.kinds == ["start"] * len(FIRST)
    assert all(detail.startswith("runtime liar: its probe sent ") for detail in told.details)
    assert_harmless(told)


# -- evidence ----------------------------------------------------------------------------------------------------------

# What a liar in the candidate's place says of a case; it knows which ids the other arm's cases have.
HEAD = 'name="text", dtype="utf-8", shape=[], seed=0, reference=False'
FORGERIES = (
    "say('result', honest(request, id=request['id'] + 1))",
    "say('result', honest(request, arm='known_good', item='operator:text0[case]@candidate'))",
    "say('result', honest(request)); say('result', honest(request, id=request['id'] + 1))",
    "say('result', honest(request, outputs=[dict(HEAD)]), [6]); raw(b'forged')",
    "say('result', honest(request, outputs=[dict(HEAD, dtype='O')]), [6]); raw(b'forged')",
    "say('result', honest(request, outputs=[dict(HEAD, dtype='<f4', shape=[10**40])]), [6]); raw(b'forged')",
    "say('result', honest(request, outputs=[dict(HEAD, dtype='<f4', shape=[-1, -1])]), [4]); raw(b'okay')",
    "say('result', honest(request, outputs=[dict(HEAD, seed=10**40)]), [6]); raw(b'forged')",
    "say('result', honest(request, outputs=[dict(HEAD, name='../../../etc')]), [6]); raw(b'forged')",
    "say('result', honest(request, seconds=1e300))",
    "say('result', honest(request, seconds=-1e-9))",
    "say('result', honest(request, inputs='0' * 64, notes=['nothing is wrong']))",
    "say('result', honest(request, measurements=[dict(metric='latency', unit='s', direction='lower', kind='sampled',"
    " samples=[1e-300])]))",
    "raw(b'x' * LINE * 2)",
    "os.kill(os.getpid(), 9)",
)


def _said(record: Evidence) -> tuple[object, ...]:
    """What a record says, without when, how long and how much memory."""
    return record.item, record.runtime, record.fault, record.outputs, record.inputs, str(record.took)


def test_a_liar_in_one_arm_changes_nothing_of_the_other(tmp_path: Path) -> None:
    content = {f"text{number}": CONTENT["text"] for number in range(len(FORGERIES))}
    honest = Small(tmp_path / "honest", content)
    assert honest.measure() is True
    expected = {_said(record) for record in honest.evidence() if record.arm is Arm.KNOWN_GOOD}
    assert len(expected) == len(content)

    small = Small(tmp_path / "small", content)
    script = f"HEAD = dict({HEAD})\n" + each(f"exec({FORGERIES!r}[turn() % {len(FORGERIES)}])")
    liar_in_place = InPlaceRuntime(Runtime("new", python=str(write_liar(tmp_path, script))), small.prepared.folders)
    small.prepared.runtimes["new"] = liar_in_place
    assert small.measure() is True
    check(small)
    records = small.evidence()
    assert {_said(record) for record in records if record.arm is Arm.KNOWN_GOOD} == expected
    lies = [record for record in records if record.arm is Arm.CANDIDATE]
    assert len({record.item for record in lies}) == len(content)
    # A liar whose probe was ended is asked once more, and has another lie then: not each is found in the evidence.
    assert {record.fault.kind for record in lies if record.fault} == {FaultKind.OUTPUT, FaultKind.INFRASTRUCTURE}
    verdict = conclude(small.store).verdict
    assert verdict.decision is not Decision.GO
    assert not [c for c in verdict.comparisons if c.status.value == "pass" and c.workload == "operator:text0"]


# What only the host can say, as a runtime that would hide its power cap and its image says it.
BETTER = (
    "read()\n"
    "identity = dict(python='3', implementation='liar', machine='none', distributions={}, "
    "settings={'GPU-1 power limit': '700 W', 'kernel': 'the same'}, image='sha256:a', image_digests=['sha256:b'])\n"
    "say('ready', dict(identity=identity))\n"
    "while True:\n    say('result', honest(read()['cases'][0]))\n"
)


def test_a_runtime_cannot_say_how_its_node_is_set_nor_what_image_it_is(tmp_path: Path) -> None:
    small = Small(tmp_path / "small", {"text": CONTENT["text"]})
    liar_in_place = InPlaceRuntime(Runtime("new", python=str(write_liar(tmp_path, BETTER))), small.prepared.folders)
    small.prepared.runtimes["new"] = liar_in_place
    assert small.measure() is True
    identities = small.store.identities()
    told = {arm: {r.identity for r in small.evidence() if r.arm is arm} for arm in Arm}
    lies = [identities[key] for key in told[Arm.CANDIDATE]]
    assert [lie.implementation for lie in lies] == ["liar"]  # it was believed in what it alone can know
    for identity in [*lies, *(identities[key] for key in told[Arm.KNOWN_GOOD])]:
        assert identity.settings == read_settings()
        assert (identity.image, identity.image_digests) == ("", ())


# What one pair may cost the controller for as long as a run lasts, with one metric in the plan.
KEPT = (512 << 10) + (128 << 10)

# Expressions of the liar's: what is refused, and what is as long as anything may be.
HEADS = "[dict(name='x' * 300, dtype='<f4', shape=[1] * 32, seed=0, reference=False) for _ in range({0})]"
MEMORY = "[dict(metric='memory', unit='B', direction='lower', kind='bounded', samples=[1.5 + n for n in range({0})])]"
TOO_MUCH = {
    "notes": "honest(request, notes=['x'] * 32000)",
    "long notes": "honest(request, notes=['x' * 400] * 64)",
    "paths": "honest(request, took={str(n): '' for n in range(65)})",
    "a path": "honest(request, took={'x': 'x' * 301})",
    "samples": f"honest(request, measurements={MEMORY.format(4097)})",
    "samples in parts": f"honest(request, measurements={MEMORY.format(2049)} * 2)",
    "a unit": f"honest(request, measurements=[dict(m, unit='x' * 301) for m in {MEMORY.format(1)}])",
    "outputs": f"honest(request, outputs={HEADS.format(257)})",
    "dimensions": f"honest(request, outputs=[dict(h, shape=[1] * 65) for h in {HEADS.format(1)}])",
    "a fault": "honest(request, fault=dict(stage='run', kind='crash', detail='x' * 8193))",
    "an output of a fault": "honest(request, fault=dict(stage='run', kind='crash', detail='x', output='x' * 8193))",
    "a digest": "honest(request, inputs='x' * 66)",
}
MOST = (
    "honest(request, notes=[f'{n:300}' for n in range(64)], took={f'{n:300}': 'x' * 300 for n in range(64)},"
    f" measurements={MEMORY.format(4096)}, outputs={HEADS.format(256)})"
)


def test_what_is_too_much_to_keep_is_refused(tmp_path: Path) -> None:
    script = each(
        f"said = ({', '.join(TOO_MUCH.values())})[number - 1]\nsay('result', said, [0] * len(said.get('outputs', ())))"
    )
    told = lie_to(tmp_path, script, len(TOO_MUCH))
    assert dict(zip(TOO_MUCH, told.kinds, strict=True)) == dict.fromkeys(TOO_MUCH, REFUSED)
    assert_harmless(told)


def grown(folder: Path, script: str) -> float:
    """Bytes for each pair that a controller grows by whose candidate lies."""
    asked = {"folder": str(folder), "python": str(write_liar(folder, script)), "items": 30}
    command = [sys.executable, "-m", f"{__package__}.liar", json.dumps(asked)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout)
    (few, before), (many, after) = seen[len(seen) // 3], seen[-1]
    assert many - few >= 30
    return float(after - before) / (many - few)


def test_a_controller_does_not_keep_what_it_refuses(tmp_path: Path) -> None:
    assert grown(tmp_path, each(f"say('result', {TOO_MUCH['notes']})")) < 100 << 10


def test_a_controller_keeps_no_more_of_a_pair_than_is_said(tmp_path: Path) -> None:
    kept = grown(tmp_path, each(f"say('result', {MOST}, [0] * 256)"))
    assert 100 << 10 < kept < KEPT


def test_a_zygote_s_notes_are_cut(tmp_path: Path) -> None:
    identity = {"python": "3", "implementation": "liar", "machine": "none", "distributions": {}}
    script = (
        f"read()\nsay('ready', dict(identity={identity}, notes=['x' * 1000] * 1000))\n" + each("").partition("\n")[2]
    )
    kept = grown(tmp_path, script + "    say('result', honest(request))\n")
    assert kept < 100 << 10


# -- from inside a real container --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lying_image(docker_client: DockerClient) -> Iterator[str]:
    """The base image with an interpreter that executes the script it finds among the content."""
    text = liar("exec(open('/compat/1/script.py').read())")
    change = (
        'p=$(readlink -f "$(command -v python3)"); mv "$p" "$p.real"; '
        'printf "#!%s\\n%s" "$p.real" "$0" >"$p"; chmod 755 "$p"'
    )
    container = docker_client.containers.create(BASE, ["sh", "-c", change, text.partition("\n")[2]])
    name = f"compat-tests:liar-{os.getpid()}"
    try:
        container.start()
        assert container.wait()["StatusCode"] == 0
        container.commit(*name.split(":"))
    finally:
        container.remove(force=True)
    yield name
    docker_client.images.remove(name, force=True)


@pytest.mark.docker
@pytest.mark.parametrize(
    "name",
    ["the answer before, again", "every answer twice", "a gigabyte without an end", "arrays to the limit",
     "arrays that do not come", "a dribble", "nothing is read", "deep values", "a number that is none"],
)  # fmt: skip
def test_a_container_that_lies_harms_nobody(tmp_path: Path, lying_image: str, name: str) -> None:
    script, kinds = LIES[name]
    told = lie_to(tmp_path, script, len(kinds), padding=2 << 20, image=lying_image)
    assert told.kinds == kinds
    assert_harmless(told)

"""compat.run.compiled: what a kept compilation depends on, and that nothing but a whole result is taken for one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compat.model import Artifact, Case, Direction, Identity, Kind, Measurement, Tier
from compat.probe.protocol import CaseResult, Ready
from compat.run.compiled import CompiledBefore

CASE = Case("kernel:k", "c", Tier.AOT, {"target": "sm_90"}, (), (), 0.0, 1, None, "content")
READY = Ready(Identity("3.11", "CPython", "x86_64", {"triton": "3.9.0"}, {"TRITON_X": "1"}), compiler="abc")
PTXAS = Artifact("nvidia-cuda-nvcc==13.0.88", "bin/ptxas", "0" * 64)
RESULT = CaseResult(
    7, "nonce", 0.5, "", (Measurement("spills", "B", Direction.LOWER, Kind.EXACT, (0.0,)),), took={"PTX": "9.4"},
    libraries={"triton:libtriton.so": "0" * 64},
)  # fmt: skip


def test_a_result_comes_back_and_says_so(tmp_path: Path) -> None:
    before = CompiledBefore(tmp_path / "compiled")
    key = before.key(READY, CASE, None, 1)
    assert key is not None
    assert before.find(key) is None
    before.keep(key, RESULT)
    found = before.find(key)
    assert found is not None
    assert found.notes == ("compiled before, by the same compiler: taken from the cache",)
    assert replace(found, notes=()) == RESULT


def changed(**changes: Any) -> tuple[Ready, Case, Artifact | None, int]:
    ready = replace(READY, **changes.pop("ready", {}))
    case = replace(CASE, **changes.pop("case", {}))
    return ready, case, changes.pop("assembler", None), changes.pop("repetition", 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"ready": {"compiler": "abd"}},
        {"ready": {"identity": replace(READY.identity, python="3.12")}},
        {"ready": {"identity": replace(READY.identity, environment={"TRITON_X": "2"})}},
        {"ready": {"identity": replace(READY.identity, distributions={"triton": "3.9.1"})}},
        {"case": {"content": "other"}},
        {"case": {"params": {"target": "sm_80"}}},
        {"assembler": PTXAS},
        {"repetition": 2},
    ],
    ids=str,
)
def test_everything_that_a_compilation_depends_on_is_in_the_key(tmp_path: Path, changes: dict[str, Any]) -> None:
    before = CompiledBefore(tmp_path)
    assert before.key(*changed(**changes)) != before.key(READY, CASE, None, 1)


def test_the_settings_of_the_machine_are_not(tmp_path: Path) -> None:
    before = CompiledBefore(tmp_path)
    other = replace(READY, identity=replace(READY.identity, settings={"governor": "performance"}))
    assert before.key(other, CASE, None, 1) == before.key(READY, CASE, None, 1)


def test_a_compiler_that_does_not_tell_what_it_is_has_no_key(tmp_path: Path) -> None:
    assert CompiledBefore(tmp_path).key(replace(READY, compiler=""), CASE, None, 1) is None


@pytest.mark.parametrize("text", ["", "{", "{}", '{"id": 1}', "[1]"])
def test_what_is_torn_is_compiled_again(tmp_path: Path, text: str) -> None:
    (tmp_path / "key.json").write_text(text, encoding="utf-8")
    assert CompiledBefore(tmp_path).find("key") is None


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    before = CompiledBefore(tmp_path / "file" / "compiled")
    before.keep("key", RESULT)
    assert before.find("key") is None

"""A loader in its process: it saves for others, shows that it can, and loads what somebody saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat.files import files_digest
from compat.model import STANDARD, FaultKind, Loads
from compat.run.session import Answer, Work
from tests.rig import Rig, make_case

SOURCE = """
from pathlib import Path

def save(params, tools):
    {save}

def prepare(params, tools):
    text = Path(tools.folder, "it").read_text()
    {load}
    return lambda: {{"text": text}}
"""
WRITES = "Path(tools.folder, 'it').write_text('what was saved')"


def run(rig: Rig, save: str = WRITES, load: str = "pass", saved: Path | None = None, saving: bool = False) -> Answer:
    """A loader's case: what it saves, or what it loads from ``saved``."""
    case = make_case(workload="loader:rig", loads=Loads.KNOWN_GOOD, metrics=(STANDARD["load_time"],))
    path = rig.write(SOURCE.format(save=save, load=load))
    return rig.session.run_group([Work(case, path, None, 20.0, saved=saved, save=saving)])[0]


def folder_of(rig: Rig, text: str = "of another arm") -> Path:
    folder = rig.folders.artifacts / "saved" / text.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "it").write_text(text)
    for path in (folder.parent, folder):
        path.chmod(0o755)
    return folder


def test_what_is_saved_is_the_answer(rig: Rig) -> None:
    answer = run(
        rig, save="Path(tools.folder, 'a').mkdir(); Path(tools.folder, 'a', 'b').write_bytes(b'xyz')", saving=True
    )
    assert [(head.name, head.dtype, head.shape) for head in answer.result.outputs] == [("a/b", "|u1", (3,))]
    assert answer.frames == (b"xyz",)


def test_it_loads_what_another_saved_and_both_digests_are_its_inputs(rig: Rig) -> None:
    folder = folder_of(rig)
    answer = run(rig, saved=folder)
    assert answer.result.fault is None
    assert answer.frames == (b"of another arm",)
    drawn, loaded = answer.result.inputs.split("/")
    assert loaded == files_digest(folder)
    assert {one.metric for one in answer.result.measurements} >= {"load_time", "nondeterministic"}
    other = run(rig, saved=folder_of(rig, "of a third"))
    assert other.result.inputs != answer.result.inputs
    assert other.result.inputs.split("/")[0] == drawn


def test_a_file_that_cannot_be_loaded_is_a_load_fault(rig: Rig) -> None:
    rig.faults(run(rig, load="raise ValueError(text)", saved=folder_of(rig)).result, FaultKind.LOAD, "load")
    rig.faults(run(rig, load="import no_such_thing", saved=folder_of(rig)).result, FaultKind.IMPORT, "load")


def test_an_arm_that_cannot_save_faults_though_there_is_something_to_load(rig: Rig) -> None:
    rig.faults(run(rig, save="raise OSError('full')", saved=folder_of(rig)).result, FaultKind.EXCEPTION, "save")
    rig.faults(run(rig, save="pass", saved=folder_of(rig)).result, FaultKind.EXCEPTION, "save")


def test_where_nothing_was_saved_nothing_passes(rig: Rig) -> None:
    result = run(rig).result
    rig.faults(result, FaultKind.LOAD, "load")
    assert result.fault is not None
    assert "nothing was saved for this case" in result.fault.detail


@pytest.mark.parametrize("save", ["raise ValueError", "pass"])
def test_a_save_that_fails_has_no_files(rig: Rig, save: str) -> None:
    answer = run(rig, save=save, saving=True)
    rig.faults(answer.result, FaultKind.EXCEPTION, "save")
    assert answer.frames == ()

"""Saved files on this machine: what a runtime says of them is not believed."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import pytest

from compat.errors import RuntimeSetupError
from compat.files import files_digest
from compat.model import Case, Cell, Item, Loads, Tier
from compat.probe.protocol import CaseResult, OutputHeader
from compat.run.saved import Saved, write_files
from compat.run.session import Answer


def answer(*names: str) -> Answer:
    heads = tuple(OutputHeader(name, "|u1", (3,), 0, False) for name in names)
    return Answer(CaseResult(1, "n", 0.0, "", outputs=heads), (b"abc",) * len(names))


def test_files_keep_their_paths_and_everybody_may_read_them(tmp_path: Path) -> None:
    write_files(answer("model.onnx", "deep/er/weights.bin"), tmp_path / "saved" / "it")
    found = {str(p.relative_to(tmp_path / "saved")): p for p in (tmp_path / "saved").rglob("*") if p.is_file()}
    told = found.pop("it.sha256")
    assert told.read_text() == files_digest(tmp_path / "saved" / "it")
    assert sorted(found) == ["it/deep/er/weights.bin", "it/model.onnx"]
    assert {path.read_bytes() for path in found.values()} == {b"abc"}
    assert {path.stat().st_mode & 0o777 for path in found.values()} == {0o444}
    assert (tmp_path / "saved" / "it" / "deep").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", ["../out", "/etc/x", "a/../../b", "", ".", "a\0b", "a/./.."])
def test_a_name_that_leads_out_of_the_folder_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(RuntimeSetupError, match="expected a path below its folder"):
        write_files(answer("good", name), tmp_path / "saved" / "it")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a", "a")])
def test_names_that_are_in_each_others_way_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    with pytest.raises(RuntimeSetupError, match="twice, or is a folder too"):
        write_files(answer(*names), tmp_path / "saved" / "it")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_name_that_is_too_long_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RuntimeSetupError, match="could not be kept: File name too long"):
        write_files(answer("x" * 290), tmp_path / "saved" / "it")


def test_what_a_killed_run_left_is_replaced_and_what_is_whole_stays(tmp_path: Path) -> None:
    folder = tmp_path / "saved" / "it"
    folder.mkdir(parents=True)
    (folder / "half").write_text("half")
    write_files(answer("a"), folder)
    assert [path.name for path in folder.iterdir()] == ["a"]
    write_files(answer("b"), folder)  # another run was faster: what it saved is what is loaded
    assert [path.name for path in folder.iterdir()] == ["a"]


class Known(Saved):
    """Whose folders are given, and not saved by a runtime."""

    def __init__(self, folders: dict[str, Path | None]) -> None:
        self._known = folders
        self._lock = Lock()

    def _of(self, item: Item, runtime: str, installation: int, devices: tuple[str, ...]) -> Path | None:  # noqa: ARG002
        return self._known[runtime]


def loading(loads: Loads) -> Item:
    case = Case("model:m", "warm", Tier.CPU, {}, (), (), 0.0, 1, None, "0", loads=loads)
    return Item("i", Cell("c", {"runtime": "new"}, {"runtime": "old"}, None), case, 60.0)


def test_of_what_each_arm_saves_for_itself_both_have_it_or_none(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("old", "new")}
    for folder in folders.values():
        write_files(answer("cache.tar"), folder)
    own = loading(Loads.OWN)
    assert [Known(dict(folders)).folder(own, name, 1, ()) for name in ("old", "new")] == list(folders.values())
    for lost in ("old", "new"):
        half = Known({**folders, lost: None})
        assert [half.folder(own, name, 1, ()) for name in ("old", "new")] == [None, None]


def test_what_the_known_good_saved_is_loaded_by_both(tmp_path: Path) -> None:
    write_files(answer("weights"), tmp_path / "old")
    saved = Known({"old": tmp_path / "old", "new": None})
    item = loading(Loads.KNOWN_GOOD)
    assert [saved.folder(item, name, 1, ()) for name in ("old", "new")] == [tmp_path / "old"] * 2

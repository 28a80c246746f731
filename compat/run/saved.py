"""What runtimes save for cases to load: made once, before the first of these cases, and kept beside the artifacts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path, PurePosixPath
from threading import Lock

from compat.errors import RuntimeSetupError
from compat.files import files_digest
from compat.model import FaultKind, Item, Loads, Runtime, digest
from compat.run.prepare import Prepared
from compat.run.session import Answer, Session, Work

__all__ = ["Saved", "write_files"]

# A runtime, which installation of it, a workload, the id of its case, and the GPUs that it was on.
_Key = tuple[str, int, str, str, tuple[str, ...]]


class Saved:
    """The folders with saved files, by who saved them and for which case.

    A runtime saves for all cases at once, in one life of its probe. What the same runtime saved before, for the same
    file and parameters, is used again: a run that is resumed loads what it loaded before.
    """

    def __init__(self, prepared: Prepared, items: Sequence[Item]) -> None:
        self._prepared = prepared
        self._items = [item for item in items if item.case.loads and item.case.workload in prepared.content]
        self._folders: dict[_Key, Path | None] = {}
        self._lock = Lock()

    def folder(self, item: Item, runtime: str, installation: int, devices: Sequence[str]) -> Path | None:
        """What a case loads in ``runtime``; None where nothing could be saved.

        Of what each arm saves for itself either both have it or none: they are compared. RuntimeSetupError if no probe
        starts, or the files are no longer what was saved.
        """
        good = item.cell.known_good["runtime"]
        shared = item.case.loads is Loads.KNOWN_GOOD
        savers = [good] if shared else [runtime, *({good, item.cell.stack["runtime"]} - {runtime})]
        with self._lock:
            found = [self._of(item, saver, 1 if shared else installation, tuple(devices)) for saver in savers]
        if any(folder is None for folder in found):
            return None
        if found[0] is not None and _digest_beside(found[0]).read_text() != files_digest(found[0]):
            raise RuntimeSetupError(
                "saved files", f"{found[0].name} is not what was saved", "remove that folder from the cache, run again"
            )
        return found[0]

    def _of(self, item: Item, runtime: str, installation: int, devices: tuple[str, ...]) -> Path | None:
        key = _key(item, runtime, installation, devices)
        if key not in self._folders:
            self._save_all(item, runtime, installation, devices)
        return self._folders[key]

    def _save_all(self, first: Item, runtime: str, installation: int, devices: tuple[str, ...]) -> None:
        """Save for ``first``, and for whatever else of its kind and tier this runtime will be asked for."""
        alike = [
            item
            for item in self._items
            if (item.case.loads, item.case.tier) == (first.case.loads, first.case.tier) and runtime in _savers(item)
        ]
        imports = sorted({name for item in alike for name in item.case.imports})
        realised = self._prepared.runtime(runtime, installation)
        with closing(Session(realised, imports, devices)) as session:
            for item in [first, *alike]:
                key = _key(item, runtime, installation, devices)
                if key not in self._folders:
                    self._folders[key] = self._save(session, realised.spec, item, installation)

    def _save(self, session: Session, runtime: Runtime, item: Item, installation: int) -> Path | None:
        case = item.case
        own = [installation, *session.devices] if case.loads is Loads.OWN else list(session.devices)
        identity = replace(session.ready.identity, settings={}, driver={})
        case_of = [case.workload, case.content, case.params, case.loads, case.tier, own]
        # Of its own variables only those that change results are part of a runtime's identity.
        name = digest({"identity": identity, "runtime": runtime, "case": case_of})
        folder = self._prepared.folders.artifacts / "saved" / name
        if not _digest_beside(folder).is_file():
            content = self._prepared.content[case.workload]
            (answer,) = session.run_group([Work(case, content, None, item.timeout, save=True)])
            fault = answer.result.fault
            if fault is not None and fault.kind is FaultKind.INFRASTRUCTURE:
                raise RuntimeSetupError(f"runtime {runtime.name}", f"could not save: {fault.detail}", "run again")
            if fault is not None:
                return None  # its own arm will say so: it saves in each of its runs
            write_files(answer, folder)
        return folder


def _savers(item: Item) -> set[str]:
    """The runtimes that save for an item."""
    good, new = item.cell.known_good["runtime"], item.cell.stack["runtime"]
    return {good} if item.case.loads is Loads.KNOWN_GOOD else {good, new}


def _key(item: Item, runtime: str, installation: int, devices: tuple[str, ...]) -> _Key:
    return runtime, installation, item.case.workload, item.case.id, devices


def _digest_beside(folder: Path) -> Path:
    """Where the digest of a folder's files is kept. It is written last: without it the folder is not whole."""
    return folder.with_name(f"{folder.name}.sha256")


def write_files(answer: Answer, folder: Path) -> None:
    """The files of an answer, readable for whoever runs in a container; all of them or none.

    RuntimeSetupError for a name that is no path below the folder (a runtime said so, and is not believed), and where
    there is no room. What another run saved meanwhile stays.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as room:
            files = Path(room, "files")
            files.mkdir()
            for head, frame in zip(answer.result.outputs, answer.frames, strict=True):
                _write(files.joinpath(*_parts(head.name)), head.name, frame)
            for path in (files, *files.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o444)
            if folder.is_dir() and not _digest_beside(folder).is_file():
                shutil.rmtree(folder)  # of a run that was killed
            if not folder.is_dir():
                files.rename(folder)
                whole = Path(room, "digest")
                whole.write_text(files_digest(folder))
                whole.replace(_digest_beside(folder))
    except OSError as problem:
        raise RuntimeSetupError(
            "saved files", f"could not be kept: {problem.strerror}", "make room in the cache, or name another folder"
        ) from problem


def _write(place: Path, name: str, data: bytes) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            file.write(data)
    except (FileExistsError, NotADirectoryError):
        raise _refused(name, "which is there twice, or is a folder too") from None


def _parts(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise _refused(name, "expected a path below its folder")
    return parts


def _refused(name: str, why: str) -> RuntimeSetupError:
    return RuntimeSetupError(
        "saved files", f"a runtime named one {name!r}, {why}", "look at the save() of the workload"
    )

"""What runtimes save for cases to load: made once, before the first of these cases, and kept beside the artifacts."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path, PurePosixPath
from threading import Lock

from compat.errors import RuntimeSetupError
from compat.model import Item, Loads, Runtime, digest
from compat.run.prepare import Prepared
from compat.run.session import Answer, Session, Work

__all__ = ["Saved", "write_files"]

_Key = tuple[str, int, str, str]  # a runtime, which installation of it, a workload and the id of its case


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
        """What a case loads in ``runtime``; None where nothing could be saved. RuntimeSetupError if no probe starts."""
        if item.case.loads is Loads.KNOWN_GOOD:
            runtime, installation = item.cell.known_good["runtime"], 1
        key = (runtime, installation, item.case.workload, item.case.id)
        with self._lock:
            if key not in self._folders:
                self._save_all(item, runtime, installation, devices)
            return self._folders[key]

    def _save_all(self, first: Item, runtime: str, installation: int, devices: Sequence[str]) -> None:
        """Save for ``first``, and for whatever else of its kind and tier this runtime will be asked for."""
        alike = [
            item
            for item in self._items
            if (item.case.loads, item.case.tier) == (first.case.loads, first.case.tier)
            and runtime in self._savers(item)
        ]
        imports = sorted({name for item in alike for name in item.case.imports})
        realised = self._prepared.runtime(runtime, installation)
        with closing(Session(realised, imports, devices)) as session:
            for item in [first, *alike]:
                key = (runtime, installation, item.case.workload, item.case.id)
                if key not in self._folders:
                    if not session.alive:
                        raise RuntimeSetupError(
                            f"runtime {runtime}", "its probe ended while it saved", "run again, or leave the case out"
                        )
                    self._folders[key] = self._save(session, realised.spec, item)

    @staticmethod
    def _savers(item: Item) -> set[str]:
        """The runtimes that save for an item."""
        good, new = item.cell.known_good["runtime"], item.cell.stack["runtime"]
        return {good} if item.case.loads is Loads.KNOWN_GOOD else {good, new}

    def _save(self, session: Session, runtime: Runtime, item: Item) -> Path | None:
        case = item.case
        kept = self._prepared.folders.artifacts / "saved"
        identity = replace(session.ready.identity, settings={}, driver={})
        case_of = [case.workload, case.content, case.params, case.loads]
        # Of its own variables only those that change results are part of a runtime's identity.
        folder = kept / digest({"identity": identity, "runtime": runtime, "case": case_of})
        if not folder.is_dir():
            content = self._prepared.content[case.workload]
            (answer,) = session.run_group([Work(case, content, None, item.timeout, save=True)])
            if answer.result.fault is not None:
                return None  # its own arm will say so: it saves in each of its runs
            write_files(answer, folder)
        return folder


def write_files(answer: Answer, folder: Path) -> None:
    """The files of an answer, readable for whoever runs in a container; all of them or none.

    RuntimeSetupError for a name that is no path below the folder: a runtime said so, and is not believed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as room:
        files = Path(room, "files")
        files.mkdir()
        for head, frame in zip(answer.result.outputs, answer.frames, strict=True):
            place = files.joinpath(*_parts(head.name))
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("xb") as file:
                    file.write(frame)
            except (FileExistsError, NotADirectoryError):
                raise _refused(head.name, "which is there twice, or is a folder too") from None
        for path in (files, *files.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        files.rename(folder)


def _parts(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise _refused(name, "expected a path below its folder")
    return parts


def _refused(name: str, why: str) -> RuntimeSetupError:
    return RuntimeSetupError(
        "saved files", f"a runtime named one {name!r}, {why}", "look at the save() of the workload"
    )

"""Which libraries a runtime and a case have loaded: named by their distribution, hashed once, never made up."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy
import pytest

from compat.model import Arm
from compat.probe.identity import Libraries
from compat.probe.libraries import digest_of, loaded_libraries, name_library
from compat.run.arms import Arms
from compat.run.session import Session, Work
from tests.rig import Rig, make_case

NUMPY_CORE = numpy._core._multiarray_umath.__file__  # type: ignore[attr-defined]
LOADS = "import ctypes\n\ndef prepare(params, tools):\n    library = ctypes.CDLL({name!r})\n    return lambda: {{}}\n"


def test_what_this_process_has_loaded() -> None:
    found = loaded_libraries()
    assert NUMPY_CORE in found
    assert any("/libc.so" in path or "/libc-" in path for path in found)
    assert all(path.startswith("/") and ".so" in path for path in found)


def test_a_library_is_named_by_the_distribution_that_has_it() -> None:
    name = name_library(NUMPY_CORE)
    assert name.startswith("numpy:numpy/_core/_multiarray_umath")
    assert name_library("/usr/lib/none/libnone.so") == "/usr/lib/none/libnone.so"


def test_a_digest_is_that_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "lib.so"
    file.write_bytes(b"x" * 3_000_001)
    assert digest_of(str(file)) == hashlib.sha256(b"x" * 3_000_001).hexdigest()


def test_what_is_no_plain_file_has_none(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.so"
    os.mkfifo(pipe)
    large = tmp_path / "large.so"
    with large.open("wb") as file:
        file.truncate((8 << 30) + 1)
    for path in (str(pipe), "/dev/zero", str(tmp_path), str(tmp_path / "none.so"), "/proc/self/mem", str(large)):
        assert digest_of(path) is None, path


def test_names_that_a_case_makes_up_are_dropped(tmp_path: Path) -> None:
    file = tmp_path / "lib.so"
    file.write_bytes(b"real")
    said = {str(file): "", "/dev/zero": "", "a\0b.so": "", str(tmp_path / "none.so"): "f" * 64}
    body = {"libraries": said}
    Libraries({}).name(body)
    assert body["libraries"] == {str(file): hashlib.sha256(b"real").hexdigest()}
    for odd in ([1, 2], "text", None):
        Libraries({}).name({"libraries": odd})


def test_a_runtime_tells_its_libraries_and_hashes_each_once(rig: Rig) -> None:
    ready = rig.session.ready
    assert any(name.startswith("numpy:numpy") for name in ready.identity.libraries), rig.session.notes
    assert all(len(digest) == 64 for digest in ready.identity.libraries.values())
    again = Session(rig.runtime, ("numpy",))
    try:
        assert again.ready.identity == ready.identity
        assert again.ready.libraries == {}  # nothing was hashed: what the first one found was passed on
        assert rig.runtime.libraries
    finally:
        again.close()


def test_a_case_tells_what_it_loaded_beside(rig: Rig) -> None:
    name = "libBrokenLocale.so.1"  # in every glibc, and nobody needs it
    content = rig.write(LOADS.format(name=name))
    arms = Arms(dict.fromkeys(Arm, rig.runtime), ("numpy",), ())
    try:
        looked, blind = (
            arms.run(Arm.CANDIDATE, [Work(make_case(), content, None, 20.0, look)])[0].result for look in (True, False)
        )
    finally:
        arms.close()
    if looked.fault is not None:
        pytest.fail(f"{rig.kind} has no {name}: {looked.fault.detail}")
    assert [path for path in looked.libraries if "libBrokenLocale" in path]
    assert all(len(digest) == 64 for digest in looked.libraries.values())
    assert blind.libraries == {}
    assert not set(looked.libraries) & set(rig.session.ready.identity.libraries)

"""Proof that a zygote never initialises CUDA, whatever its runtime imports: the driver logs who does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compat.model import Runtime
from compat.run.in_place import InPlaceRuntime
from compat.run.session import Session
from tests.probe.fake_cuda import Cuda, compile_library
from tests.rig import make_case, make_folders

OPENS = "import ctypes\nLIBRARY = ctypes.CDLL('libcuda.so.1')\n"
INITIALISES = OPENS + "assert LIBRARY.cuInit(0) == 0\n"
# As torch.cuda.is_available() does: through NVML where that is asked for, else through cudaGetDeviceCount.
ASKS_AS_TORCH = OPENS + (
    "import os\nif os.environ.get('PYTORCH_NVML_BASED_CUDA_CHECK') != '1':\n    assert LIBRARY.cuInit(0) == 0\n"
)
ASKS = (
    "import pathlib\nfrom compat.probe.libcuda import initialised\n"
    "pathlib.Path({file!r}).write_text(str(initialised()))\n"
)

CASE = """
import ctypes, os

def prepare(params, tools):
    library = ctypes.CDLL("libcuda.so.1")
    return lambda: {"pid": os.getpid(), "cuInit": library.cuInit(0)}
"""


@pytest.fixture
def cuda(tmp_path: Path) -> Cuda:
    folder = tmp_path / "library"
    folder.mkdir()
    return Cuda(compile_library(folder), tmp_path)


Start = Callable[..., "Zygote"]


class Zygote:
    """A probe in a runtime with that driver."""

    def __init__(self, session: Session, content: Path) -> None:
        self.session = session
        self.pid: int = session.connection.pid  # type: ignore[attr-defined]
        self._content = content

    def run_case(self) -> tuple[int, int]:
        """The process id of a case that initialises CUDA, and what cuInit answered there."""
        result, frames = self.session.run(make_case(), self._content, None, 20.0)
        assert result.fault is None, result.fault
        found = {
            output.name: int.from_bytes(frame, "little") for output, frame in zip(result.outputs, frames, strict=True)
        }
        return found["pid"], found["cuInit"]


@pytest.fixture
def start(cuda: Cuda, tmp_path: Path) -> Iterator[Start]:
    """Starts a zygote that imports ``imports``, which may be modules of ``sources``, by name."""
    folders = make_folders(tmp_path)
    content = folders.content[0] / "initialises.py"
    content.write_text(CASE, encoding="utf-8")
    modules = tmp_path / "modules"
    modules.mkdir()
    started = []

    def started_with(*imports: str, python: str = "", **sources: str) -> Zygote:
        for name, source in sources.items():
            (modules / f"{name}.py").write_text(source, encoding="utf-8")
        env = {**cuda.env, "PYTHONPATH": str(modules)}
        session = Session(InPlaceRuntime(Runtime("with a driver", python=python, env=env), folders), imports)
        started.append(session)
        assert [note for note in session.ready.notes if note.startswith("import ")] == []
        return Zygote(session, content)

    yield started_with
    for session in started:
        session.close()


def test_cases_initialise_cuda_and_the_zygote_does_not(cuda: Cuda, start: Start) -> None:
    zygote = start("opens_libcuda", opens_libcuda=OPENS)
    cases = [zygote.run_case(), zygote.run_case()]
    assert [answer for _, answer in cases] == [0, 0]  # which it is not in a child of a process with CUDA
    assert cuda.callers()["cuInit"] == {pid for pid, _ in cases}
    assert zygote.pid not in cuda.callers()["cuInit"]


def test_a_library_that_asks_torch_for_a_gpu_initialises_nothing(cuda: Cuda, start: Start) -> None:
    zygote = start("asks", asks=ASKS_AS_TORCH)
    assert not any("fresh processes" in note for note in zygote.session.notes)
    assert "cuInit" not in cuda.callers()


@pytest.mark.parametrize(("source", "answer"), [(OPENS, "False"), (INITIALISES, "True")], ids=["opens", "initialises"])
def test_an_import_that_initialises_cuda_is_noticed(
    cuda: Cuda, start: Start, tmp_path: Path, source: str, answer: str
) -> None:
    said = tmp_path / "said"
    zygote = start("imported", "asks", imported=source, asks=ASKS.format(file=str(said)))
    assert said.read_text(encoding="utf-8") == answer
    assert (zygote.pid in cuda.callers().get("cuInit", set())) is (answer == "True")


@pytest.mark.network
@pytest.mark.parametrize("stack", ["known-good", "candidate"])
def test_importing_triton_initialises_nothing(cuda: Cuda, start: Start, runtimes: dict[str, Path], stack: str) -> None:
    zygote = start("triton", python=str(runtimes[stack]))
    assert "triton" in zygote.session.ready.import_seconds
    assert "cuInit" not in cuda.callers()
    pid, answer = zygote.run_case()
    assert answer == 0
    assert cuda.callers()["cuInit"] == {pid}  # the driver was there to be initialised


@pytest.mark.network
def test_importing_torch_initialises_nothing(cuda: Cuda, start: Start, torch_python: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    asks = f"import torch\nopen({str(said)!r}, 'w').write(str(torch.cuda.is_available()))\n"
    zygote = start(
        "torch", "opens_libcuda", "asks_torch", python=str(torch_python), opens_libcuda=OPENS, asks_torch=asks
    )
    assert {"torch", "asks_torch"} <= zygote.session.ready.import_seconds.keys()
    assert said.read_text(encoding="utf-8") in ("True", "False")
    assert not any("fresh processes" in note for note in zygote.session.notes)
    assert "cuInit" not in cuda.callers()
    cases = [zygote.run_case(), zygote.run_case()]
    assert [answer for _, answer in cases] == [0, 0]
    assert cuda.callers()["cuInit"] == {pid for pid, _ in cases}


def test_a_zygote_in_which_cuda_was_initialised_starts_fresh_processes(cuda: Cuda, start: Start) -> None:
    zygote = start("initialises", initialises=INITIALISES)
    assert "cases are started as fresh processes, not forked: importing its libraries initialised CUDA" in (
        zygote.session.ready.notes
    )
    cases = [zygote.run_case(), zygote.run_case()]
    assert [answer for _, answer in cases] == [0, 0]  # in a fork of this zygote it would fail
    assert len({pid for pid, _ in cases} | {zygote.pid}) == 3

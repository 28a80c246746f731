from __future__ import annotations

import threading
from pathlib import Path

import pytest

from compat.errors import RuntimeSetupError
from compat.model import Runtime
from compat.run.venv import VenvRuntime, install_problem
from tests.rig import Rig, make_folders

from .wheel import make_wheel, only_from


def _runtime(folder: Path, *requirements: str, **env: str) -> VenvRuntime:
    return VenvRuntime(Runtime("small", requirements=requirements, env=env), make_folders(folder), folder / "cache")


def _made(folder: Path) -> list[Path]:
    """The environments that are there, whole or not."""
    return [path for path in (folder / "cache" / "runtimes").iterdir() if path.is_dir()]


def test_an_environment_is_built_once_and_again_when_it_is_half_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(tmp_path / "wheels", "tiny-local")
    only_from(tmp_path / "wheels", monkeypatch)
    built: list[bool] = []
    two = [
        threading.Thread(target=lambda: built.append(_runtime(tmp_path, "tiny-local==1.0").build())) for _ in range(2)
    ]
    for one in two:
        one.start()
    for one in two:
        one.join()
    assert sorted(built) == [False, True]
    runtime = _runtime(tmp_path, "tiny-local==1.0", SOME="value")  # variables do not make another environment
    assert runtime.build() is False
    (place,) = _made(tmp_path)
    rig = Rig(runtime, runtime._folders)
    assert rig.value("__import__('tiny_local').VERSION") == "1.0"
    assert rig.value("os.environ['SOME']") == "value"
    assert rig.session.ready.identity.distributions["tiny-local"] == "1.0"
    rig.close()

    (place / "compat-runtime.json").unlink()  # as if the builder had been killed
    (place / "bin" / "python").unlink()
    (place / "left-over").write_text("", encoding="utf-8")
    assert runtime.build() is True
    assert _made(tmp_path) == [place]
    assert not (place / "left-over").exists()
    rig = Rig(runtime, runtime._folders)
    assert rig.value("__import__('tiny_local').VERSION") == "1.0"
    rig.close()


def test_a_requirement_that_does_not_exist_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(tmp_path / "wheels", "tiny-local")
    only_from(tmp_path / "wheels", monkeypatch)
    with pytest.raises(RuntimeSetupError) as refused:
        _runtime(tmp_path, "tiny-local==2.0").build()
    text = str(refused.value)
    assert text.startswith("runtime small: could not be installed: No matching distribution found for tiny-local==2.0;")
    assert "\n" not in text
    assert _made(tmp_path) == []


def test_another_content_is_another_environment(tmp_path: Path) -> None:
    places = {_runtime(tmp_path, *requirements)._place for requirements in ((), ("a==1",), ("a==2",), ("a==1", "b==1"))}
    assert len(places) == 4
    assert _runtime(tmp_path, "a==1")._place in places


def test_a_cache_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a folder", encoding="utf-8")
    with pytest.raises(RuntimeSetupError) as refused:
        _runtime(tmp_path, "a==1").build()
    assert "\n" not in str(refused.value)


@pytest.mark.network
def test_nothing_of_ours_leaks_into_an_environment(venv: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MY_TOKEN", "PYTHONPATH", "PIP_INDEX_URL", "LD_PRELOAD", "OMP_NUM_THREADS", "PYTHONSTARTUP"):
        monkeypatch.setenv(name, "leaked")
    rig = Rig(venv.runtime, venv.folders)
    variables = dict(eval(rig.value("sorted(os.environ.items())")))  # noqa: S307 - our own content printed it
    rig.close()
    assert "leaked" not in variables.values()
    expected = {"HOME", "LANG", "PATH", "PYTHONDONTWRITEBYTECODE", "USER", "TMPDIR"}
    threads = {"MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
    ours = {"COMPAT_OWNER", "CUDA_DEVICE_ORDER", "CUDA_VISIBLE_DEVICES", "PYTORCH_NVML_BASED_CUDA_CHECK"}
    assert expected | threads | ours <= set(variables) <= expected | threads | ours | {"LC_CTYPE"}
    assert variables["CUDA_VISIBLE_DEVICES"] == ""
    assert {variables[name] for name in threads} == {"1"}
    assert rig.value("os.path.exists(os.environ['HOME'])") == "True"
    rig.close()


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("", "pip said nothing"),
        ("one\ntwo\n\n", "two"),
        ("ERROR: first\nERROR: second\nWARNING: old pip\n", "second"),
        ("  ERROR: only\n  tail\n", "only"),
    ],
)
def test_the_line_that_says_why_pip_failed(output: str, line: str) -> None:
    assert install_problem(output) == line

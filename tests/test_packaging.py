"""The wheel as a user gets it: one package, the content inside it, and a front door that works without a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True)
    (found,) = folder.glob("gpu_compat-*.whl")
    return found


@pytest.mark.network
def test_the_wheel_brings_one_package_with_its_content(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0].split("-")[0] for name in names} == {"compat", "gpu_compat"}
    for folder in ("kernels", "workloads", "matrices", "reports"):
        below = [path.relative_to(ROOT / folder) for path in (ROOT / folder).rglob("*") if path.is_file()]
        shipped = {path.as_posix() for path in below if "__pycache__" not in path.parts}
        inside = f"compat/content/{folder}/"
        packed = {name.removeprefix(inside) for name in names if name.startswith(inside)}
        assert shipped == packed
    tables = {path.name for path in (ROOT / "compat/plan/support").glob("*.yaml")}
    assert tables
    assert tables == {
        name.rsplit("/", 1)[1] for name in names if name.startswith("compat/plan/support/") and name.endswith(".yaml")
    }


@pytest.mark.network
def test_content_never_becomes_an_import_name(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith("compat/content/") and name.endswith("__init__.py")]


@pytest.mark.network
def test_the_installed_package_plans_from_its_own_content(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(command, check=True)
    environment = {**os.environ, "PYTHONPATH": str(target)}
    where = subprocess.run(
        [sys.executable, "-c", "import compat; print(compat.__file__)"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(target)
    matrix = target / "compat/content/matrices/demo.yaml"
    done = subprocess.run(
        [sys.executable, "-m", "compat", "plan", str(matrix)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "kernel:matmul (aot)" in done.stdout


def test_there_is_no_package_below_the_content_folders() -> None:
    for folder in ("kernels", "workloads", "matrices", "reports"):
        assert not list((ROOT / folder).rglob("__init__.py"))

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from compat.probe.identity import read_identity
from tests.rig import Rig


def _install(folder: Path, stem: str, metadata: str) -> None:
    home = folder / f"{stem}.dist-info"
    home.mkdir(parents=True)
    if metadata:
        (home / "METADATA").write_text(f"Metadata-Version: 2.1\n{metadata}\n", encoding="utf-8")


def test_the_interpreter_is_read() -> None:
    identity = read_identity()
    assert identity.python == ".".join(map(str, sys.version_info[:3]))
    assert identity.implementation == platform.python_implementation()
    assert identity.machine == platform.machine()
    assert identity.distributions["numpy"].count(".") >= 1
    assert list(identity.distributions) == sorted(identity.distributions)


def test_names_of_distributions_are_normalised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, "Some.Odd__Name-1.0", "Name: Some.Odd__Name\nVersion: 1.0")
    monkeypatch.syspath_prepend(str(tmp_path))
    distributions = read_identity().distributions
    assert distributions["some-odd-name"] == "1.0"
    assert not [name for name in distributions if name != name.lower() or "_" in name or "." in name]


def test_the_distribution_that_would_be_imported_is_the_one_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, version in (("later", "1.0"), ("earlier", "2.0")):
        _install(tmp_path / folder, f"twice-{version}", f"Name: twice\nVersion: {version}")
        monkeypatch.syspath_prepend(str(tmp_path / folder))
    assert read_identity().distributions["twice"] == "2.0"


def test_a_half_removed_distribution_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_identity().distributions
    _install(tmp_path, "nameless-1.0", "")
    _install(tmp_path, "other-1.0", "Version: 1.0")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert read_identity().distributions == before


def test_a_distribution_without_a_version_is_named_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(tmp_path, "versionless", "Name: versionless")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert isinstance(read_identity().distributions["versionless"], str)


def test_variables_that_change_results_are_read_and_secrets_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "CUDA_MODULE_LOADING", "LD_PRELOAD", "TRITON_INTERPRET"):
        monkeypatch.setenv(name, f"value of {name}")
    for name in ("MY_TOKEN", "HF_TOKEN", "PIP_INDEX_URL", "AWS_SECRET_ACCESS_KEY", "MY_CUDA_KEY", "HOME"):
        monkeypatch.setenv(name, "do not tell")
    environment = read_identity().environment
    assert environment["OMP_NUM_THREADS"] == "value of OMP_NUM_THREADS"
    assert {"CUDA_MODULE_LOADING", "LD_PRELOAD", "TRITON_INTERPRET"} <= set(environment)
    assert "do not tell" not in environment.values()


def test_every_runtime_says_what_it_is(rig: Rig) -> None:
    identity = rig.session.ready.identity
    assert rig.session.ready.notes == ()
    assert identity.distributions["numpy"] == rig.value("__import__('numpy').__version__")
    assert identity.python == rig.value("'.'.join(map(str, sys.version_info[:3]))")
    assert identity.environment["OMP_NUM_THREADS"] == "1"
    if rig.kind != "in place":
        assert identity.distributions["numpy"] == "2.2.6"
        assert "gpu-compat" not in identity.distributions

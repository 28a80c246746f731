from __future__ import annotations

import os
from pathlib import Path

import pytest

from compat.run.pip_settings import pip_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither this machine's configuration nor its variables."""
    for name in list(os.environ):
        if name.startswith("PIP_") or name.lower().endswith("_proxy") or name == "SSL_CERT_FILE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


def _configure(tmp_path: Path, text: str, patch: pytest.MonkeyPatch) -> Path:
    config = tmp_path / "pip.conf"
    config.write_text(text, encoding="utf-8")
    patch.setenv("PIP_CONFIG_FILE", str(config))
    return config


def test_a_machine_without_settings_has_none() -> None:
    settings = pip_settings()
    assert settings.variables.keys() == {"PIP_CONFIG_FILE"}


def test_a_configuration_becomes_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _configure(
        tmp_path,
        "[global]\nindex-url = https://user:word@index.example/simple\ntimeout = 7\n"
        "extra-index-url =\n    https://one.example/simple\n    https://two.example/simple\n[install]\nno-deps = yes\n",
        monkeypatch,
    )
    variables = pip_settings().variables
    assert variables["PIP_INDEX_URL"] == "https://user:word@index.example/simple"
    assert variables["PIP_TIMEOUT"] == "7"
    assert variables["PIP_EXTRA_INDEX_URL"].split() == ["https://one.example/simple", "https://two.example/simple"]
    assert variables["PIP_NO_DEPS"] == "yes"


def test_variables_win_over_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _configure(tmp_path, "[global]\nindex-url = https://configured.example/simple\n", monkeypatch)
    monkeypatch.setenv("PIP_INDEX_URL", "https://set.example/simple")
    assert pip_settings().variables["PIP_INDEX_URL"] == "https://set.example/simple"


def test_proxies_and_certificates_come_along_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = tmp_path / "ca.pem"
    certificate.write_text("", encoding="utf-8")
    for name in ("http_proxy", "HTTPS_PROXY", "no_proxy"):
        monkeypatch.setenv(name, f"value of {name}")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("MY_TOKEN", "secret")
    settings = pip_settings()
    assert settings.variables["http_proxy"] == "value of http_proxy"
    assert {"http_proxy", "HTTPS_PROXY", "no_proxy", "SSL_CERT_FILE"} <= settings.variables.keys()
    assert settings.variables["SSL_CERT_FILE"] == settings.paths[certificate]
    assert "secret" not in settings.variables.values()


def test_paths_of_this_machine_are_mounted_and_named_as_they_are_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels, more, index = tmp_path / "wheels", tmp_path / "wheels" / "more", tmp_path / "index" / "simple"
    for folder in (wheels, more, index):
        folder.mkdir(parents=True)
    monkeypatch.setenv("PIP_FIND_LINKS", f"{wheels} {more} /none/such https://links.example")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"file://{index}")
    settings = pip_settings()
    inside = settings.paths
    assert inside.keys() >= {wheels, more, index.parent}  # an index refers to files beside it
    assert "/none/such" not in map(str, inside)
    found = settings.variables["PIP_FIND_LINKS"].split()
    assert found == [inside[wheels], inside[more], "/none/such", "https://links.example"]
    assert settings.variables["PIP_EXTRA_INDEX_URL"] == f"file://{inside[index.parent]}/simple"
    assert len(set(inside.values())) == len(inside)
    assert not any(str(tmp_path) in value for value in settings.variables.values())

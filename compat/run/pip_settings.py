"""What pip is told on this machine, so that it can be told the same where an image is built."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PipSettings", "pip_settings"]


@dataclass(frozen=True)
class PipSettings:
    """Environment variables for pip inside a container, and what must be mounted there for them to be true.

    ``paths`` are files and folders of this machine, each with its place inside.
    """

    variables: dict[str, str]
    paths: dict[Path, str]


def pip_settings() -> PipSettings:
    """Read pip's own answer (``pip config list``) and the variables that proxies and certificates come in.

    Credentials in an index URL reach the building container's environment only; images keep none of it.
    """
    names = ("PIP_", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")
    variables = {key: value for key, value in os.environ.items() if key.startswith(names)}
    words = list(variables.values())
    done = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        key, _, value = line.partition("=")
        value = value.strip("'\"")
        section, _, option = key.rpartition(".")
        if section in ("global", "install") and option:
            variables.setdefault("PIP_" + option.upper().replace("-", "_"), value.replace("\\n", " "))
            words.append(value.replace("\\n", " "))
    paths = []
    for word in " ".join(words).split():
        path = Path(word.removeprefix("file://"))
        if path.is_absolute() and path.exists() and path != Path(path.anchor):
            paths.append(_mountable(path))
    inside = {path: f"/run/compat-pip/{index}" for index, path in enumerate(dict.fromkeys(paths))}
    for key, value in variables.items():
        for path in sorted(inside, key=lambda path: -len(str(path))):  # the longest first: one may lie in another
            value = value.replace(str(path), inside[path])
        variables[key] = value
    return PipSettings(variables, inside)


def _mountable(path: Path) -> Path:
    """The path as it is; a simple index refers to files beside it, so its parent is taken with it."""
    return path.parent if path.name == "simple" and path.is_dir() else path

"""What of a known-good stack can still be had: pip's index as it is configured, and an engine's HTTP interface."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from compat.plan.back import ArtifactBack, AxisBack, RuntimeBack, WayBack
from compat.run.available import Had, availability
from tests.run.wheel import make_wheel, only_from

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


def runtime(**fields: Any) -> RuntimeBack:
    plain = {"image": None, "base": None, "requirements": (), "python": None, "variables": ()}
    return RuntimeBack(**{"name": "old", "kind": "requirements", **plain, **fields})


def back(known: RuntimeBack | None, *axes: AxisBack, artifacts: tuple[ArtifactBack, ...] = ()) -> WayBack:
    return WayBack(
        1, "m", "0" * 64, "the matrix", None, {"runtime": "new"}, {"runtime": "old"}, axes, None, known, artifacts,
        (), (), None,
    )  # fmt: skip


def states(found: tuple[Had, ...]) -> list[tuple[str, str]]:
    return [(one.kind, one.state) for one in found]


# -- packages ----------------------------------------------------------------------------------------------------------


def test_packages_by_the_index_that_pip_is_configured_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("1.0", "1.1", "2.0rc1", "2.0+local"):
        make_wheel(tmp_path / "wheels", "thing", version)
    only_from(tmp_path / "wheels", monkeypatch)
    asked = {
        "thing==1.0": "available",
        "thing==1.*": "available",
        "thing==2.0rc1": "available",
        "thing==2.0": "available",
        "thing==3.0": "gone",
        "nothing==1.0": "gone",
        'nothing==1.0; python_version < "3"': "available",
    }
    found = availability(back(runtime(requirements=tuple(asked))), tmp_path)
    assert {one.what: one.state for one in found} == asked
    (gone,) = [one for one in found if one.what == "thing==3.0"]
    assert gone.said == "the index has none of it for this Python, of 4 versions"
    assert not gone.good


def test_an_index_that_does_not_answer_is_not_one_that_has_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"CONFIG_FILE": "/dev/null", "INDEX_URL": "http://127.0.0.1:9/simple", "RETRIES": "0"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    (found,) = availability(back(runtime(requirements=("thing==1.0",))), tmp_path)
    assert (found.state, found.good) == ("unknown", False)


# -- files -------------------------------------------------------------------------------------------------------------


def test_files_in_the_cache_by_their_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_from(tmp_path, monkeypatch)
    name = hashlib.sha256(b"weights").hexdigest()
    place = tmp_path / "artifacts" / name / "model.onnx"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"weights")
    here = ArtifactBack("model:m", "", "models/model.onnx", name)
    packed = ArtifactBack("model:p", "nothing==1.0", "p/model.onnx", "0" * 64)
    assert states(availability(back(runtime(), artifacts=(here, packed)), tmp_path)) == [
        ("artifact", "available"),
        ("artifact", "gone"),
    ]
    place.write_bytes(b"others")
    (found,) = availability(back(runtime(), artifacts=(here,)), tmp_path)
    assert found.state == "unknown"
    assert "the matrix has it at models/model.onnx" in found.said


# -- images ------------------------------------------------------------------------------------------------------------


class _Engine(BaseHTTPRequestHandler):
    """An engine that has some images, and whose registries have others: what docker's client asks of either."""

    images: frozenset[str] = frozenset()
    registry: frozenset[str] = frozenset()
    refuses = 404

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = re.sub(r"^/v[\d.]+", "", unquote(self.path))
        kind, _, name = path.strip("/").removesuffix("/json").partition("/")
        if path in ("/_ping", "/version"):
            self._answer(200, {"ApiVersion": "1.41"})
        elif kind == "images" and name in self.images:
            self._answer(200, {"Id": OTHER})
        elif kind == "distribution" and name in self.registry:
            self._answer(200, {"Descriptor": {"digest": DIGEST}, "Platforms": []})
        else:
            self._answer(self.refuses, {"message": f"{name}: nothing like it"})

    def _answer(self, code: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@contextlib.contextmanager
def engine(patch: pytest.MonkeyPatch, **has: Any) -> Iterator[None]:
    handler = type("Handler", (_Engine,), has)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    patch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_port}")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


NAME = "registry.example/torch:2.10"
PINNED = f"registry.example/torch@{DIGEST}"
IMAGE = runtime(kind="image", image=NAME, digests=(DIGEST,))


@pytest.mark.parametrize(
    ("has", "state", "said"),
    [
        ({"images": {PINNED}}, "available", "on the engine"),
        ({"registry": {PINNED}}, "available", "in the registry"),
        ({"registry": {NAME}, "images": {NAME}}, "gone", "neither on the engine nor in its registry"),
        ({"refuses": 403}, "gone", "its registry says: "),
        ({"refuses": 500}, "unknown", "its registry says: "),
    ],
    ids=["engine", "registry", "another image by its tag", "denied", "broken"],
)
def test_an_image_by_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has: dict[str, Any], state: str, said: str
) -> None:
    with engine(monkeypatch, **has):
        (found,) = availability(back(IMAGE), tmp_path)
    assert (found.what, found.state) == (PINNED, state)
    assert said in found.said


def test_an_image_by_a_tag_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with engine(monkeypatch, registry={NAME}):
        (found,) = availability(back(runtime(kind="image", image=NAME)), tmp_path)
    assert found.state == "available"
    assert found.said == "in the registry; by a tag, which may be another image by now"


def test_without_an_engine_nobody_knows_of_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    (found,) = availability(back(IMAGE), tmp_path)
    assert found.state == "unknown"
    assert found.said.startswith("no engine could be asked: ")


def test_an_image_that_was_built_is_there_or_can_be_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(tmp_path / "wheels", "thing")
    only_from(tmp_path / "wheels", monkeypatch)
    built = runtime(base="debian:bookworm", requirements=("thing==1.0",), ids=(OTHER,))
    with engine(monkeypatch, images={OTHER}):
        assert states(availability(back(built), tmp_path)) == [("image", "available")]
    with engine(monkeypatch, registry={"debian:bookworm"}):
        assert states(availability(back(built), tmp_path)) == [("image", "available"), ("package", "available")]
    with engine(monkeypatch):
        assert states(availability(back(built), tmp_path)) == [("image", "gone"), ("package", "available")]


# -- what nobody knows -------------------------------------------------------------------------------------------------


def test_what_nobody_can_say_is_not_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # neither apt-cache nor dnf
    axes = AxisBack("driver", "580.1", "570.1"), AxisBack("firmware", "2", "1", None)
    found = availability(back(None, *axes), tmp_path)
    assert states(found) == [("runtime", "unknown"), ("driver", "unknown"), ("firmware", "unknown")]
    assert not any(one.good for one in found)


def test_an_interpreter_that_is_gone(tmp_path: Path) -> None:
    (found,) = availability(back(runtime(kind="in_place", python=str(tmp_path / "python"))), tmp_path)
    assert (found.kind, found.state) == ("in_place", "gone")

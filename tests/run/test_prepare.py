from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from compat.errors import ContentError, EngineError, RuntimeSetupError, UsageError
from compat.model import Artifact, Item, Plan, Runtime
from compat.run.container import ContainerRuntime
from compat.run.in_place import InPlaceRuntime
from compat.run.prepare import Prepared, prepare
from compat.run.session import Session
from compat.run.venv import VenvRuntime
from tests.conftest import BASE

from .small_plan import CONTENT, Small
from .wheel import make_wheel, only_from

if TYPE_CHECKING:
    from docker import DockerClient

SITE = {"text": CONTENT["text"]}


class World:
    """A plan over a content file of a site, that can be prepared in several ways."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.site = root / "site"
        (self.site / "workloads").mkdir(parents=True)
        self.file = self.site / "workloads" / "text.py"
        self.file.write_text(CONTENT["text"], encoding="utf-8")
        self.plan: Plan = Small(root / "small", SITE).plan
        self.said: list[str] = []

    def with_runtimes(self, *specs: Runtime) -> World:
        self.plan = replace(self.plan, runtimes={spec.name: spec for spec in specs})
        return self

    def with_artifact(self, artifact: Artifact) -> World:
        items = tuple(replace(item, case=replace(item.case, artifact=artifact)) for item in self.plan.items)
        self.plan = replace(self.plan, items=items)
        return self

    @property
    def items(self) -> tuple[Item, ...]:
        return self.plan.items

    def prepare(self, engine: str = "auto") -> Prepared:
        return prepare(
            self.plan,
            self.items,
            engine=engine,
            cache=self.root / "cache",
            say=self.said.append,
            sites=[self.site],
        )

    def works(self, prepared: Prepared) -> None:
        """Assert that the case runs in every runtime."""
        (item,) = self.items
        for runtime in prepared.runtimes.values():
            session = Session(runtime, ())
            content = prepared.content[item.case.workload]
            result, frames = session.run(
                item.case, content, prepared.artifact(item.case, item.cell.stack["runtime"]), 20.0
            )
            session.close()
            assert result.fault is None
            assert frames == (b"same",)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "wheels"
    make_wheel(folder, "tiny-local", files={"tiny_local_data/model.bin": b"weights"})
    only_from(folder, monkeypatch)
    return folder


def _needing(*requirements: str, base: str | None = None) -> tuple[Runtime, Runtime]:
    return Runtime("old", base=base, requirements=requirements), Runtime("new", base=base, requirements=requirements)


@pytest.mark.usefixtures("no_engine")
def test_runtimes_in_place_need_no_engine(world: World) -> None:
    prepared = world.prepare("docker")
    assert {name: type(runtime) for name, runtime in prepared.runtimes.items()} == {
        "old": InPlaceRuntime,
        "new": InPlaceRuntime,
    }
    assert prepared.content == {"operator:text": world.file}
    assert prepared.artifact(world.items[0].case, world.items[0].cell.stack["runtime"]) is None
    assert [line.split(":")[0] for line in sorted(world.said)] == ["runtime new", "runtime old"]
    world.works(prepared)


def test_a_word_that_is_no_engine_is_refused(world: World) -> None:
    with pytest.raises(UsageError, match="'podman' is not one of auto, docker, venv"):
        world.prepare("podman")


@pytest.mark.parametrize("change", ["changed", "gone", "elsewhere"])
def test_content_that_is_not_what_was_planned_is_refused(world: World, change: str) -> None:
    if change == "changed":
        world.file.write_text(CONTENT["text"] + "\n", encoding="utf-8")
    elif change == "gone":
        world.file.unlink()
    else:
        (world.site / "kernels").mkdir()
        world.file.rename(world.site / "kernels" / "text.py")
    with pytest.raises(ContentError) as refused:
        world.prepare()
    assert str(refused.value).startswith("operator:text: its file is not what was planned")
    assert not (world.root / "cache").exists()


def test_the_first_folder_with_the_planned_content_is_taken(world: World, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "workloads").mkdir(parents=True)
    (other / "workloads" / "text.py").write_text("something else", encoding="utf-8")
    prepared = prepare(
        world.plan,
        world.items,
        engine="venv",
        cache=tmp_path / "cache",
        say=world.said.append,
        sites=[other, world.site],
    )
    assert prepared.content == {"operator:text": world.file}


@pytest.mark.usefixtures("no_engine")
def test_virtual_environments_are_built_where_no_container_can_be(world: World) -> None:
    for engine, base, reason in (
        ("auto", BASE, "virtual environments, because no container can be had: Docker engine does not answer"),
        ("auto", None, "virtual environments: a runtime has no base image"),
        ("venv", BASE, None),
    ):
        world.said.clear()
        prepared = world.with_runtimes(*_needing(base=base)).prepare(engine)
        assert all(isinstance(runtime, VenvRuntime) for runtime in prepared.runtimes.values())
        reasons = [line for line in world.said if line.startswith("virtual environments")]
        assert [line.startswith(reason or "nothing") for line in reasons] == ([True] if reason else [])
        world.works(prepared)


@pytest.mark.usefixtures("no_engine")
def test_an_engine_that_was_asked_for_and_does_not_answer_is_an_error(world: World) -> None:
    with pytest.raises(EngineError, match="does not answer"):
        world.with_runtimes(*_needing(base=BASE)).prepare("docker")
    image = Runtime("old", image=BASE), Runtime("new", image=BASE)
    with pytest.raises(EngineError, match="does not answer"):
        world.with_runtimes(*image).prepare("auto")
    with pytest.raises(UsageError, match="runtime old is an image and needs one"):
        world.with_runtimes(*image).prepare("venv")


@pytest.mark.usefixtures("local")
def test_artifacts_are_fetched_once(world: World) -> None:
    sha256 = hashlib.sha256(b"weights").hexdigest()
    world.with_artifact(Artifact("tiny-local==1.0", "tiny_local_data/model.bin", sha256))
    for _ in range(2):
        place = world.prepare().artifact(world.items[0].case, world.items[0].cell.stack["runtime"])
        assert place is not None
        assert place.read_bytes() == b"weights"
    assert len([line for line in world.said if line.startswith("fetching model.bin")]) == 1


@pytest.mark.usefixtures("local")
def test_an_artifact_that_is_another_file_is_an_error(world: World) -> None:
    world.with_artifact(Artifact("tiny-local==1.0", "tiny_local_data/model.bin", "0" * 64))
    with pytest.raises(RuntimeSetupError, match="has the digest"):
        world.prepare()


@pytest.mark.docker
def test_containers_are_used_where_an_engine_answers(world: World, docker_client: DockerClient) -> None:
    images = Runtime("old", image=BASE), Runtime("new", image=BASE)
    prepared = world.with_runtimes(*images).prepare("docker")
    assert all(isinstance(runtime, ContainerRuntime) for runtime in prepared.runtimes.values())
    world.works(prepared)

"""``run --fresh`` puts a node's own evidence of one plan aside, and nothing that binds others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from compat.store.hold import LOCK
from tests.test_baseline_command import Site
from tests.test_cli import compat

FRESH = "upgrade-1.1-to-1.2.yaml"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that two upgrades share: the first is known-good, the second has this node, and one more."""
    site = Site(tmp_path_factory.mktemp("measured"))
    assert site.measure("1.0", "1.1") == 0
    assert site.promote().returncode == 0
    assert site.measure("1.1", "1.2") == 0
    assert run(site.folder, FRESH, COMPAT_NODE="other").returncode == 0
    looked = compat("soak", "store", "--content", "site", cwd=site.folder)
    assert looked.returncode == 0, looked.stdout
    return site.folder


@pytest.fixture
def folder(measured: Path, tmp_path: Path) -> Path:
    return shutil.copytree(measured, tmp_path / "site-of-test")


def run(folder: Path, matrix: str, *words: str, **variables: str) -> CompletedProcess[str]:
    common = ("--ring", "canary", "--content", "site", "--store", "store")
    return compat("run", matrix, *common, *words, cwd=folder, **variables)


def files(store: Path) -> dict[str, bytes]:
    found = (path for path in store.rglob("*") if path.is_file() and not path.name.startswith((LOCK, "report.")))
    return {str(path.relative_to(store)): path.read_bytes() for path in found if path.name != "verdict.json"}


def plan_of(store: Path, number: int) -> str:
    """The digest of the plan that came so many after the first."""
    start = sorted((store / "order").iterdir())[number].name.partition("-")[2]
    (found,) = (path.stem for path in (store / "plans").glob(f"{start}*"))
    return found


def by_host(store: Path) -> dict[str, str]:
    """The ids of a store's nodes, by their names."""
    return {json.loads(path.read_text())["hostname"]: path.stem for path in (store / "nodes").iterdir()}


def test_what_others_have_in_the_store_stays_and_the_rest_is_a_store_by_itself(folder: Path) -> None:
    store, plan = folder / "store", plan_of(folder / "store", 1)
    before = files(store)
    done = run(folder, FRESH, "--fresh")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    (aside,) = folder.glob("store.2*")
    said = " ".join(done.stdout.split())
    assert f"the evidence there was is in {aside.name}; what others have in store stays there" in said
    after, kept = files(store), files(aside)
    gone = {name for name, data in before.items() if after.get(name) != data}
    (own, other) = sorted(by_host(store).items(), key=lambda item: item[0] == "other")
    assert {name.rpartition("/")[0] for name in gone} == {
        f"verdicts/{plan}/canary",
        f"evidence/{plan}/{own[1]}",
        f"watches/{plan}/{own[1]}",
    }
    assert list((store / f"evidence/{plan}/{other[1]}").iterdir())
    assert {name: kept[name] for name in gone} == {name: before[name] for name in gone}
    assert {name for name in after if name.startswith("evidence/")} > {
        name for name in before if name.startswith("evidence/") and name not in gone
    }, "it was measured again"
    assert "prod" in compat("baseline", "list", "store", cwd=folder).stdout
    for place in ("store", aside.name):
        verified = compat("store", "verify", place, cwd=folder)
        assert (verified.returncode, verified.stderr) == (0, ""), verified.stdout
    assert compat("gate", aside.name, "--ring", "canary", cwd=folder).returncode == 0
    assert compat("gate", "store", "--ring", "canary", cwd=folder).returncode == 0


@pytest.mark.parametrize(
    ("matrix", "words", "said"),
    [
        ("third.yaml", (), "belongs to the upgrade 'upgrade-1.1-to-1.2: runtime 1.1 -> runtime 1.2' since "),
        (
            "upgrade-1.0-to-1.1.yaml",
            (),
            "--fresh: would take away what entry 1 of baseline prod rests on; measure into",
        ),
        (FRESH, ("--label", "new=label"), "is not as it was when measuring began"),
    ],
    ids=["the node is another's", "a baseline rests on it", "the node is another one"],
)
def test_what_may_not_be_put_aside_is_refused_and_stays(
    folder: Path, matrix: str, words: tuple[str, ...], said: str
) -> None:
    text = (folder / FRESH).read_text()
    (folder / "third.yaml").write_text(text.replace("1.2", "1.3"))
    before = files(folder / "store")
    done = run(folder, matrix, "--fresh", *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert said in done.stderr
    assert "or with --fresh" not in done.stderr
    assert files(folder / "store") == before
    assert not list(folder.glob("store.2*"))


def test_a_store_of_one_upgrade_and_one_node_goes_as_a_whole(tmp_path: Path) -> None:
    """Another matrix of the same upgrade and its lease are no one else's."""
    site = Site(tmp_path)
    assert site.measure("1.0", "1.1") == 0
    before = files(tmp_path / "store")
    matrix = tmp_path / "upgrade-1.0-to-1.1.yaml"
    matrix.write_text(matrix.read_text() + "# edited\n")
    done = run(tmp_path, matrix.name, "--fresh", "--label", "new=label")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    (aside,) = tmp_path.glob("store.2*")
    assert files(aside) == before
    assert len(list((tmp_path / "store/plans").iterdir())) == 1
